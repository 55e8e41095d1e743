#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Messages as files: who writes to a member's inbox sends.
# shellcheck disable=SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	# For others to look at.
	umount "$MNT"
	chmod 0755 "$MNT"
	open_path "$BATS_TEST_TMPDIR"
	"$FUSIONFS" -o "backing=$BACKING,allow_other" "$MNT" 3>&-
	start m
	expect m "enter a mode=0775" "entered 1 id 1"
	A=$MNT/a
	Q=$A/members/1/queue
	IN_=$A/members/1/inbox
}

teardown() {
	life_teardown
}

# Everybody may pass through the directories.
open_path() {
	local dir=$1

	while [ "$dir" != / ]; do
		chmod a+x "$dir"
		dir=$(dirname "$dir")
	done
}

# The value of a line of a queue's file.
says() {
	sed -n "s/^$1 //p" "${2:-$Q}"
}

is() {
	[ "$(says "$1" "${3:-$Q}")" = "$2" ]
}

not() {
	! "$@"
}

# Messages that nobody handles until no more goes in.
fill() {
	# dd does not try again.
	! dd if=/dev/zero of="$IN_" bs=8 oflag=nonblock status=none 2>&1
	is pending "$(says cells)"
}

@test "messages: a queue says what it has, from the start" {
	[ "$(cat "$Q")" = "pending 0
received 0
dropped 0
sleeping 0
waiting 0
cells 0" ]
	echo hello >"$IN_"
	is pending 1
	is received 0
	[ "$(says cells)" -ge 64 ]
}

@test "messages: one write is one message of type 0, sender 0, all bytes" {
	expect m handle ok
	echo hello >"$IN_"
	hears m "message 0 from 0 size 6: hello."
	printf 'two\nlines' | dd of="$IN_" bs=100 status=none
	hears m "message 0 from 0 size 9: two.lines"
	eventually is received 2
	eventually is sleeping 1
	is pending 0
}

@test "messages: inbox.N sends type N" {
	expect m "handle 7" ok
	expect m handle ok
	echo x >"$IN_.7"
	hears m "message 7 from 0 size 2: x."
	echo y >"$IN_.4294967294"
	hears m "message 4294967294 from 0 size 2: y."
	for n in 4294967295 07 +7 7x "" -1; do
		not exists_as_file "$IN_.$n"
	done
	not ls -d "$A"/members/1/inbox.*
}

exists_as_file() {
	[ -e "$1" ]
}

@test "messages: what is too large for the queue comes whole, and is freed" {
	expect m handle ok
	for size in 1024 1025 100000 1000000; do
		tr '\0' x </dev/zero | head -c $size |
			dd of="$IN_" bs=$size iflag=fullblock status=none
		hears m "message 0 from 0 size $size: xxxx*"
	done
	expect m sync ok
	[ "$(says runs "$A/memory/status")" = 0 ]
}

@test "messages: what is too large for a queue that is full leaves no block" {
	head -c 100000 /dev/zero >"$BATS_TEST_TMPDIR/large"
	fill
	[ "$(says runs "$A/memory/status")" = 0 ]
	for _ in {1..50}; do
		run dd if="$BATS_TEST_TMPDIR/large" of="$IN_" bs=100000 \
			oflag=nonblock status=none
		[ "$status" -ne 0 ]
		[ "$(says runs "$A/memory/status")" = 0 ]
		used=${used:-$(cat "$A/used")}
	done
	[ "$(cat "$A/used")" = "$used" ]
}

@test "messages: what comes before there is a handler waits for it" {
	for i in 1 2 3; do
		echo $i >"$IN_"
	done
	is pending 3
	tell m handle
	# The answer may come in between.
	got=
	for i in 1 2 3 4; do
		hear m
		[ "$REPLY" = ok ] || got="$got $REPLY"
	done
	[ "$got" = " message 0 from 0 size 2: 1. message 0 from 0 size 2: 2.\
 message 0 from 0 size 2: 3." ]
}

@test "messages: a full queue keeps no writer, and no message is lost" {
	fill
	run dd if=/dev/zero of="$IN_" bs=8 count=1 oflag=nonblock
	[[ $output == *"Resource temporarily unavailable"* ]]
	is waiting 0
	echo one >"$IN_"
	is waiting 1
	echo two >"$IN_.7"
	echo three >"$IN_"
	is waiting 3
	# What must be in the queue when the write returns is not kept.
	run timeout 5 dd if=/dev/zero of="$IN_" bs=8 count=1 oflag=nonblock
	[[ $output == *"Resource temporarily unavailable"* ]]
	tell m handle
	tell m "handle 7"
	tail=
	until [[ $REPLY == *three* ]]; do
		hear m
		[[ $REPLY != *size\ [456]:* ]] || tail="$tail ${REPLY##* }"
	done
	[ "$tail" = " one. two. three." ]
	eventually is waiting 0
	is pending 0
}

@test "messages: a member that dies takes its queue along, and what waits" {
	start n
	expect n "enter a" "entered 0 id 2"
	fill
	head -c 100000 /dev/zero | dd of="$A/members/2/inbox" bs=100000 \
		iflag=fullblock status=none
	exec 8>"$IN_"
	echo one >&8
	is waiting 1
	slay m
	eventually absent "$A/members/1"
	# The descriptor says what has become of its message.
	run bash -c 'echo two >&8'
	[[ $output == *"No such process"* ]]
	exec 8>&-
	slay n
	eventually absent "$A"
}

@test "messages: who holds the inbox of a member that left is told" {
	start n
	expect n "enter a" "entered 0 id 2"
	exec 8>"$A/members/2/inbox"
	echo one >&8
	expect n exit ok
	run bash -c 'echo two >&8'
	[[ $output == *"No such process"* ]]
	exec 8>&-
}

@test "messages: only who may write may send, nobody reads" {
	chmod 0755 "$A"
	setpriv --reuid 1234 --clear-groups cat "$Q"
	run setpriv --reuid 1234 --clear-groups sh -c "echo x >$IN_"
	[ "$status" -ne 0 ]
	[[ $output == *"denied"* ]]
	run cat "$IN_"
	[[ $output == *"Permission denied"* ]]
	is pending 0
}

@test "messages: the heap's limit is ENOSPC, and nothing is lost" {
	sed -n 's/^least-limit //p' "$A/memory/status" >"$A/limit"
	run dd if=/dev/zero of="$IN_" bs=1000000 count=1
	[[ $output == *"No space left"* ]]
	echo 0 >"$A/limit"
	echo small >"$IN_"
	expect m handle ok
	eventually is received 1
}

@test "messages: a new daemon goes on where the old one was killed" {
	echo before >"$IN_"
	fill
	# The daemon keeps this one, and takes it along.
	echo lost >"$IN_"
	is waiting 1
	slay_daemon
	remount
	[ "$(says pending)" = "$(says cells)" ]
	is waiting 0
	tell m handle
	hear m
	[ "$REPLY" != ok ] || hear m
	[ "$REPLY" = "message 0 from 0 size 7: before." ]
	eventually is pending 0
	echo after >"$IN_"
	until [ "$REPLY" = "message 0 from 0 size 6: after." ]; do
		hear m
	done
}
