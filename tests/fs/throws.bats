# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Callbacks that throw, or jump out of the library: tests/fs/throws.cc.

bats_require_minimum_version 1.5.0
load life

setup() {
	[ -n "$THROWS" ] || skip "no C++ compiler"
	life_setup
}

teardown() {
	life_teardown
}

# left_by WHAT...: each leaves a usable arena, by an exception and by a jump
left_by() {
	local what

	for what in "$@"; do
		run -0 timeout 30 "$THROWS" "$what" throw
		[ "$output" = ok ]
		run -0 timeout 30 "$THROWS" "$what" jump
		[ "$output" = ok ]
	done
}

@test "throws: initialize and join" {
	left_by initialize join
}

@test "throws: shutdown and leave" {
	left_by shutdown leave
}

@test "throws: a message's handler" {
	left_by message
}

@test "throws: a call's handler, of one's own and of another" {
	left_by own-call call
}

@test "throws: reactions, queued, direct and global" {
	left_by reaction direct-reaction global
}

@test "throws: a watch, a notice, a cleanup" {
	left_by watch notice cleanup
}

@test "throws: a destructor, an enumerator, a description" {
	left_by object
}
