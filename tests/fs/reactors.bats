#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Reactors as directories: shells listen and dispatch.
# shellcheck disable=SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	mkdir "$MNT/a"
	start m
	expect m "enter a" "entered 1 id 1"
	A=$MNT/a
	R=$A/reactors/r
}

teardown() {
	exec 8<&- 9<&-
	life_teardown
}

says() {
	sed -n "s/^$1 //p" "${2:-$R/status}"
}

is() {
	[ "$(says "$1" "${3:-$R/status}")" = "$2" ]
}

not() {
	! "$@"
}

# A cat of a file of the reactor, in the background.
listen() {
	local n

	n=$(says listeners)
	cat "$R/$2" >"$BATS_TEST_TMPDIR/$1.got" 2>"$BATS_TEST_TMPDIR/$1.err" \
		3>&- &
	PID[$1]=$!
	disown $!
	eventually is listeners $((n + 1))
}

# Open the stream as 8, and poll it once: from then on it listens.
tune_in() {
	exec 8<"$R/stream"
	read -r -t 0 <&8 || :
	is listeners 1
}

has_got() {
	[ "$(cat "$BATS_TEST_TMPDIR/$1.got")" = "$2" ]
}

n_lines() {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/$1.got")" -eq "$2" ]
}

@test "reactors: mkdir makes one, rmdir ends it" {
	[ -z "$(ls -A "$A/reactors")" ]
	mkdir "$R"
	[ "$(ls "$R" | tr '\n' ' ')" = "dispatch listeners status stream text " ]
	[ "$(says reactors "$A/status")" = 1 ]
	[ "$(cat "$R/status")" = "dispatched 0
bytes 0
rate 0
listeners 0
dropped 0
cells 1024
max-listeners 128
message-size 0
direct 1" ]
	[ -z "$(cat "$R/listeners")" ]
	run mkdir "$R"
	[[ $output == *"File exists"* ]]
	run bash -c ": >'$A/reactors/f'"
	[[ $output == *"Is a directory"* ]]
	run mkdir "$A/skirmishes/d"
	[[ $output == *"not permitted"* ]]
	rmdir "$R"
	absent "$R"
	[ "$(says reactors "$A/status")" = 0 ]
	grep -q "created reactor r" "$A/events"
	grep -q "destroyed reactor r" "$A/events"
}

@test "reactors: what a shell dispatches, members hear, by channel" {
	expect m "reactor r" ok
	expect m "listen r 0" ok
	expect m "listen r 7" ok
	echo hello >"$R/dispatch"
	hears m "heard r 0 from 0 size 6: hello."
	echo seven >"$R/dispatch.7"
	hears m "heard r 7 from 0 size 6: seven."
	echo eight >"$R/dispatch.8"
	echo zero >"$R/dispatch.0"
	hears m "heard r 0 from 0 size 5: zero."
	is dispatched 4
	is bytes 23
	for n in 65536 07 x ""; do
		not exists "$R/dispatch.$n"
	done
}

exists() {
	[ -e "$1" ]
}

@test "reactors: what members dispatch, shells read, each read one message" {
	expect m "reactor r" ok
	tune_in
	grep -q "^shell $$ state live policy drop-oldest" "$R/listeners" ||
		grep -q "^shell $BASHPID state live policy drop-oldest" "$R/listeners"
	expect m "dispatch r 0 line 3" ok
	for i in 1 2 3; do
		[ "$(dd bs=4096 count=1 status=none <&8)" = "line$i" ]
	done
	# In pieces, too.
	expect m "dispatch r 5 line 2" ok
	read -r a <&8
	read -r b <&8
	[ "$a $b" = "line1 line2" ]
	exec 8<&-
	eventually is listeners 0
}

@test "reactors: a stream that is only opened takes no memory" {
	expect m "reactor r" ok
	used=$(cat "$A/used")
	rings=$(says rings "$A/status")
	for file in stream text stream.3 text.3; do
		exec 8<"$R/$file"
		exec 9<"$R/$file"
	done
	is listeners 0
	[ "$(says rings "$A/status")" = "$rings" ]
	[ "$(cat "$A/used")" = "$used" ]
	find "$R" -type f -exec sh -c ': <"$1"' sh {} \; 2>/dev/null
	tar -cf "$BATS_TEST_TMPDIR/r.tar" -C "$A/reactors" --exclude dispatch r
	is listeners 0
	[ "$(cat "$A/used")" = "$used" ]
	# What came before the first read or poll is another's.
	echo early >"$R/dispatch"
	run dd bs=100 count=1 iflag=nonblock status=none <"$R/stream"
	[[ $output == *"temporarily unavailable"* ]]
	tune_in
	echo late >"$R/dispatch"
	read -r line <&8
	[ "$line" = late ]
	exec 8<&- 9<&-
	eventually is listeners 0
}

@test "reactors: a stream opened before its reactor's end is at its end" {
	expect m "reactor r" ok
	exec 8<"$R/stream"
	expect m "destroy-reactor r" ok
	[ -z "$(timeout 10 cat <&8)" ]
}

@test "reactors: a stream gives what was dispatched before the end" {
	expect m "reactor r" ok
	exec 8<"$R/stream"
	# The first read begins to listen.
	run dd bs=100 count=1 iflag=nonblock status=none <&8
	is listeners 1
	expect m "dispatch r 0 x 3" ok
	expect m "destroy-reactor r" ok
	# cat asks for the file's attributes first, and the file has gone.
	[ "$(timeout 10 dd bs=100 status=none <&8)" = "x1
x2
x3" ]
	exec 8<&-
}

@test "reactors: cat goes on reading, and ends with the reactor" {
	expect m "reactor r" ok
	listen one stream
	listen two stream
	expect m "dispatch r 0 x 100" ok
	seq 1 100 | sed 's/^/x/' >"$BATS_TEST_TMPDIR/want"
	eventually cmp "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/one.got"
	eventually cmp "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/two.got"
	slay one
	eventually is listeners 1
	expect m "destroy-reactor r" ok
	eventually gone two
	[ ! -s "$BATS_TEST_TMPDIR/two.err" ]
}

@test "reactors: shells read the last words of the last member" {
	expect m "reactor r" ok
	tune_in
	exec 9<"$R/text"
	read -r -t 0 <&9 || :
	is listeners 2
	expect m "dispatch r 0 line 40" ok
	[ "$(dd bs=3 count=1 status=none <&8)" = "lin" ]
	slay m
	eventually is state empty "$A/status"
	[ "$(dd bs=4096 count=1 status=none <&8)" = "e1" ]
	[ "$(dd bs=4096 count=1 status=none <&8)" = "line2" ]
	[ "$(dd bs=4096 status=none <&8)" = "$(seq 3 40 | sed 's/^/line/')" ]
	[ "$(dd bs=4096 status=none <&9 | wc -l)" -eq 40 ]
}

@test "reactors: last words lie behind many of other channels, too" {
	expect m "reactor r" ok
	exec 8<"$R/stream.3"
	read -r -t 0 <&8 || :
	is listeners 1
	expect m "dispatch r 0 other 500" ok
	expect m "dispatch r 3 mine 2" ok
	slay m
	eventually is state empty "$A/status"
	[ "$(dd bs=4096 status=none <&8)" = "mine1
mine2" ]
}

@test "reactors: a cat that waits reads the last words, too" {
	for i in 1 2 3; do
		expect m "reactor r" ok
		listen one stream
		expect m "dispatch r 0 x 200" ok
		slay m
		eventually gone one
		seq 1 200 | sed 's/^/x/' | cmp - "$BATS_TEST_TMPDIR/one.got"
		start m
		eventually expect m "enter a" "entered 1 id 1"
	done
}

@test "reactors: text is a line a message" {
	expect m "reactor r" ok
	listen t text
	listen five text.5
	expect m "dispatch r 0 hello" ok
	echo shell >"$R/dispatch.5"
	printf '%0100d' 0 >"$R/dispatch.6"
	eventually n_lines t 3
	sed 's/^[0-9]*\.[0-9]\{9\} //' "$BATS_TEST_TMPDIR/t.got" |
		diff - <(echo "1 0 5 68656c6c6f hello"
			echo "0 5 6 7368656c6c0a shell."
			echo "0 6 100 $(printf '30%.0s' {1..64})... $(printf '0%.0s' {1..64})...")
	eventually n_lines five 1
	grep -q "shell" "$BATS_TEST_TMPDIR/five.got"
}

@test "reactors: shells talk to each other without a member's help" {
	mkdir "$R"
	listen a stream
	listen b stream.3
	kill -STOP "${PID[m]}"
	for i in $(seq 1 50); do
		echo "line $i" >"$R/dispatch.$((i % 5))"
	done
	eventually n_lines a 50
	eventually n_lines b 10
	[ "$(sort -nk 2 "$BATS_TEST_TMPDIR/a.got" | tail -n 1)" = "line 50" ]
	kill -CONT "${PID[m]}"
}

@test "reactors: a stream can be polled, and O_NONBLOCK does not wait" {
	expect m "reactor r" ok
	exec 8<"$R/stream"
	run dd bs=100 count=1 iflag=nonblock status=none <&8
	[[ $output == *"temporarily unavailable"* ]]
	exec 8<&-
	command -v python3 >/dev/null || skip "needs python3"
	python3 - "$R/stream" >"$BATS_TEST_TMPDIR/polled" 3>&- <<-'EOP' &
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
		p = select.poll()
		p.register(fd, select.POLLIN)
		assert p.poll(0) == []
		print("ready", flush=True)
		for i in range(2):
		    assert p.poll(20000)[0][1] & select.POLLIN
		    print(os.read(fd, 100).decode().strip(), flush=True)
	EOP
	PID[p]=$!
	disown $!
	eventually grep -q ready "$BATS_TEST_TMPDIR/polled"
	expect m "dispatch r 0 one" ok
	eventually grep -q one "$BATS_TEST_TMPDIR/polled"
	expect m "dispatch r 0 two" ok
	eventually grep -q two "$BATS_TEST_TMPDIR/polled"
	eventually gone p
}

@test "reactors: a shell that does not read holds up nobody" {
	expect m "reactor r 64" ok
	tune_in
	expect m "dispatch r 0 x 1000" ok
	is dispatched 1000
	[ "$(says dropped)" -ge 900 ]
	# It goes on with what is still there.
	read -r line <&8
	[ "${line#x}" -gt 900 ]
	grep -qE "^shell [0-9]+ .* dropped [1-9]" "$R/listeners"
}

@test "reactors: a member that is stopped is waited for as it says" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect m "reactor r 64" ok
	expect n "listen r 0 block -1" ok
	kill -STOP "${PID[n]}"
	# Until the queue is full.
	while timeout 2 dd if=/dev/zero of="$R/dispatch" bs=8 count=1 \
		oflag=nonblock status=none 2>/dev/null; do :; done
	[ "$(says dispatched)" -ge 16 ]
	n=$(says dispatched)
	bash -c 'echo last >"$1"' bash "$R/dispatch" 3>&- &
	PID[w]=$!
	disown $!
	# Nor does the wait stop who will not wait.
	run timeout 5 dd if=/dev/zero of="$R/dispatch" bs=8 count=1 \
		oflag=nonblock status=none
	[[ $output == *"temporarily unavailable"* ]]
	is dispatched "$n"
	kill -CONT "${PID[n]}"
	eventually gone w
	for ((i = 0; i <= n; i++)); do
		hear n
	done
	[ "$REPLY" = "heard r 0 from 0 size 5: last." ]
}

@test "reactors: a member's limit holds for shells, too" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect m "reactor r 64" ok
	expect n "listen r 0 block 50" ok
	kill -STOP "${PID[n]}"
	for i in $(seq 1 100); do
		timeout 10 bash -c 'echo "$2" >"$1"' bash "$R/dispatch" "$i"
	done
	is dispatched 100
	grep -q "^member 2 state lagged policy block limit 0.050000000" \
		"$R/listeners"
	slay n
	eventually is listeners 0
}

@test "reactors: what is too large is refused, what is not comes whole" {
	expect m "reactor r 16384" ok
	tune_in
	run dd if=/dev/zero of="$R/dispatch" bs=262049 count=1 status=none
	[[ $output == *"Message too long"* ]]
	tr '\0' y </dev/zero | head -c 262048 |
		dd of="$R/dispatch" bs=262048 iflag=fullblock status=none
	[ "$(head -c 262048 <&8 | tr -d y | wc -c)" = 0 ]
}

@test "reactors: shells take no more than half of the places" {
	mkdir "$R"
	for i in $(seq 1 64); do
		listen "l$i" stream
	done
	run timeout 5 cat "$R/stream"
	[ "$status" -eq 1 ]
	[[ $output == *"No space left"* ]]
	expect m "listen r 0" ok
	slay l1
	eventually is listeners 64
	listen again stream
}

@test "reactors: streams of a daemon that is killed leave nothing" {
	expect m "reactor r" ok
	expect m "listen r 0" ok
	listen one stream
	listen two text
	is listeners 3
	slay_daemon
	eventually gone one
	eventually gone two
	expect m "dispatch r 0 alone" ok
	hears m "heard r 0 from 1 size 5: alone" || :
	remount
	eventually is listeners 1
	listen three stream
	expect m "dispatch r 0 again" ok
	eventually has_got three again
}

@test "reactors: memory that is cut short ends its streams, not the daemon" {
	mkdir "$MNT/b" "$MNT/b/reactors/x"
	expect m "reactor r" ok
	listen one stream
	cat "$MNT/b/reactors/x/stream" >/dev/null 3>&- &
	PID[other]=$!
	disown $!
	eventually grep -q shell "$MNT/b/reactors/x/listeners"
	truncate -s 0 "$BACKING/b/heap"
	cat "$MNT/b/status" 2>/dev/null || :
	state_is b corrupt
	eventually gone other
	expect m "dispatch r 0 well" ok
	eventually has_got one well
}

@test "reactors: a child that is no member has nothing to detach" {
	start p
	expect p "enter a" "entered 0 id 2"
	mkdir "$R"
	expect p "listen r 0" ok
	expect p "fork-detach r 0" ok
	# Its parent's cursor was not touched.
	is listeners 1
	expect m "dispatch r 0 hello" ok
	hears p "heard r 0 from 1 size 5: hello"
}

# The next two lines of p, in either order.
hears_both() {
	local a b

	read -r -t "$PATIENCE" -u "${OUT[p]}" a
	read -r -t "$PATIENCE" -u "${OUT[p]}" b
	[ "$(printf '%s\n' "$a" "$b" | sort)" = "$(printf '%s\n' "$@" | sort)" ]
}

@test "reactors: with the option the child of a fork listens, too" {
	start p
	expect p "enter a fork" "entered 0 id 2"
	mkdir "$R"
	expect p "listen r 0" ok
	expect p "listen r 99" ok
	expect p "fork-listen r" ok
	# Before its parent's fork() has returned.
	is listeners 2
	expect m "dispatch r 0 hello" ok
	hears_both "heard r 0 from 1 size 5: hello" \
		"child heard r 0 from 1 size 5: hello"
	# It has detached one, which is its own affair.
	expect m "dispatch r 99 you" ok
	hears p "heard r 99 from 1 size 3: you"
	expect m "dispatch r 0 both" ok
	hears_both "heard r 0 from 1 size 4: both" \
		"child heard r 0 from 1 size 4: both"
	# The parent goes, the child goes with it, and nobody is waited for.
	slay p
	eventually is listeners 0
}
