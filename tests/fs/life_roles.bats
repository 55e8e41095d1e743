#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Entering and leaving: the rows of an arena's life, without deaths.

load life.bash

setup() {
	life_setup
}

teardown() {
	life_teardown
}

@test "enter: the first one in is master, later ones are slaves" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	[ "$(readlink "$MNT/w/master")" = members/1 ]
	[ "$(cat "$MNT/w/members/1/role")" = master ]
	[ "$(cat "$MNT/w/members/2/role")" = slave ]
	expect b list "2 1:${PID[a]}:master 2:${PID[b]}:slave"
	expect b exit ok
	expect a exit ok
}

@test "enter: others wait while the first one initialises" {
	start a
	start b
	start c
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	state_is w initializing
	tell b "enter w"
	expect c "enter w nowait" "error EAGAIN"
	expect c "enter w timeout=50" "error ETIMEDOUT"
	expect c "enter w master" "error EEXIST"
	expect a go "entered 1 id 1"
	hears b "entered 0 id 2"
	state_is w running
}

@test "enter: a second master is EEXIST" {
	start a
	start b
	expect a "enter w master" "entered 1 id 1"
	expect b "enter w master" "error EEXIST"
	expect b "enter w slave" "entered 0 id 2"
}

@test "enter: a slave waits for a master" {
	start a
	start b
	expect a "enter w slave nowait" "error EAGAIN"
	tell a "enter w slave"
	expect b "enter w" "entered 1 id *"
	hears a "entered 0 id *"
}

@test "enter: a waiting slave's time runs out" {
	start a
	expect a "enter w slave timeout=50" "error ETIMEDOUT"
	eventually absent "$MNT/w"
}

@test "enter: what initialize refuses is told to all who wait" {
	start a
	start b
	expect a "hook initialize hold" ok
	expect a "enter w" "in initialize"
	tell b "enter w"
	tell a "fail EDOM"
	hears a "error EDOM"
	hear b
	# b came before the refusal, or after it.
	[[ $REPLY == "error EDOM" || $REPLY == "entered 1 id 1" ]]
}

@test "enter: after a refused initialize the arena is fresh" {
	start a
	mkdir "$MNT/w"
	expect a "hook initialize fail ENOMEM" ok
	expect a "enter w" "error ENOMEM"
	state_is w empty
	members_are w '*'
	expect a "hook initialize none" ok
	expect a "enter w" "entered 1 id 1"
}

@test "enter: what join refuses undoes the join alone" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "hook join fail EPERM" ok
	expect b "enter w" "error EPERM"
	members_are w 1
	expect b "hook join ok" ok
	expect b "enter w" "entered 0 id 3"
	run event w "leave member 2"
	[ "$status" -ne 0 ]
}

@test "enter: again in the same process counts, in another role not" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect a "enter w" "entered 0 id 1"
	expect a "enter w slave" "error EISCONN"
	expect a role master
	expect a "enter $MNT/w" "entered 0 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "enter w master" "error EISCONN"
	expect b "enter w manual" "error EISCONN"
	expect b role slave
	expect a exit ok
	expect a exit ok
	members_are w "1 2"
	expect b exit ok
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "enter: several arenas in one process lie apart" {
	start a
	expect a "enter x" "entered 1 id 1"
	ask a range
	x=$REPLY
	expect a "enter y" "entered 1 id 1"
	ask a range
	[ "$x" != "$REPLY" ]
	expect a "malloc 100" "0x*"
	expect a "use x" ok
	expect a "malloc 100" "0x*"
	expect a exit ok
	expect a "use y" ok
	expect a "malloc 100" "0x*"
	expect a exit ok
}

@test "enter: options of who makes the arena hold" {
	start a
	umask 077
	expect a "enter w span=33554432 limit=8388608 mode=0751" "entered 1 id 1"
	[ "$(cat "$MNT/w/span")" = 33554432 ]
	[ "$(cat "$MNT/w/limit")" = 8388608 ]
	[ "$(stat -c %a "$MNT/w")" = 751 ]
	expect a "malloc 9000000" "error ENOMEM"
}

@test "enter: wrong options and names are refused" {
	start a
	expect a "enter w span=1000" "error EINVAL"
	expect a "enter .w" "error EINVAL"
	expect a "enter w existing" "error ENOENT"
	expect a "enter $(printf 'x%.0s' {1..64})" "error ENAMETOOLONG"
	absent "$MNT/w"
}

@test "enter: no mount is ENODEV and a hint" {
	unset FUSION_MOUNT
	start a
	expect a "log on" ok
	expect a "enter $BATS_TEST_TMPDIR/w" "error ENODEV"
	grep -q "mount one first" "$BATS_TEST_TMPDIR/a/err"
	absent "$BATS_TEST_TMPDIR/w"
	mkdir "$BATS_TEST_TMPDIR/w"
	expect a "enter $BATS_TEST_TMPDIR/w" "error ENODEV"
}

@test "enter: an address that is taken is EADDRINUSE and names both" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	ask a range
	read -r base span <<<"$REPLY"
	expect b "log on" ok
	expect b "map $base 4096" ok
	expect b "enter w" "error EADDRINUSE"
	grep -qi "${base#0x}.*${base#0x}" "$BATS_TEST_TMPDIR/b/err"
	members_are w 1
	[ "$span" -gt 0 ]
}

@test "exit: the last one shuts down and the arena it made vanishes" {
	start a
	expect a "hook shutdown hold" ok
	expect a "enter w" "entered 1 id 1"
	expect a exit "in shutdown"
	state_is w shutting-down
	expect a go ok
	eventually absent "$MNT/w"
}

