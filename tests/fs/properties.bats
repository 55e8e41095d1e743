#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Properties as files: members and shells lease and purchase the same thing.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

# Windows so long that nothing ends by them, but where a test says so.
setup() {
	life_setup
	start m
	expect m "enter a" "entered 1 id 1"
	expect m "property p 1000000 1000000" ok
	A=$MNT/a
	P=$A/properties/p
}

teardown() {
	life_teardown
}

says() {
	sed -n "s/^$1 //p" "${2:-$P}"
}

is() {
	[ "$(says "$1" "${3:-$P}")" = "$2" ]
}

not() {
	! "$@"
}

# A shell in the background that leases it and then writes to a file.
queue() {
	local before

	before=$(says visitors-waiting "$A/status")
	flock "$P" sh -c 'echo got >"$1"' sh "$BATS_TEST_TMPDIR/$1.got" \
		2>"$BATS_TEST_TMPDIR/$1.err" 3>&- &
	PID[$1]=$!
	disown $!
	eventually waiting_are $((before + 1))
}

waiting_are() {
	is visitors-waiting "$1" "$A/status"
}

has_got() {
	[ "$(cat "$BATS_TEST_TMPDIR/$1.got" 2>/dev/null)" = got ]
}

@test "properties: a file says what it is, who has it and since when" {
	[ "$(cat "$P")" = "state available
owner none
since none
levels 0
leased 0
purchased 0
recovered 0
lease-window 1000.000000000
purchase-window 1000.000000000" ]
	[ "$(says properties "$A/status")" = 1 ]
	before=$(date +%s)
	expect m "lease p" ok
	expect m "lease p" ok
	is state leased
	is owner "member 1 thread ${PID[m]}"
	is levels 2
	is leased 1
	since=$(says since)
	[[ $since =~ ^[0-9]+\.[0-9]{9}$ ]]
	[ "${since%.*}" -ge $((before - 1)) ]
	[ "${since%.*}" -le "$(date +%s)" ]
	[ "$(cat "$A/members/1/held")" = \
		"thread ${PID[m]} property p leased levels 2" ]
	expect m "cede p" ok
	expect m "cede p" ok
	is state available
	expect m "purchase p" ok
	is state purchased
	is purchased 1
	expect m "cede p" ok
	expect m "destroy-property p" ok
	[ ! -e "$P" ]
}

@test "flock: leases for as long as the command runs" {
	flock "$P" grep -q "^state leased" "$P"
	is state available
	is leased 1
	flock "$P" sh -c 'cat "$1"; echo "shell $PPID"' sh "$P" \
		>"$BATS_TEST_TMPDIR/out"
	[ "$(says owner "$BATS_TEST_TMPDIR/out")" = \
		"$(tail -n 1 "$BATS_TEST_TMPDIR/out")" ]
}

@test "flock: what a member has, a shell waits for, and the other way round" {
	expect m "lease p" ok
	run flock -n "$P" true
	[ "$status" -eq 1 ]
	run flock -w 0.05 "$P" true
	[ "$status" -eq 1 ]
	queue q
	not has_got q
	expect m "cede p" ok
	eventually has_got q
	exec 7<"$P"
	flock 7
	is visitors 1 "$A/status"
	tell m "lease p"
	is state leased
	exec 7<&-
	hears m ok
	is owner "member 1 thread ${PID[m]}"
}

@test "flock: a purchase is waited for no longer than its window" {
	expect m "property short 60 1000000" ok
	expect m "purchase short" ok
	run flock "$A/properties/short" true
	[ "$status" -gt 1 ]
	[[ $output == *busy* ]]
	run flock "$A/properties/short" true
	[[ $output == *busy* ]]
	run flock -n "$A/properties/short" true
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	expect m "cede short" ok
	flock "$A/properties/short" true
}

@test "flock: a lease within the window of a purchase that ends is had" {
	expect m "purchase p" ok
	queue q
	run flock -n "$P" true
	[ "$status" -eq 1 ]
	expect m "cede p" ok
	eventually has_got q
}

@test "a shell purchases, leases and cedes by words" {
	exec 7<>"$P"
	echo purchase >&7
	is state purchased
	is owner "shell $$" || is owner "shell $BASHPID"
	echo purchase >&7
	is levels 2
	expect m "purchase p 50" "error ETIMEDOUT"
	# No change of mind without giving it back.
	run bash -c 'echo lease >&7'
	[[ $output == *"deadlock"* ]]
	echo cede >&7
	is levels 1
	is state purchased
	printf cede >&7
	is state available
	run bash -c 'echo cede >&7'
	[[ $output == *"not permitted"* ]]
	echo lease >&7
	is state leased
	# It has it: for flock that is enough.
	flock -n 7
	is levels 1
	flock -u 7
	is state available
	echo purchase >&7
	echo purchase >&7
	exec 7<&-
	eventually is state available
	expect m "purchase p" ok
}

@test "words: what makes no sense is EINVAL" {
	exec 7<>"$P"
	for word in "" x "lease x" leasex LEASE "$(head -c 100 /dev/zero | tr '\0' x)"; do
		run bash -c 'echo "$1" >&7' sh "$word"
		[[ $output == *"Invalid argument"* ]]
	done
	is state available
	exec 7<&-
	# Nothing is had when the file is closed.
	echo lease >"$P"
	eventually is state available
	is leased 1
}

@test "words: none of them waits, so that nobody waits to cede" {
	expect m "lease p" ok
	run bash -c 'echo purchase >&7' 7<>"$P"
	[[ $output == *"temporarily unavailable"* ]]
	run bash -c 'echo lease >&7' 7<>"$P"
	[[ $output == *"temporarily unavailable"* ]]
	expect m "cede p" ok
	exec 7<>"$P"
	echo purchase >&7
	queue q
	run bash -c 'echo purchase >&8' 8<>"$P"
	[[ $output == *"temporarily unavailable"* ]]
	echo cede >&7
	eventually has_got q
	exec 7<&-
	# Older than its window.
	expect m "property short 60 60" ok
	expect m "purchase short" ok
	run flock "$A/properties/short" true
	[[ $output == *busy* ]]
	run bash -c 'echo purchase >&7' 7<>"$A/properties/short"
	[[ $output == *busy* ]]
}

@test "a shell that is killed has ceded" {
	mkfifo "$BATS_TEST_TMPDIR/never"
	bash -c 'echo purchase >&7; echo got >"$1"; read x <"$2"' sh \
		"$BATS_TEST_TMPDIR/h.got" "$BATS_TEST_TMPDIR/never" \
		7<>"$P" 3>&- &
	PID[h]=$!
	disown $!
	eventually has_got h
	is state purchased
	slay h
	eventually is state available
	expect m "purchase p" ok
}

@test "hold-up: kills a shell that has purchased" {
	mkfifo "$BATS_TEST_TMPDIR/never"
	bash -c 'echo purchase >&7; echo got >"$1"; read x <"$2"' sh \
		"$BATS_TEST_TMPDIR/h.got" "$BATS_TEST_TMPDIR/never" \
		7<>"$P" 3>&- &
	PID[h]=$!
	disown $!
	eventually has_got h
	expect m "hold-up p" ok
	eventually gone h
	expect m "purchase p" ok
}

@test "hold-up: also who joined when another daemon was there" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "purchase p" ok
	slay_daemon
	remount
	expect m "hold-up p 10000" ok
	eventually gone n
	expect m "purchase p" ok
}

