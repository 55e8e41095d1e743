#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The heap as members share it and as the tree shows it.

load life.bash

setup() {
	life_setup
}

teardown() {
	life_teardown
}

two() {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
}

# allocate M BYTES [COMMAND]: the address, in $REPLY
allocate() {
	expect "$1" "${3:-malloc} $2" "0x*"
}

used_is_below() {
	[ "$(cat "$MNT/w/used")" -lt "$1" ]
}

@test "heap: a block of one member is read and freed by another" {
	two
	allocate a 1000
	local p=$REPLY
	expect a "write $p hello" ok
	expect b "read $p" hello
	expect b "free $p" ok
	expect a "free $p" "error EINVAL"
}

@test "heap: wrong frees are refused and harm nobody" {
	two
	allocate a 1000
	local p=$REPLY
	expect b "free $(printf '0x%x' $((p + 16)))" "error EINVAL"
	expect b "free 0x1000" "error EINVAL"
	expect b "free $(cat "$MNT/w/base")" "error EINVAL"
	expect a "free $p" ok
	expect b "free $p" "error EINVAL"
	allocate a 1000
}

@test "heap: blocks stay when who allocated them dies" {
	two
	allocate b 5000
	local p=$REPLY
	expect b "write $p left" ok
	slay b
	eventually members_are w 1
	expect a "read $p" left
	expect a "free $p" ok
}

@test "heap: blocks for a member's life end with its death" {
	two
	allocate b 100000 malloc-member
	local p=$REPLY
	expect a "free $(printf '0x%x' $((p + 16)))" "error EINVAL"
	slay b
	eventually members_are w 1
	expect a "free $p" "error EINVAL"
}

@test "heap: the limit is an error for who asks, not a death" {
	two
	echo $((64 << 20)) >"$MNT/w/limit"
	expect a "malloc $((1 << 30))" "error ENOMEM"
	allocate b $((16 << 20))
	expect a "malloc $((60 << 20))" "error ENOMEM"
	allocate a 100
}

@test "heap: what is freed goes back to the system though all are idle" {
	two
	local before
	before=$(cat "$MNT/w/used")
	allocate a $((200 << 20))
	[ "$(cat "$MNT/w/used")" -ge $((200 << 20)) ]
	expect b "free $REPLY" ok
	eventually used_is_below $((before + (8 << 20)))
	allocate a $((200 << 20))
}

@test "pools: their coming and going are events" {
	two
	expect a "pool work" ok
	grep -q " work " "$MNT/w/memory/pools"
	expect b "destroy-pool work" ok
	expect b "destroy-pool work" "error ENOENT"
	grep -q " created member 1 pool work$" "$MNT/w/events"
	grep -q " destroyed member 2 pool work$" "$MNT/w/events"
}
