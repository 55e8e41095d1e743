#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Calls as files: write the request, read the answer.
# shellcheck disable=SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	mkdir "$MNT/a"
	start m
	expect m "enter a" "entered 1 id 1"
	A=$MNT/a
	C=$A/calls/c
}

teardown() {
	exec 8<&- 9<&-
	life_teardown
}

says() {
	sed -n "s/^$1 //p" "${2:-$C}"
}

is() {
	[ "$(says "$1" "${3:-$C}")" = "$2" ]
}

# Ask over a descriptor of this call's own, in the background.
ask_later() {
	bash -c 'exec 3<>"$1"; echo "$2" >&3; cat <&3' bash "$C" "$2" \
		>"$BATS_TEST_TMPDIR/$1.got" 2>"$BATS_TEST_TMPDIR/$1.err" 3>&- &
	PID[$1]=$!
	disown $!
}

got() {
	cat "$BATS_TEST_TMPDIR/$1.got" "$BATS_TEST_TMPDIR/$1.err"
}

@test "calls: a file each, and it says how it fares" {
	[ -z "$(ls -A "$A/calls")" ]
	[ "$(says calls "$A/status")" = 0 ]
	expect m "call c echo" ok
	[ "$(ls -A "$A/calls")" = c ]
	[ "$(says calls "$A/status")" = 1 ]
	[ "$(cat "$C")" = "owner member 1
pending 0
executed 0
failed 0
mean-time 0.000000000
max-time 0.000000000" ]
	grep -q "created member 1 call c" "$A/events"
}

@test "calls: write, read, and again on the same descriptor" {
	expect m "call c echo" ok
	exec 8<>"$C"
	for i in 1 2 3; do
		echo "request $i" >&8
		[ "$(cat <&8)" = "request $i" ]
		hears m "call c from 0 word 0 size 10: request $i."
	done
	eventually is executed 3
	is failed 0
	is pending 0
	[ "$(says max-time)" != 0.000000000 ]
	grep -q "^owner" <&8
}

@test "calls: two writes are one request; a shell reads byte by byte" {
	expect m "call c echo" ok
	exec 8<>"$C"
	printf 'a\nb\n' >&8
	read -r first <&8
	read -r second <&8
	[ "$first $second" = "a b" ]
	hears m "call c from 0 word 0 size 4: a.b."
	# The rest may be left.
	printf 'c\nd\n' >&8
	read -r first <&8
	[ "$first" = c ]
	echo e >&8
	[ "$(cat <&8)" = e ]
}

@test "calls: a number is the word, and a word alone is a number" {
	expect m "call c word" ok
	exec 8<>"$C"
	echo 41 >&8
	[ "$(cat <&8)" = 42 ]
	hears m "call c from 0 word 41 size 3: 41."
	echo 0x10 >&8
	[ "$(cat <&8)" = 17 ]
	echo -3 >&8
	[ "$(cat <&8)" = -2 ]
	echo "41 x" >&8
	[ "$(cat <&8)" = 1 ]
	echo -1 >&8
	[ -z "$(cat <&8)" ]
	# Too large for a word: only the bytes go.
	echo 18446744073709551615 >&8
	[ -z "$(cat <&8)" ]
	for number in 18446744073709551616 -9223372036854775809; do
		echo "$number" >&8
		[ "$(cat <&8)" = 1 ]
	done
}

@test "calls: a shell that closes its file gives its thread record back" {
	life_teardown
	BACKING=$(mktemp -d /dev/shm/fusion-life.XXXXXX)
	mkdir -p "$MNT"
	"$FUSIONFS" -o "backing=$BACKING,span=16M,max_members=4" "$MNT" 3>&-
	start m
	expect m "enter a" "entered 1 id 1"
	expect m "call c echo" ok
	expect m "reactor r" ok
	records=$(says max-threads "$A/status")
	[ "$records" -lt 200 ]
	for ((i = 0; i < records + 8; i++)); do
		exec 8<>"$C"
		echo hello >&8
		read -r line <&8
		[ "$line" = hello ]
		exec 8<&-
	done
	for ((i = 0; i < records + 8; i++)); do
		exec 8<"$A/reactors/r/stream"
		run dd bs=100 count=1 iflag=nonblock status=none <&8
		[[ $output == *"temporarily unavailable"* ]]
		exec 8<&-
	done
	for ((i = 0; i < records + 8; i++)); do
		echo hello >"$A/members/1/inbox" || return
	done
}

@test "calls: large requests and answers, and empty ones" {
	expect m "call c big 3000000" ok
	exec 8<>"$C"
	head -c 2000000 /dev/zero >&8
	[ "$(cat <&8 | tr -d '\n' | wc -c)" = 3000000 ]
	hears m "call c from 0 word 0 size 2000000: ..*"
	expect m "call d empty" ok
	exec 9<>"$A/calls/d"
	echo x >&9
	[ -z "$(cat <&9)" ]
	hears m "call d from 0 word 0 size 2: x."
	expect m sync ok
	[ "$(says runs "$A/memory/status")" = 0 ]
}

@test "calls: an error of the call is the read's" {
	expect m "call c ENOTUNIQ" ok
	exec 8<>"$C"
	for i in 1 2; do
		echo x >&8
		run cat <&8
		[[ $output == *"Name not unique on network"* ]]
		hears m "call c from 0 *"
	done
	eventually is failed 2
}

@test "calls: the answer may come later, to each its own" {
	expect m "call c defer" ok
	ask_later s one
	hears m "call c from 0 word 0 size 4: one."
	ask_later t two
	hears m "call c from 0 word 0 size 4: two."
	is pending 2
	expect m "return c 1 first" ok
	eventually gone s
	[ "$(got s)" = first ]
	expect m "return-error c EDOM" ok
	eventually gone t
	[[ $(got t) == *"Numerical argument"* ]]
	is pending 0
}

@test "calls: members and shells call the same" {
	start n
	expect m "call c echo" ok
	expect n "enter a" "entered 0 id 2"
	expect n "execute c 5 hello" "answer 5 size 5: hello"
	hears m "call c from 2 word 5 size 5: hello"
	exec 8<>"$C"
	echo x >&8
	[ "$(cat <&8)" = x ]
}

@test "calls: an owner that dies over it is told" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "call c defer" ok
	ask_later s one
	hears n "call c from 0 *"
	slay n
	eventually gone s
	# The handler has run.
	[[ $(got s) == *"Connection reset by peer"* ]]
	is owner none
	exec 8<>"$C"
	echo x >&8
	run cat <&8
	[[ $output == *"Host is down"* ]]
	# Its name may be used again.
	expect m "call c echo" ok
	exec 9<>"$C"
	echo y >&9
	[ "$(cat <&9)" = y ]
}

