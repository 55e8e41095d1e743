#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ctrl-C ends every example at once, whatever it waits for, and the others
# never notice.

# shellcheck disable=SC2030,SC2031,SC2034  # bats: tests are subshells
load helpers

setup() {
	: "${CALC:?path of the calc example}"
	: "${CHAT:?path of the chat example}"
	: "${QUEUE:?path of the queue example}"
	: "${SCREEN:?path of the screen example}"
	: "${WORDINDEX:?path of the wordindex example}"
	new_world
	mount_world
	MEMBERS=
	DAEMON=$(daemon_pid)
}

teardown() {
	kill -CONT "$DAEMON" 2>/dev/null || :
	end_world
}

# start_tty PROGRAM...: as in the foreground of a terminal, whose lines are what
# is written to fd 9.  (A shell has its background processes ignore SIGINT.)
start_tty() {
	rm -f "$BATS_TEST_TMPDIR/tty"
	mkfifo "$BATS_TEST_TMPDIR/tty"
	exec 9<>"$BATS_TEST_TMPDIR/tty"
	env --default-signal=INT,TERM "$@" <"$BATS_TEST_TMPDIR/tty" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- 8>&- 9>&- &
	started=$!
	MEMBERS="$MEMBERS $!"
	disown
}

# It is asleep in this system call.
sleeps_in() {
	[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = S ] &&
		[ "$(cut -d' ' -f1 "/proc/$1/syscall")" = "$2" ]
}

ends_at_once() {
	local PATIENCE=3

	kill "-$1" "$started"
	wait_for is_gone "$started"
}

n_members() {
	[ "$(find "$MNT/$1/members" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$2" ]
}

@test "Ctrl-C: in fgets" {
	for signal in INT TERM; do
		mkdir "$MNT/a"
		start_tty "$CALC" serve "$MNT/a"
		wait_for has_line "$MNT/a/calls/calc" "owner member"
		ends_at_once $signal
		start_tty "$CHAT" "$MNT/a" ann
		wait_for has_line "$BATS_TEST_TMPDIR/said" "ann: hello"
		ends_at_once $signal
		start_tty "$QUEUE" put "$MNT/a"
		wait_for exists "$MNT/a/skirmishes/queue"
		ends_at_once $signal
		start_tty "$SCREEN" film "$MNT/b" Metropolis
		wait_for has_line "$MNT/b/properties/screen" "state purchased"
		ends_at_once $signal
		wait_for is_absent "$MNT/b"
		wait_for rmdir "$MNT/a"
	done
}

@test "Ctrl-C: in the condition of a skirmish" {
	mkdir "$MNT/q"
	start_tty "$QUEUE" get "$MNT/q"
	wait_for has_line "$MNT/q/members/1/status" "^state alive"
	wait_for sleeps_in "$started" 202
	ends_at_once INT
	wait_for n_members q 0
}

@test "Ctrl-C: for a lock that a shell has" {
	mkdir "$MNT/q"
	echo x | "$QUEUE" put "$MNT/q" &
	wait $!
	start_tty "$QUEUE" put "$MNT/q"
	wait_for exists "$MNT/q/skirmishes/queue"
	exec 8<"$MNT/q/skirmishes/queue"
	flock 8
	echo line >&9
	wait_for has_line "$MNT/q/skirmishes/queue" "waiters 1"
	ends_at_once INT
	exec 8<&-
	wait_for n_members q 0
}

@test "Ctrl-C: in a call to a service that is stopped" {
	mkdir "$MNT/c"
	start_tty "$CALC" serve "$MNT/c"
	service=$started
	wait_for has_line "$MNT/c/calls/calc" "owner member"
	kill -STOP "$service"
	exec 7>&9
	start_tty "$CALC" ask "$MNT/c" 1 + 1
	wait_for has_line "$MNT/c/calls/calc" "pending 1"
	ends_at_once INT
	kill -CONT "$service"
	[ "$("$CALC" ask "$MNT/c" 1 + 1)" = 2 ]
	exec 7>&-
}

@test "Ctrl-C: while another initialises" {
	start_tty "$WORDINDEX" "$MNT/w"
	first=$started
	wait_for file_is "$MNT/w/state" initializing
	exec 7>&9
	start_tty "$WORDINDEX" "$MNT/w"
	wait_for sleeps_in "$started" 16
	ends_at_once INT
	# And the one who was to end its input.
	started=$first
	ends_at_once INT
	exec 7>&-
	wait_for is_absent "$MNT/w"
}

@test "Ctrl-C: while others work, and after their work" {
	echo "one two" >"$BATS_TEST_TMPDIR/text"
	echo "$BATS_TEST_TMPDIR/text" >"$BATS_TEST_TMPDIR/names"
	for when in before after; do
		env --default-signal=INT "$WORDINDEX" "$MNT/w" \
			<"$BATS_TEST_TMPDIR/names" \
			>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- &
		started=$!
		MEMBERS="$MEMBERS $!"
		disown
		wait_for file_is "$MNT/w/state" running
		if [ $when = after ]; then
			"$WORDINDEX" "$MNT/w" </dev/null
			wait_for has_line "$BATS_TEST_TMPDIR/said" "^indexed"
		fi
		ends_at_once INT
		wait_for is_absent "$MNT/w"
	done
}

@test "Ctrl-C: with the daemon stopped" {
	mkdir "$MNT/a"
	kill -STOP "$DAEMON"
	for program in "$CALC serve $MNT/a" "$CALC ask $MNT/a 1" \
		"$CHAT $MNT/a ann" "$QUEUE get $MNT/a" \
		"$SCREEN log $MNT/a" "$WORDINDEX $MNT/a"; do
		# shellcheck disable=SC2086  # words
		start_tty $program
		wait_for is_waiting "$started"
		ends_at_once INT
	done
	kill -CONT "$DAEMON"
	wait_for n_members a 0
}

# It has come to where it waits for the daemon.
is_waiting() {
	grep -q fuse "/proc/$1/wchan" 2>/dev/null ||
		grep -q request_wait "/proc/$1/stack" 2>/dev/null
}
