# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Entering while somebody who is needed is stopped: with a time-out it comes
# back, without one it waits.  tests/fs/sitter.c

load helpers

: "${SITTER:?path of the program, tests/fs/sitter.c}"
export VISITOR=$SITTER

setup() {
	need_root
	new_world
	mount_world
	DAEMON=$(daemon_pid)
	export DAEMON
}

teardown() {
	kill -CONT "$DAEMON" 2>/dev/null || :
	end_world
}

# sitter NAME [ARENA]: start one.
sitter() {
	visit "$1" "${2:-shop}"
	says "$1" "^here$"
}

# Tell one and do not wait for its answer; `answers` does.
order() {
	local name=$1

	shift
	wc -l <"$BATS_TEST_TMPDIR/$name.out" >"$BATS_TEST_TMPDIR/$name.had"
	echo "$*" >"$BATS_TEST_TMPDIR/$name.in"
}

answers() {
	local had

	had=$(cat "$BATS_TEST_TMPDIR/$1.had")
	wait_for has_more_lines "$BATS_TEST_TMPDIR/$1.out" "$had"
	run -0 tail -n 1 "$BATS_TEST_TMPDIR/$1.out"
	[ "$output" = "$2" ]
}

says_nothing() {
	! has_more_lines "$BATS_TEST_TMPDIR/$1.out" \
		"$(cat "$BATS_TEST_TMPDIR/$1.had")"
}

is() {
	[ "$(tell "$@" 2>&1)" = "$IS" ]
}

members_are() {
	[ "$(ls "$MNT/$1/members")" = "$2" ]
}

stop_daemon() {
	kill -STOP "$DAEMON"
	wait_for has_line "/proc/$DAEMON/status" "^State:[[:space:]]*T"
}

# As if it had never tried: what it got late, it gave back by itself.
has_nothing() {
	IS=$1 wait_for is b has
}

@test "enter: a stopped daemon, an arena that is there" {
	sitter a
	[ "$(tell a enter 0)" = ok ]
	sitter b
	before=$(tell b has)
	stop_daemon
	[ "$(tell b enter 100)" = ETIMEDOUT ]
	[ "$(tell b enter 1)" = ETIMEDOUT ]
	[ "$(tell b enter 100 u)" = ETIMEDOUT ]
	[ "$(tell b enter 0 u)" = ETIMEDOUT ]
	[ "$(tell b enter 0 n)" = EAGAIN ]
	kill -CONT "$DAEMON"
	has_nothing "$before"
	wait_for members_are shop 1
	[ "$(tell b enter 0)" = ok ]
	[ "$(tell b exit)" = ok ]
}

@test "enter: a stopped daemon, an arena that would have to be made" {
	sitter b
	before=$(tell b has)
	stop_daemon
	[ "$(tell b enter 100)" = ETIMEDOUT ]
	[ "$(tell b enter 0 n)" = EAGAIN ]
	kill -CONT "$DAEMON"
	has_nothing "$before"
	wait_for is_absent "$MNT/shop"
	[ "$(tell b enter 5000)" = ok ]
}

@test "enter: the daemon is stopped when the callback has run" {
	sitter a
	[ "$(tell a enter 0)" = ok ]
	sitter b
	before=$(tell b has)
	[ "$(tell b enter 300 d)" = ETIMEDOUT ]
	kill -CONT "$DAEMON"
	has_nothing "$before"
	wait_for members_are shop 1
}

@test "enter: a callback may last longer than the time-out" {
	sitter a
	[ "$(tell a enter 500 l)" = ok ]
	sitter b
	[ "$(tell b enter 500 l)" = ok ]
	[ "$(tell b exit)" = ok ]
	[ "$(tell b enter 5000 u)" = ok ]
}

@test "enter: a stopped member has the life lock, and there is a time-out" {
	sitter a
	[ "$(tell a enter 0)" = ok ]
	sitter b
	before=$(tell b has)
	[ "$(tell a hold)" = ok ]
	[ "$(tell b enter 100)" = ETIMEDOUT ]
	[ "$(tell b enter 0 n)" = EAGAIN ]
	[ "$(tell a release)" = ok ]
	has_nothing "$before"
	wait_for members_are shop 1
}

@test "enter: a stopped member has the life lock, and there is no time-out" {
	sitter a
	[ "$(tell a enter 0)" = ok ]
	sitter b
	[ "$(tell a hold)" = ok ]
	kill -STOP "$(pid_of a)"
	order b enter 0
	# The daemon's patience, ten times over.
	sleep 2.5
	says_nothing b
	kill -CONT "$(pid_of a)"
	[ "$(tell a release)" = ok ]
	answers b ok
	[ "$(tell b exit)" = ok ]
	wait_for members_are shop 1
}

@test "enter: a signal ends it, with a time-out and without" {
	mkdir "$MNT/shop"
	sitter a
	before=$(tell a has)
	for how in "0 s" "20000 s" "0 si" "20000 siu"; do
		order a enter "$how"
		# Again, as one that comes before the wait ends nothing.
		wait_for hit_and_see a
		answers a EINTR
	done
	# A thread may yet wait for the master that never comes.
	kill -9 "$(pid_of a)"
	wait_for is_gone "$(pid_of a)"
	wait_for rmdir "$MNT/shop"
}

hit_and_see() {
	kill -USR1 "$(pid_of "$1")"
	not says_nothing "$1" 2>/dev/null
}
