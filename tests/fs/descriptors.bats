#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that are started without standard descriptors, and what they keep.

load helpers

setup() {
	new_world
}

teardown() {
	end_world
}

# Each set of the standard descriptors that can be closed: -<&-, and so on.
closings=("" "0" "1" "2" "01" "02" "12" "012")

# Run a command with these closed.
without() {
	local which=$1

	shift
	(
		[[ $which != *0* ]] || exec <&-
		[[ $which != *1* ]] || exec >&-
		[[ $which != *2* ]] || exec 2>&-
		exec "$@"
	)
}

is_served() {
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/lock"
	flock "$MNT/a/skirmishes/lock" cat "$MNT/a/status" >/dev/null
	ls -lR "$MNT" >/dev/null
	rmdir "$MNT/a"
}

# What was closed leads nowhere now; what the daemon has opened is above 2 and
# no child's.
has_clean_descriptors() {
	local pid=$1 closed=$2 fd to

	for fd in 0 1 2; do
		[[ $closed == *$fd* ]] || continue
		to=$(readlink "/proc/$pid/fd/$fd")
		[ "$to" = /dev/null ] || {
			echo "closed '$closed': $fd is $to"
			return 1
		}
	done
	for fd in "/proc/$pid/fd"/*; do
		fd=${fd##*/}
		[ "$fd" -gt 2 ] || continue
		grep -q '^flags:.*2[0-7]\{6\}$' "/proc/$pid/fdinfo/$fd" || {
			echo "closed '$closed': children inherit $fd:" \
				"$(readlink "/proc/$pid/fd/$fd")"
			return 1
		}
	done
}

@test "descriptors: the daemon works whatever was closed at its start" {
	for closed in "${closings[@]}"; do
		without "$closed" "$FUSIONFS" -o "backing=$BACKING" "$MNT"
		is_mounted
		is_served
		has_clean_descriptors "$(daemon_pid)" 012
		unmount_world
	done
}

@test "descriptors: so does one in the foreground" {
	for closed in "${closings[@]}"; do
		without "$closed" "$FUSIONFS" -f -o "backing=$BACKING" "$MNT" &
		wait_for is_mounted
		is_served
		has_clean_descriptors "$(daemon_pid)" "$closed"
		unmount_world
		wait
	done
}

@test "descriptors: the daemon keeps nothing that its starter had open" {
	touch "$BATS_TEST_TMPDIR/lock"
	exec 8>"$BATS_TEST_TMPDIR/lock"
	flock 8
	"$FUSIONFS" -o "backing=$BACKING" "$MNT"
	exec 8>&-
	flock -n "$BATS_TEST_TMPDIR/lock" true
	# Who reads what it says is told of the end.
	unmount_world
	[ -z "$("$FUSIONFS" -o "backing=$BACKING" "$MNT" 2>&1)" ]
	is_served
}

@test "descriptors: a daemon that fails says so with any of them closed" {
	for closed in "${closings[@]}"; do
		not without "$closed" "$FUSIONFS" \
			-o "backing=$BACKING" "$BATS_TEST_TMPDIR/no"
	done
	[ -z "$(ls -A "$BACKING")" ]
}

@test "descriptors: the library leaves closed standard descriptors alone" {
	mount_world
	for closed in "${closings[@]}"; do
		without "$closed" "${CLOSED:?}" a 9 \
			9>"$BATS_TEST_TMPDIR/report"
		cat "$BATS_TEST_TMPDIR/report"
		file_is "$BATS_TEST_TMPDIR/report" "done"
	done
}