@test "exit: an arena made with mkdir stays, empty" {
	mkdir "$MNT/w"
	start a
	expect a "enter w" "entered 1 id 1"
	expect a "field words 10" "0x*"
	expect a exit ok
	eventually state_is w empty
	[ -z "$(ls "$MNT/w/fields")" ]
	rmdir "$MNT/w"
}

@test "exit: joiners wait for the shutdown and start afresh" {
	start a
	start b
	expect a "hook shutdown hold" ok
	expect a "enter w" "entered 1 id 1"
	expect a "field old 10" "0x*"
	expect a exit "in shutdown"
	expect b "enter w nowait" "error EAGAIN"
	tell b "enter w"
	expect a go ok
	hears b "entered 1 id 1"
	expect b "get old" "error ENOENT"
}

@test "exit: who refuses to shut down or to leave stays in" {
	start a
	start b
	expect a "hook shutdown fail EBUSY" ok
	expect a "enter w" "entered 1 id 1"
	expect a exit "error EBUSY"
	state_is w running
	expect b "enter w" "entered 0 id 2"
	expect b "hook leave fail EAGAIN" ok
	expect b exit "error EAGAIN"
	members_are w "1 2"
	grep -qx "state alive" "$MNT/w/members/2/status"
	expect b "malloc 10" "0x*"
	expect b "hook leave ok" ok
	expect b exit ok
	members_are w 1
}

@test "exit: a master without a leave callback simply leaves" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect a "field old 10" "0x*"
	expect b "enter w" "entered 0 id 2"
	expect b "notices on" ok
	expect a "hook leave none" ok
	expect a exit ok
	hears b "notice master-lost 1"
	hears b "notice left 1"
	expect b master 0
	absent "$MNT/w/master"
	expect b "get old" "0x*"
	expect b "malloc 100000" "0x*"
	expect a "enter w master" "entered 0 id 3"
	expect b master 3
	# Now b is the one that has stayed for longest, and a goes again.
	expect a exit ok
	hears b "notice master-lost 3"
	hears b "notice left 3"
	expect b exit ok
	eventually absent "$MNT/w"
}

@test "exit: a master whose leave refuses stays in, and stays master" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect a "hook leave fail EBUSY" ok
	expect a exit "error EBUSY"
	members_are w "1 2"
	expect b master 1
	# What it refused is asked again, and not once the slave has gone.
	expect a exit "error EBUSY"
	expect b exit ok
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "exit: a slave needs no leave callback" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "hook leave none" ok
	expect b exit ok
}

@test "exit: the last waits for one whose leave may refuse" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "hook leave hold" ok
	expect b exit "in leave"
	expect a "hook leave fail ECANCELED" ok
	tell a exit
	# b stays: so a is not the last, and its leave is asked.
	tell b "fail EBUSY"
	hears b "error EBUSY"
	hears a "error ECANCELED"
	expect b exit "in leave"
	tell a exit
	tell b go
	hears b ok
	hears a ok
	eventually absent "$MNT/w"
}

@test "members: waiting for one, for all, and in vain" {
	start a
	start b
	start c
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect c "enter w" "entered 0 id 3"
	expect a "wait 1 0" "error EDEADLK"
	expect a "wait 2 0" "error ETIMEDOUT"
	expect a "wait 2 50" "error ETIMEDOUT"
	expect a "wait 99 0" ok
	tell a "wait 2 -1"
	expect b exit ok
	hears a ok
	tell a "wait all -1"
	expect c exit ok
	hears a ok
}

@test "members: kill sends a signal and waits" {
	start a
	start b
	start c
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect c "enter w" "entered 0 id 3"
	expect a "kill 1 9 0" "error EDEADLK"
	expect a "kill 99 9 0" "error ESRCH"
	expect a "kill 2 1000 0" "error EINVAL"
	expect a "kill 2 0 50" "error ETIMEDOUT"
	expect a "kill 2 15 20000" ok
	eventually gone b
	expect a "kill all 9 20000" ok
	eventually gone c
	members_are w 1
}

@test "fields: published, found by others, shown, taken away" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	ask a "field words 100 table"
	p=$REPLY
	expect a "write $p hello" ok
	expect b "get words" "$p"
	expect b "get words 100 table" "$p"
	expect b "get words 99 table" "error EPROTOTYPE"
	expect b "get words 100 chair" "error EPROTOTYPE"
	expect b "read $p" hello
	[ "$(cat "$MNT/w/fields/words")" = "$p table 100" ]
	expect b "field words 8" "error EEXIST"
	expect b "field a/b 8" "error EINVAL"
	expect b "get none" "error ENOENT"
	expect b "remove words" ok
	expect a "get words" "error ENOENT"
	absent "$MNT/w/fields/words"
	event w "created member 1 field words"
	event w "destroyed member 2 field words"
}

@test "fields: one can be waited for" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "await words 50" "error ETIMEDOUT"
	tell b "await words -1"
	ask a "field words 100"
	hears b "$REPLY"
	expect b "await words 0 99" "error EPROTOTYPE"
}

@test "root: set by one, seen by another" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b root "(nil)"
	ask a "malloc 64"
	p=$REPLY
	expect a "root $p" ok
	expect b root "$p"
	expect b "root 0x1000" "error EINVAL"
}

@test "rmdir: an arena that is joined is EBUSY" {
	start a
	expect a "enter w" "entered 1 id 1"
	run rmdir "$MNT/w"
	[ "$status" -ne 0 ]
	[[ $output == *"busy"* ]]
	expect a exit ok
}
