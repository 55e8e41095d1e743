#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Reference counters as files.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	start m
	start n
	expect m "enter a" "entered 1 id 1"
	expect n "enter a" "entered 0 id 2"
	expect m "ref r" ok
	A=$MNT/a
	R=$A/refs/r
}

teardown() {
	life_teardown
}

says() {
	sed -n "s/^$1 //p" "${2:-$R}"
}

is() {
	[ "$(says "$1" "${3:-$R}")" = "$2" ]
}

shares() {
	grep ^member "$R" | tr '\n' ,
}

@test "refs: a file says the total and whose it is" {
	[ "$(cat "$R")" = "total 0
global 0
inherited 0
from none
falls 0
locked none
watched none" ]
	is refs 1 "$A/status"
	expect n "up r" ok
	expect m "up r" ok
	expect m "up r" ok
	expect m "up-global r" ok
	is total 4
	is global 1
	[ "$(shares)" = \
		"member 1 local 2 pending 0,member 2 local 1 pending 0," ]
	[ "$(cat "$A/members/1/refs")" = "ref r local 2 pending 0" ]
	[ "$(cat "$A/members/2/refs")" = "ref r local 1 pending 0" ]
	expect m "down r" ok
	expect m "down r" ok
	[ "$(shares)" = "member 2 local 1 pending 0," ]
	[ -z "$(cat "$A/members/1/refs")" ]
	expect n "down r" ok
	expect n "down-global r" ok
	is total 0
	is falls 1
}

@test "refs: what a member had goes with it, and what is global stays" {
	expect n "up r" ok
	expect n "up r" ok
	expect n "up-global r" ok
	slay n
	eventually is total 1
	is global 1
	[ -z "$(shares)" ]
	is falls 0
	expect m "down-global r" ok
	is falls 1
}

@test "refs: what is thrown is pending until it is caught" {
	expect m "up r" ok
	expect m "throw r 2" ok
	is total 1
	[ "$(shares)" = "member 2 local 0 pending 1," ]
	[ "$(cat "$A/members/2/refs")" = "ref r local 0 pending 1" ]
	expect n "catch r" ok
	[ "$(shares)" = "member 2 local 1 pending 0," ]
	expect n "throw r 1" ok
	slay m
	eventually is total 0
	is falls 1
}

@test "refs: one that inherits counts what the other has" {
	expect m "ref s" ok
	expect m "inherit s r" ok
	expect n "up r" ok
	is total 1 "$A/refs/s"
	is inherited 1 "$A/refs/s"
	from=$(says from "$A/refs/s")
	[[ $from =~ ^#[0-9]+$ ]]
	is total 1 "$A/refs/$from"
	slay n
	eventually is total 0 "$A/refs/s"
	is falls 1 "$A/refs/s"
}

@test "refs: who has locked it at zero" {
	expect n "zero-trylock r" ok
	is locked "member 2"
	expect m "up r" "error EBUSY"
	slay n
	eventually is locked none
	expect m "up r" ok
}

@test "refs: threads of a member count on the same line" {
	expect m "up r" ok
	expect m "thread-up r" ok
	expect m "thread-up r" ok
	expect m "up r" ok
	[ "$(shares)" = "member 1 local 4 pending 0," ]
}

@test "refs: a shell can look at them and no more" {
	[ "$(stat -c %a "$R")" = 444 ]
	run sh -c 'echo x >"$1"' sh "$R"
	[[ $output == *"ermission denied"* ]]
	run touch "$A/refs/new"
	[[ $output == *"not permitted"* ]]
	run rm -f "$R"
	[[ $output == *"not permitted"* ]]
	run flock -n "$R" true
	[[ $output == *"not supported"* ]]
	expect m "destroy-ref r" ok
	[ ! -e "$R" ]
	is refs 0 "$A/status"
}
