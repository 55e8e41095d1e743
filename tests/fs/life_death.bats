#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Deaths: in each state, of each role, and what only looks like one.

load life.bash

setup() {
	life_setup
}

teardown() {
	life_teardown
}

# a is master of w, b a slave.
two() {
	start a
	start b
	expect a "enter w $*" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
}

@test "death: a killed slave is gone, told and logged" {
	two
	expect a "notices on" ok
	slay b
	hears a "notice died 2"
	eventually members_are w 1
	event w "death member 2"
	expect a "malloc 100" "0x*"
	expect a exit ok
}

@test "death: who is told of it cannot leave there, and can elsewhere" {
	two
	expect a "notices exit" ok
	slay b
	hears a "notice died 2"
	hears a "exit EDEADLK"
	expect a "malloc 100" "0x*"
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "death: of the master, the others are told (notify)" {
	two
	expect b "notices on" ok
	slay a
	hears b "notice master-lost 1"
	hears b "notice died 1"
	expect b master 0
	expect b role slave
	state_is w running
	expect b exit ok
	eventually absent "$MNT/w"
}

# The id of no master was the word for all members once.
@test "death: of the master, a later kill of the master reaches nobody" {
	two
	start c
	expect c "enter w" "entered 0 id 3"
	expect b "notices on" ok
	slay a
	hears b "notice master-lost 1"
	hears b "notice died 1"
	expect b master 0
	expect b "kill 0 9 1000" "error ESRCH"
	expect b "wait 0 0" "error ESRCH"
	expect c id 3
	tell b "kill all 9 20000"
	hears_both b ok "notice died 3"
	eventually gone c
	members_are w 2
}

@test "death: of the master, the oldest slave is master (promote)" {
	two death=promote
	start c
	expect c "enter w" "entered 0 id 3"
	expect c "notices on" ok
	slay a
	hears c "notice master-lost 1"
	hears c "notice promoted 2"
	hears c "notice died 1"
	expect b master 2
	expect b role master
	expect c role slave
	expect b list "2 2:${PID[b]}:master 3:${PID[c]}:slave"
	[ "$(readlink "$MNT/w/master")" = members/2 ]
	# The new one is a master in all: it may refuse to leave its slaves.
	expect b "hook leave fail EBUSY" ok
	expect b exit "error EBUSY"
	expect c master 2
}

@test "death: of the master, all are killed (kill)" {
	two death=kill
	start c
	expect c "enter w" "entered 0 id 3"
	slay a
	eventually gone b
	eventually gone c
	eventually absent "$MNT/w"
}

@test "death: in initialize, a waiter becomes master of a fresh arena" {
	start a
	start b
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	tell b "enter w"
	slay a
	hears b "entered 1 id 1"
	expect b exit ok
}

@test "death: in initialize of an arena that stays, it is empty again" {
	mkdir "$MNT/w"
	start a
	expect a "hook initialize die" ok
	tell a "enter w"
	eventually gone a
	eventually state_is w empty
	members_are w '*'
}

@test "death: in join, the others go on" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "hook join hold" ok
	expect b "enter w" "in join"
	slay b
	eventually members_are w 1
	expect a "malloc 100" "0x*"
	expect a exit ok
}

@test "death: in leave, the others go on and the last shuts down" {
	two
	expect b "hook leave hold" ok
	expect b exit "in leave"
	expect a "hook shutdown hold" ok
	tell a exit
	slay b
	hears a "in shutdown"
	expect a go ok
	eventually absent "$MNT/w"
}

@test "death: in shutdown, a waiting joiner starts afresh" {
	start a
	start b
	expect a "hook shutdown hold" ok
	expect a "enter w" "entered 1 id 1"
	expect a exit "in shutdown"
	tell b "enter w"
	slay a
	hears b "entered 1 id 1"
}

@test "death: while waiting to enter leaves nothing" {
	start a
	start b
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	tell b "enter w"
	slay b
	expect a go "entered 1 id 1"
	members_are w 1
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "death: a signal ends the wait for a master" {
	start a
	start b
	tell a "enter w slave"
	kill -TERM "${PID[a]}"
	eventually gone a
	eventually absent "$MNT/w"
	expect b "enter w" "entered 1 id *"
}

@test "death: of all at once leaves nothing behind" {
	two
	for m in c d e; do
		start $m
		expect $m "enter w" "entered 0 id *"
	done
	kill -9 "${PID[@]}"
	eventually absent "$MNT/w"
	[ -z "$(ls "$BACKING")" ]
}

@test "death: exit without leaving is one" {
	two
	expect a "notices on" ok
	tell b quit
	hears a "notice died 2"
	eventually members_are w 1
}

@test "death: exec is one, and the new program may enter" {
	two
	expect a "notices on" ok
	expect b exec ready
	hears a "notice died 2"
	eventually members_are w 1
	expect b "enter w" "entered 0 id 3"
	expect b exit ok
	hears a "notice left 3"
}

@test "alive: a stopped member" {
	two
	kill -STOP "${PID[b]}"
	expect a "wait 2 1500" "error ETIMEDOUT"
	members_are w "1 2"
	kill -CONT "${PID[b]}"
	expect b exit ok
}

@test "alive: a member that closed all its descriptors" {
	two
	expect b "get none" "error ENOENT"
	expect b "closefrom 3" ok
	expect a "wait 2 1500" "error ETIMEDOUT"
	members_are w "1 2"
	expect b "get none" "error ENOENT"
	expect b exit ok
	eventually members_are w 1
}

@test "thread: one that ends leaves its record to the next" {
	start a
	expect a "enter w" "entered 1 id 1"
	for _ in {1..40}; do
		expect a thread "0x*"
	done
	expect a exit ok
}

@test "fork: the child is no member" {
	two
	tell a fork
	hears a "child out"
	hears a ok
	members_are w "1 2"
	expect a "malloc 100" "0x*"
	expect a exit ok
}

@test "fork: with the option the child is a member of its own" {
	start a
	start b
	expect a "enter w fork" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "notices on" ok
	expect a fork "child in 3"
	hears a ok
	hears b "notice left 3"
	expect a fork "child in 4"
	hears a ok
	hears b "notice left 4"
	members_are w "1 2"
	expect b "notices off" ok
	expect a exit ok
	expect b exit ok
	eventually absent "$MNT/w"
}