@test "calls: one that is destroyed is told, by a member or by rm" {
	expect m "call c defer" ok
	ask_later s one
	hears m "call c from 0 *"
	expect m "destroy-call c" ok
	eventually gone s
	[[ $(got s) == *"Identifier removed"* ]]
	expect m "call c defer" ok
	ask_later t one
	hears m "call c from 0 *"
	rm "$C"
	eventually gone t
	[[ $(got t) == *"Identifier removed"* ]]
	absent "$C"
}

@test "calls: a shell that is killed has given up" {
	expect m "call c defer" ok
	ask_later s one
	hears m "call c from 0 *"
	is pending 1
	pkill -9 -P "${PID[s]}" cat
	kill -9 "${PID[s]}" || :
	eventually is pending 0
	expect m "return c 1 late" "error ECANCELED"
}

@test "calls: a signal ends the wait, not the call" {
	expect m "call c defer" ok
	exec 8<>"$C"
	echo one >&8
	run timeout 0.2 cat <&8
	[ "$status" -eq 124 ]
	hears m "call c from 0 *"
	is pending 1
	run bash -c 'echo two >&8'
	[[ $output == *busy* ]]
	expect m "return c 1 kept" ok
	[ "$(cat <&8)" = kept ]
}

@test "calls: a limit of none keeps shells waiting until it is lifted" {
	expect m "call c echo" ok
	expect m "quota c all 0" ok
	ask_later s one
	eventually cat_waits s
	expect m "quota c all 4294967295" ok
	eventually gone s
	[ "$(got s)" = one ]
}

# Its cat sleeps in a read of the mount.
cat_waits() {
	local pid

	pid=$(pgrep -P "${PID[$1]}" cat || echo "${PID[$1]}")
	grep -q "^Name:[[:space:]]*cat" "/proc/$pid/status" &&
		grep -q "^State:[[:space:]]*S" "/proc/$pid/status"
}

@test "calls: who may only look cannot call" {
	expect m "call c echo" ok
	[ "$(stat -c %a "$C")" = 644 ]
	chmod 0777 "$A"
	[ "$(stat -c %a "$C")" = 666 ]
}

@test "calls: a daemon that is killed has given up for its shells" {
	expect m "call c defer" ok
	ask_later s one
	hears m "call c from 0 *"
	slay_daemon
	eventually gone s
	remount
	eventually is pending 0
	expect m "return c 1 late" "error ECANCELED"
	exec 8<>"$C"
	echo two >&8
	run timeout 0.1 cat <&8
	hears m "call c from 0 word 0 size 4: two."
	expect m "return c 1 now" ok
	[ "$(cat <&8)" = now ]
}

@test "calls: what a dead owner had not begun was not executed" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "call c echo" ok
	kill -STOP "${PID[n]}"
	ask_later s one
	eventually is pending 1
	slay n
	eventually gone s
	[[ $(got s) == *"Host is down"* ]]
}

@test "calls: the handler's error is not taken for the owner's death" {
	expect m "call c EHOSTDOWN" ok
	exec 8<>"$C"
	echo x >&8
	run cat <&8
	[[ $output == *"Host is down"* ]]
	is executed 1
	is failed 1
}

@test "calls: the arena's end is the end of what is open" {
	expect m "call c defer" ok
	ask_later s one
	hears m "call c from 0 *"
	slay m
	eventually gone s
	[[ $(got s) == *"Connection reset by peer"* ||
		$(got s) == *"removed"* ]]
	eventually state_is a empty
}
