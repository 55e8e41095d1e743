#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is gone never comes back as another thing: not by a descriptor that was
# open, nor by a directory that somebody is in.
# shellcheck disable=SC2154  # set by run

load helpers

setup() {
	new_world
	mount_world
}

teardown() {
	exec 7<&- 8<&- 9<&-
	cd /
	end_world
}

is_gone_file() {
	fails_with "No such file" cat <&"$1" ||
		[[ $output == *"Stale file"* ]]
}

# Of the shell, which is in it.
is_gone_directory() {
	fails_with "No such file" cat ./status
	fails_with "No such file" ls .
}

@test "identity: an open file does not show the next one after 4096 remakes" {
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/first"
	exec 8<"$MNT/a/skirmishes/first"
	before=$(stat -c %i "$MNT/a/skirmishes/first")
	cat <&8 >/dev/null
	rm "$MNT/a/skirmishes/first"
	is_gone_file 8
	"${REMAKE:?}" file "$MNT/a/skirmishes/next" 4094
	# These have the ids around 4096 more than the first.
	for i in 1 2 3 4; do
		: >"$MNT/a/skirmishes/next"
		[ "$(stat -c %i "$MNT/a/skirmishes/next")" != "$before" ]
		is_gone_file 8
		not flock -n 8
		rm "$MNT/a/skirmishes/next"
	done
}

@test "identity: nor the old one, when only its size was asked for in time" {
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/first"
	exec 8<"$MNT/a/skirmishes/first"
	[ "$(stat -L -c %s "/proc/$BASHPID/fd/8")" -gt 0 ]
	rm "$MNT/a/skirmishes/first"
	: >"$MNT/a/skirmishes/first"
	run read -r -u 8
	[ "$status" -ne 0 ]
	is_gone_file 8
}

@test "identity: nor does a directory that somebody is in" {
	mkdir "$MNT/a"
	mkdir "$MNT/a/reactors/first"
	cd "$MNT/a/reactors/first"
	cat ./status >/dev/null
	rmdir "$MNT/a/reactors/first"
	is_gone_directory
	"$REMAKE" dir "$MNT/a/reactors/next" 4094
	for i in 1 2 3 4; do
		mkdir "$MNT/a/reactors/next"
		is_gone_directory
		rmdir "$MNT/a/reactors/next"
	done
}

@test "identity: an arena's next life has none of the things of its last" {
	mkdir "$MNT/a"
	for life in 1 2 3; do
		enter "m$life" a
		: >"$MNT/a/skirmishes/s"
		mkdir "$MNT/a/reactors/r"
		if [ $life -eq 1 ]; then
			exec 7<"$MNT/a/skirmishes/s"
			exec 8<"$MNT/a/members/$(id_of m1)/status"
			exec 9<"$MNT/a/reactors/r/stream"
			cd "$MNT/a/reactors/r"
		else
			# The same ids, in the same places.
			is_gone_file 7
			is_gone_file 8
			is_gone_directory
		fi
		leave "m$life"
	done
	# The arena itself is the same all the time.
	[ "$(cat "$MNT/a/state")" = empty ]
}

@test "identity: whoever is in an arena's directory stays in it from life to life" {
	mkdir "$MNT/a"
	cd "$MNT/a"
	exec 8<state
	for life in 1 2 3; do
		enter "m$life" a
		[ "$(cat ./state)" = running ]
		leave "m$life"
		wait_for file_is ./state empty
	done
	[ "$(cat <&8)" = empty ]
}

@test "identity: an arena's place is not another arena's" {
	mkdir "$MNT/a"
	cd "$MNT/a"
	exec 8<status
	exec 9<"$MNT/a"
	cat <&8 >/dev/null
	rmdir "$MNT/a"
	for i in {1..12}; do
		mkdir "$MNT/a"
		is_gone_file 8
		is_gone_directory
		fails_with "No such file" ls "/proc/self/fd/9/"
		[ "$(cat "$MNT/a/state")" = empty ]
		rmdir "$MNT/a"
	done
}

@test "identity: numbers of arenas that are made and removed differ" {
	mkdir "$MNT/keep"
	keep=$(stat -c %i "$MNT/keep/status")
	for i in {1..12}; do
		mkdir "$MNT/a$i"
		[ "$(stat -c %i "$MNT/a$i/status")" != "$keep" ]
		[ "$(cat "$MNT/a$i/state")" = empty ]
	done
	[ "$(stat -c %i "$MNT"/*/status | sort -u | wc -l)" -eq 13 ]
	[ "$(stat -c %i "$MNT/keep/status")" = "$keep" ]
}
