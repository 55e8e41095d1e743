#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a member does to its arena on purpose, and goes on doing: all others are
# served meanwhile, and no arena but its own says EIO.

load ../fs/helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/good" "$MNT/bad"
	enter g good
	tell g add f 10 int
	tell g skirmish s
	DAEMON=$(daemon_pid)
}

teardown() {
	end_world
}

# attack WHAT [ARENA]
attack() {
	local arena=${2:-bad}

	"${ATTACKER:?}" "$arena" "$1" >"$BATS_TEST_TMPDIR/$arena" 3>&- 4>&- &
	ATTACK=$!
	MEMBERS="$MEMBERS $ATTACK"
	disown
	wait_for has_line "$BATS_TEST_TMPDIR/$arena" "^attacking"
}

# Ends by itself, with whatever result.
ends() {
	timeout 30 "$@" >/dev/null 2>&1 || [ $? -lt 124 ] || {
		echo "does not end: $*" >&2
		return 1
	}
}

# All that a shell can do with the attacked arena, several at once.
provoke() {
	local pids='' pid a=$MNT/bad

	ends find "$a" -type f ! -name stream ! -name text ! -path '*/calls/*' \
		-exec cat {} + 3>&- 4>&- &
	pids="$pids $!"
	ends ls -lR "$a" 3>&- 4>&- &
	pids="$pids $!"
	for kind in skirmishes properties reactors; do
		ends flock -w 0.2 "$a/$kind/new" true 3>&- 4>&- &
		pids="$pids $!"
	done
	ends flock -w 0.2 "$a/skirmishes/t0" true 3>&- 4>&- &
	pids="$pids $!"
	# shellcheck disable=SC2016  # for the inner shell
	ends sh -c 'mkdir "$1/reactors/x"
		timeout 2 sh -c "echo a >\"\$1\"" sh "$1/reactors/t0/dispatch"
		timeout 2 sh -c "echo b >\"\$1\"" sh "$1/members/1/inbox"
		timeout 2 dd if="$1/reactors/t0/stream" count=1
		rmdir "$1/reactors/t1"; :' sh "$a" 3>&- 4>&- &
	pids="$pids $!"
	for pid in $pids; do
		wait "$pid" || return 1
	done
}

others_are_served() {
	[ "$(daemon_pid)" = "$DAEMON" ]
	file_is "$MNT/good/state" running
	grep -q "^0x" "$MNT/good/fields/f"
	timeout 60 flock -w 5 "$MNT/good/skirmishes/s" true
	timeout 60 find "$MNT/good" -type f ! -name stream ! -name text \
		! -name inbox ! -name dispatch -exec cat {} + >/dev/null
	enter "h$1" good
	leave "h$1"
}

# Both at once, then the end of it: nothing is left of the attacked arena.
survive() {
	attack "$1"
	provoke &
	PROVOKE=$!
	others_are_served "1"
	wait "$PROVOKE"
	others_are_served "2"
	kill_ours "$ATTACK"
	wait_for is_gone "$ATTACK"
	ends ls -lR "$MNT/bad"
	if exists "$MNT/bad"; then
		wait_for rmdir "$MNT/bad"
	fi
	mkdir "$MNT/bad"
	enter b bad
	leave b
	others_are_served "3"
}

@test "attack: core locks are held by a token of nobody" {
	survive hold-as-nobody
}

@test "attack: core locks are held by a thread that lives" {
	survive hold-as-myself
}

@test "attack: core locks are held by the daemon's own token" {
	survive hold-as-daemon
}

@test "attack: who waits for core locks is woken for ever" {
	survive wake-all
}

@test "attack: the life lock is held" {
	survive hold-life
}

@test "attack: a daemon that starts while the life lock is held tries again" {
	attack hold-life
	kill_daemon
	mount_world
	DAEMON=$(daemon_pid)
	file_is "$MNT/bad/state" recovering
	fails_with "temporarily unavailable" cat "$MNT/bad/status"
	fails_with "temporarily unavailable" cat "$MNT/bad/base"
	visit c bad
	others_are_served 1
	file_is "$MNT/bad/state" recovering
	kill_ours "$ATTACK"
	wait_for file_is "$MNT/bad/state" running
	says c "^in "
	others_are_served 2
}

@test "attack: a daemon that starts while a lock it needs is held tries again" {
	enter c bad
	attack hold-as-myself
	kill_visitor c
	kill_daemon
	mount_world
	DAEMON=$(daemon_pid)
	# Nobody knows who is inside before the dead are recovered.
	not file_is "$MNT/bad/state" corrupt
	others_are_served 1
	not file_is "$MNT/bad/state" corrupt
	kill_ours "$ATTACK"
	wait_for is_gone "$ATTACK"
	others_are_served 2
	wait_for rmdir "$MNT/bad"
}

@test "attack: skirmishes and properties change all the time" {
	survive flip-locks
}

@test "attack: slots of calls change all the time" {
	survive flip-slots
}

@test "attack: bells are rung for ever" {
	survive ring-bells
}

@test "attack: chains are rings" {
	survive close-rings
}

@test "attack: marks are beyond the end" {
	survive raise-marks
}

@test "attack: threads announce all that they can" {
	survive announce
}

@test "attack: the file is cut and grown for ever" {
	survive cut-and-grow
}

@test "attack: all tables are scribbled over for ever" {
	survive scribble
}

@test "attack: 33 arenas at once, and one more is served" {
	need_root # a user may not make as many
	attacks=(wake-all hold-as-myself flip-locks flip-slots ring-bells
		close-rings raise-marks announce hold-life scribble cut-and-grow)
	for i in $(seq 33); do
		mkdir "$MNT/bad$i"
		attack "${attacks[i % ${#attacks[@]}]}" "bad$i"
		ends find "$MNT/bad$i" -name held -o -name deadlocks -o \
			-name status -exec cat {} + 3>&- 4>&- &
		ends mkdir "$MNT/bad$i/reactors/x" 3>&- 4>&- &
	done
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		file_is "$MNT/good/state" running
	done
	[ "$(daemon_pid)" = "$DAEMON" ]
	# shellcheck disable=SC2086  # a list
	kill_ours $MEMBERS
	wait
	file_is "$MNT/.fusionfs/pid" "$DAEMON"
}
