#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Without the daemon: killed, absent, and mounted again.

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
	expect a "enter w $*" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
}

@test "daemon gone: members go on with everything" {
	two
	slay_daemon
	ask a "field words 100"
	expect b "get words 100" "$REPLY"
	expect b "malloc 100000" "0x*"
	expect b thread "0x*"
	expect a list "2 1:*:master 2:*:slave"
}

@test "daemon gone: entering is ENOTCONN and a hint" {
	two
	start c
	expect c "log on" ok
	slay_daemon
	expect c "enter w" "error ENOTCONN"
	grep -q "mount it again" "$BATS_TEST_TMPDIR/c/err"
	expect a "enter w" "error ENOTCONN"
}

@test "daemon gone: leaving works, to the last" {
	two
	expect a "notices on" ok
	slay_daemon
	expect b exit ok
	hears a "notice left 2"
	expect a "hook shutdown hold" ok
	expect a exit "in shutdown"
	expect a go ok
	remount
	absent "$MNT/w"
}

@test "daemon gone: the last waits for one who is leaving" {
	two
	slay_daemon
	expect b "hook leave hold" ok
	expect b exit "in leave"
	expect a "hook shutdown hold" ok
	tell a exit
	expect b go ok
	hears a "in shutdown"
	expect a go ok
}

@test "daemon gone: a master simply leaves, and may refuse to" {
	two
	expect b "notices on" ok
	slay_daemon
	expect a "hook leave fail EBUSY" ok
	expect a exit "error EBUSY"
	expect b master 1
	expect a "hook leave none" ok
	expect a exit ok
	hears b "notice master-lost 1"
	hears b "notice left 1"
	expect b master 0
	expect b exit ok
}

@test "daemon gone: a death is noticed and recovered by the others" {
	two
	expect a "notices on" ok
	slay_daemon
	slay b
	hears a "notice died 2"
	expect a list "1 1:*:master"
	expect a "wait all 0" ok
}

@test "daemon gone: waiting for a member sees it die" {
	two
	slay_daemon
	tell a "wait 2 -1"
	slay b
	hears a ok
}

@test "daemon gone: members are killed and waited for" {
	two
	slay_daemon
	expect a "kill 2 9 20000" ok
	expect a exit ok
}

@test "daemon gone: the oldest is promoted" {
	two death=promote
	start c
	expect c "enter w" "entered 0 id 3"
	expect c "notices on" ok
	slay_daemon
	slay a
	hears c "notice master-lost 1"
	hears c "notice promoted 2"
	expect b master 2
}

@test "daemon gone: a doomed arena kills its members" {
	two death=kill
	expect b "notices on" ok
	slay_daemon
	slay a
	eventually gone b
	remount
	absent "$MNT/w"
}

@test "daemon gone: initialize ends, and the member is in" {
	start a
	start b
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	slay_daemon
	expect a go "entered 1 id 1"
	remount
	state_is w running
	expect b "enter w" "entered 0 id 2"
}

@test "daemon gone: initialize fails, and nothing is left" {
	start a
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	slay_daemon
	expect a "fail EDOM" "error EDOM"
	remount
	absent "$MNT/w"
}

@test "daemon gone: one who waits to enter is told" {
	start a
	start b
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	tell b "enter w"
	eventually parked b
	slay_daemon
	hears b "error ENOTCONN"
	expect a go "entered 1 id 1"
}

# Sleeps in the daemon: its ioctl is under way.
parked() {
	grep -q "^16 \|ioctl" "/proc/${PID[$1]}/syscall" "/proc/${PID[$1]}/wchan" ||
		grep -q fuse "/proc/${PID[$1]}/stack"
}

@test "mounted again: members are there and never noticed" {
	two
	ask a "field words 100"
	p=$REPLY
	slay_daemon
	remount
	members_are w "1 2"
	state_is w running
	[ "$(cut -d' ' -f1 "$MNT/w/fields/words")" = "$p" ]
	start c
	expect c "enter w" "entered 0 id 3"
	expect c "get words 100" "$p"
	expect b exit ok
	members_are w "1 3"
	expect c exit ok
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "mounted again: who died meanwhile is recovered" {
	two
	slay_daemon
	slay b
	remount
	eventually members_are w 1
	event w "death member 2"
	expect a exit ok
}

@test "mounted again: a later death is noticed as before" {
	two
	expect a "notices on" ok
	slay_daemon
	remount
	slay b
	hears a "notice died 2"
	eventually members_are w 1
}

@test "mounted again: exec of a member from before is a death" {
	two
	slay_daemon
	remount
	expect b exec ready
	eventually members_are w 1
}

@test "mounted again: entering again in the same process counts" {
	two
	slay_daemon
	remount
	expect a "enter w" "entered 0 id 1"
	expect a exit ok
	members_are w "1 2"
	expect a exit ok
	members_are w 2
}

@test "mounted again: all who died meanwhile leave nothing" {
	two
	slay_daemon
	slay a
	slay b
	remount
	absent "$MNT/w"
	[ -z "$(ls "$BACKING")" ]
}