@test "a member that dies: its property is available, who waits has it" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "lease p" ok
	queue q
	slay n
	eventually has_got q
	eventually is state available
	is recovered 1
	event a "recovered member 2 property p"
}

@test "destroyed: who waits is told so" {
	expect m "lease p" ok
	queue q
	expect m "destroy-property p" ok
	eventually dead "${PID[q]}"
	grep -q "Identifier removed" "$BATS_TEST_TMPDIR/q.err"
	waiting_are 0
}

@test "a shell makes and removes properties" {
	local dir=$A/properties

	: >"$dir/x"
	is state available "$dir/x"
	is lease-window 0.100000000 "$dir/x"
	is purchase-window 1.000000000 "$dir/x"
	expect m "lease x" ok
	expect m "cede x" ok
	flock "$dir/y" true
	event a "created property y"
	rm "$dir/x" "$dir/y"
	[ "$(ls "$dir")" = p ]
	run touch "$dir/#1x"
	[[ $output == *"Invalid argument"* ]]
}

@test "daemon killed: what its visitors had is available" {
	exec 7<>"$P"
	echo purchase >&7
	slay_daemon
	expect m "purchase p" ok
	run bash -c 'echo cede >&7'
	[ "$status" -ne 0 ]
	exec 7<&-
	remount
	is owner "member 1 thread ${PID[m]}"
}
