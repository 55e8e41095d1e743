#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Objects as files, in a directory for each pool.
# shellcheck disable=SC2012,SC2016,SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	start m
	start n
	expect m "enter a" "entered 1 id 1"
	expect n "enter a" "entered 0 id 2"
	expect m "object-pool things 24" ok
	A=$MNT/a
	P=$A/pools/things
}

teardown() {
	life_teardown
}

# Make one; its id is in $id.
make() {
	tell "$1" "${2:-object-make} things"
	hear "$1"
	[[ $REPLY == made\ * ]]
	id=${REPLY#made }
}

# The last reference goes where the duty is: two lines, in any order.
ends() {
	local one

	tell "$1" "object-unref things $2"
	hear "$1"
	one=$REPLY
	hear "$1"
	[ "$(printf '%s\n' "$one" "$REPLY" | sort)" = "ended $2 left
ok" ]
}

says() {
	sed -n "s/^$1 //p" "$2"
}

is() {
	[ "$(says "$1" "$3")" = "$2" ]
}

lists() {
	[ "$(ls "$1" | tr '\n' ' ')" = "$2" ]
}

counts() {
	is objects "$1" "$P/status"
}

@test "pools: a directory with a status, and a file for each object" {
	lists "$A/pools" "things "
	lists "$P" "status "
	counts 0
	is duty "member 1" "$P/status"
	is object-size 24 "$P/status"
	is dying 0 "$P/status"
	is creator 1 "$P/status"
	make m
	first=$id
	make n object-half
	[ "$(ls "$P" | wc -l)" = 3 ]
	counts 2
	is init 1 "$P/status"
	is active 1 "$P/status"
	is made 2 "$P/status"
	is id "$first" "$P/#$first"
	is state active "$P/#$first"
	is state init "$P/#$id"
	is size 24 "$P/#$first"
	is creator 2 "$P/#$id"
	expect n "object-activate things $id" ok
	is state active "$P/#$id"
	is objects 2 "$A/status"
	is pools 1 "$A/status"
}

@test "pools: a file says whose references there are" {
	make m
	expect n "object-get things $id" ok
	expect n "object-ref things $id" ok
	expect n "object-globalize things $id" ok
	expect m "object-throw things $id 2" ok
	[ "$(sed -n '3,6p' "$P/#$id")" = "total 3
global 1
inherited 0
member 2 local 1 pending 1" ]
	[ "$(cat "$A/members/2/refs")" = "object #$id local 1 pending 1" ]
	expect n "object-catch things $id" ok
	grep -qx "member 2 local 2 pending 0" "$P/#$id"
	# They are not among the named ones.
	is refs 0 "$A/status"
	lists "$A/refs" ""
}

@test "pools: a file says what was written to it" {
	make m
	expect m "object-string things $id title tick\\tock" ok
	expect n "object-integer things $id x -5" ok
	expect n "object-owner things $id 2" ok
	expect m "object-access things $id /usr/bin/*" ok
	expect m "object-line things $id clock" ok
	is string 'title tick\\tock' "$P/#$id"
	is integer "x -5" "$P/#$id"
	is owner 2 "$P/#$id"
	is access "/usr/bin/*" "$P/#$id"
	is description clock "$P/#$id"
	expect n "object-integer things $id title 7" ok
	is string "" "$P/#$id"
	is integer "title 7
x -5" "$P/#$id" || is integer "x -5
title 7" "$P/#$id"
	# A key cannot look like something else.
	expect n "object-string things $id $(printf 'a\tb\\') text" ok
	is string 'a\x09b\\ text' "$P/#$id"
}

@test "pools: an object's reactor is watched by its id" {
	make m
	is reactor none "$P/#$id"
	expect m "object-reactor things $id" ok
	re=$(says reactor "$P/#$id")
	[ -f "$A/reactors/$re/status" ]
	exec 7<"$A/reactors/$re/text"
	# It listens from the first look on.
	read -r -t 0 -u 7 || :
	expect n "object-dispatch things $id hello" ok
	read -r line <&7
	exec 7<&-
	[[ $line == *hello* ]]
	# It goes with its object, and not before.
	run ! rmdir "$A/reactors/$re"
	[[ $output == *"not permitted"* ]]
	ends m "$id"
	eventually absent "$A/reactors/$re"
}

@test "pools: what nobody references goes, and its file" {
	make m
	exec 7<"$P/#$id"
	is destroyed 0 "$P/status"
	ends m "$id"
	eventually absent "$P/#$id"
	counts 0
	is made 1 "$P/status"
	is destroyed 1 "$P/status"
	run ! cat <&7
	exec 7<&-
	expect m "object-get things $id" "error ENOENT"
}

@test "pools: what a member had goes with it" {
	make n
	one=$id
	make n object-half
	make n
	expect m "object-ref things $id" ok
	slay n
	hears m "ended $one left"
	eventually counts 1
	[ "$(grep -c ^member "$P/#$id")" = 1 ]
	is total 1 "$P/#$id"
	ends m "$id"
}

@test "pools: the next who is willing takes the duty" {
	expect n "object-register things" ok
	is duty "member 1" "$P/status"
	make n
	one=$id
	make n
	slay m
	eventually is duty "member 2" "$P/status"
	ends n "$one"
	start o
	expect o "enter a" "entered 0 id 3"
	expect n "object-unregister things" ok
	is duty none "$P/status"
	expect n "object-unref things $id" ok
	counts 1
	is total 0 "$P/#$id"
	expect o "object-register things" ok
	hears o "ended $id left"
	eventually counts 0
}

@test "pools: a destructor that is killed is not begun again" {
	expect m "object-register things die" ok
	expect n "object-register things" ok
	make n
	expect n "object-unref things $id" ok
	eventually is duty "member 2" "$P/status"
	eventually counts 0
	make n
	ends n "$id"
}

@test "pools: destroyed with what is in it" {
	make n
	expect m "object-destroy-pool things" "ended $id zombie"
	hears m ok
	absent "$P"
	lists "$A/pools" ""
	expect n "object-unref things $id" "error ENOENT"
	is objects 0 "$A/status"
}

@test "pools: a shell can look and no more" {
	make m
	run ! mkdir "$A/pools/other"
	[[ $output == *"not permitted"* ]]
	run ! rmdir "$P"
	run ! rm -f "$P/#$id"
	[[ $output == *"not permitted"* ]]
	run ! sh -c 'echo 1 >"$1"' sh "$P/#$id"
	run ! sh -c 'echo 1 >"$1"' sh "$P/new"
	run ! cat "$P/#999"
	[[ $output == *"No such file"* ]]
	run ! cat "$P/#0$id" "$P/$id" "$P/#"
	# One of another pool is none of this one.
	expect n "object-pool more" ok
	run ! cat "$A/pools/more/#$id"
	lists "$A/pools" "more things "
}

@test "pools: 100,000 objects list, and are found" {
	expect m "object-pool many" ok
	tell m "object-make many 100000"
	hear m
	last=${REPLY#made }
	[ "$(ls -U "$A/pools/many" | wc -l)" = 100001 ]
	is objects 100000 "$A/pools/many/status"
	is state active "$A/pools/many/#$last"
	lists "$P" "status "
	slay m
	expect n "object-register many quiet" ok
	eventually is objects 0 "$A/pools/many/status"
}

@test "pools: the daemon comes back under them" {
	make m
	expect m "object-string things $id title clock" ok
	slay_daemon
	expect n "object-ref things $id" ok
	remount
	is total 2 "$P/#$id"
	is string "title clock" "$P/#$id"
	expect m "object-unref things $id" ok
	slay n
	hears m "ended $id left"
	eventually counts 0
}
