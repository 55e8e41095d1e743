#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The examples do what they say, also when somebody is killed in them.

load helpers

setup() {
	: "${CALC:?path of the calc example}"
	: "${CHAT:?path of the chat example}"
	: "${QUEUE:?path of the queue example}"
	: "${SCREEN:?path of the screen example}"
	: "${EXAMPLES:?folder of the examples}"
	new_world
	mount_world
	MEMBERS=
}

teardown() {
	end_world
}

# So many members are in the queue's arena, and the first of them has made the
# queue: a member is inside before that.
n_inside() {
	[ "$(find "$MNT/q/members" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$1" ] &&
		exists "$MNT/q/fields/queue" && exists "$MNT/q/skirmishes/queue"
}

start_getter() {
	"$QUEUE" get "$MNT/q" >"$BATS_TEST_TMPDIR/got.$1" 3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
}

@test "queue: what two put, three get, each line once" {
	mkdir "$MNT/q"
	for i in 1 2 3; do
		start_getter $i
	done
	wait_for n_inside 3
	seq 1 2000 | "$QUEUE" put "$MNT/q" &
	seq 2001 4000 | "$QUEUE" put "$MNT/q"
	wait $!
	"$QUEUE" close "$MNT/q"
	# shellcheck disable=SC2086  # a list
	wait $MEMBERS
	sort -n "$BATS_TEST_TMPDIR"/got.? | cmp - <(seq 1 4000)
}

@test "queue: one that is killed takes one line with it at most" {
	mkdir "$MNT/q"
	start_getter 1
	start_getter 2
	wait_for n_inside 2
	seq 1 20000 | "$QUEUE" put "$MNT/q" &
	putter=$!
	wait_for test -s "$BATS_TEST_TMPDIR/got.1"
	kill -9 "${MEMBERS##* }"
	wait $putter
	"$QUEUE" close "$MNT/q"
	wait "$(echo "$MEMBERS" | awk '{ print $1 }')"
	n=$(cat "$BATS_TEST_TMPDIR"/got.? | sort -nu | wc -l)
	[ "$n" -ge 19999 ]
	[ "$(cat "$BATS_TEST_TMPDIR"/got.? | sort -n | uniq -d | wc -l)" -eq 0 ]
}

has_waiter() {
	grep -qx 'waiters 1' "$MNT/q/skirmishes/queue"
}

# The getter has had the lock, and sleeps in the condition: else it would be the
# one that waits for the shell.
is_asleep() {
	local text

	text=$(cat "$MNT/q/skirmishes/queue") &&
		[[ $text == *"depth 0"* && $text != *"taken 0"* ]]
}

@test "queue: a shell with its lock stops it, and no longer than that" {
	mkdir "$MNT/q"
	start_getter 1
	wait_for n_inside 1
	wait_for is_asleep
	exec 9<"$MNT/q/skirmishes/queue"
	flock 9
	echo hello | "$QUEUE" put "$MNT/q" 3>&- 4>&- 9<&- &
	putter=$!
	wait_for has_waiter
	[ ! -s "$BATS_TEST_TMPDIR/got.1" ]
	exec 9<&-
	wait "$putter"
	"$QUEUE" close "$MNT/q"
	# shellcheck disable=SC2086  # a list
	wait $MEMBERS
	[ "$(cat "$BATS_TEST_TMPDIR/got.1")" = hello ]
}

@test "queue: wrong use" {
	run -2 "$QUEUE"
	run -2 "$QUEUE" take "$MNT/q"
	[[ $output == *Usage* ]]
	run -1 "$QUEUE" put "$MNT/no/such"
}

@test "till.sh: a skirmish and a property from the shell" {
	run -0 "$EXAMPLES/till.sh" "$MNT/shop"
	[ "${lines[0]}" = "the till is ours" ]
	[[ ${lines[2]} == "owner shell "* ]]
	[ "${lines[4]}" = "state leased" ]
	[ "${lines[5]}" = "state purchased" ]
	[ "${lines[6]}" = "nobody else can have it now" ]
	[ "${lines[7]}" = "state available" ]
}

# The calculating service, until descriptor 6 is closed.
start_calc() {
	rm -f "$BATS_TEST_TMPDIR/calc.in"
	mkfifo "$BATS_TEST_TMPDIR/calc.in"
	"$CALC" serve "$MNT/c" <"$BATS_TEST_TMPDIR/calc.in" 3>&- 4>&- &
	calc=$!
	MEMBERS="$MEMBERS $!"
	exec 6>"$BATS_TEST_TMPDIR/calc.in"
	wait_for has_line "$MNT/c/calls/calc" "owner member"
}

@test "calc: asked from C and from sh, also over one descriptor" {
	mkdir "$MNT/c"
	start_calc
	[ "$("$CALC" ask "$MNT/c" "1 + 2 * 3")" = 7 ]
	[ "$("$EXAMPLES/calc.sh" "$MNT/c" "(1 + 2) * -3" 7/2)" = "-9
3.5" ]
	[ "$(seq 1 20 | sed 's/.*/& * &/' | "$EXAMPLES/calc.sh" "$MNT/c" |
		tr '\n' ' ')" = "$(for i in $(seq 1 20); do
		printf '%d ' $((i * i))
	done)" ]
	run "$EXAMPLES/calc.sh" "$MNT/c" "1 / 0"
	[[ $output == *"Numerical argument out of domain"* ]]
	run -1 "$CALC" ask "$MNT/c" "1 +"
	[[ $output == *"Invalid argument"* ]]
	exec 6>&-
	wait "$calc"
	run -1 "$CALC" ask "$MNT/c" "1"
	[[ $output == *"nobody serves"* ]]
}

@test "calc: a service that is killed is told, and started again" {
	mkdir "$MNT/c"
	start_calc
	exec 8<>"$MNT/c/calls/calc"
	kill -STOP "$calc"
	echo 1+1 >&8
	cat <&8 >"$BATS_TEST_TMPDIR/answer" 2>&1 3>&- 4>&- 6>&- &
	asker=$!
	wait_for has_line "$MNT/c/calls/calc" "pending 1"
	exec 6>&-
	kill -9 "$calc"
	not wait $asker
	grep -qE "Host is down|Identifier removed" "$BATS_TEST_TMPDIR/answer"
	exec 8<&-
	start_calc
	[ "$("$EXAMPLES/calc.sh" "$MNT/c" 1+1)" = 2 ]
	exec 6>&-
	wait "$calc"
}

# A terminal in the room; what is written to fd $2 it says.
start_chat() {
	mkfifo "$BATS_TEST_TMPDIR/chat.$1"
	"$CHAT" "$MNT/chat" "$1" <"$BATS_TEST_TMPDIR/chat.$1" \
		>"$BATS_TEST_TMPDIR/heard.$1" 3>&- 4>&- 5>&- 6>&- 7>&- &
	MEMBERS="$MEMBERS $!"
	eval "exec $2>\"$BATS_TEST_TMPDIR/chat.$1\""
	wait_for has_line "$BATS_TEST_TMPDIR/heard.$1" "^$1: hello"
}

@test "chat: terminals, cat and echo in one room" {
	mkdir "$MNT/chat" "$MNT/chat/reactors/room"
	cat "$MNT/chat/reactors/room/stream" >"$BATS_TEST_TMPDIR/heard.sh" \
		3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
	wait_for has_line "$MNT/chat/reactors/room/listeners" "^shell"
	start_chat ann 5
	ann=${MEMBERS##* }
	start_chat bob 6
	echo "hi bob" >&5
	echo "hi ann" >&6
	echo "sh: hi both" >"$MNT/chat/reactors/room/dispatch"
	for who in ann bob sh; do
		wait_for has_line "$BATS_TEST_TMPDIR/heard.$who" "^ann: hi bob"
		wait_for has_line "$BATS_TEST_TMPDIR/heard.$who" "^bob: hi ann"
		wait_for has_line "$BATS_TEST_TMPDIR/heard.$who" "^sh: hi both"
		[ "$(grep -c "^ann: hi bob" "$BATS_TEST_TMPDIR/heard.$who")" = 1 ]
	done
	kill -9 "${MEMBERS##* }"
	echo "still here?" >&5
	wait_for has_line "$BATS_TEST_TMPDIR/heard.sh" "^ann: still here?"
	# Somebody stays, so that the room does not end with ann.
	start_chat cyd 7
	exec 5>&- 6>&-
	wait "$ann"
	for who in cyd sh; do
		wait_for has_line "$BATS_TEST_TMPDIR/heard.$who" "^ann: bye"
	done
	exec 7>&-
	wait "${MEMBERS##* }"
	wait_for rmdir "$MNT/chat"
}

# A film of one line that goes on until descriptor 7 is closed.
start_film() {
	mkfifo "$BATS_TEST_TMPDIR/frames"
	"$SCREEN" film "$MNT/s" "$1" <"$BATS_TEST_TMPDIR/frames" 3>&- 4>&- &
	film=$!
	exec 7>"$BATS_TEST_TMPDIR/frames"
	wait_for has_line "$MNT/s/properties/screen" "state purchased"
}

@test "screen: lines wait for lines, but not for a film" {
	mkdir "$MNT/s"
	start_film "The Kid"
	echo "a frame" >&7
	run -1 "$SCREEN" show "$MNT/s" hello
	[[ $output == *"a film is on"* ]]
	wait_for screen_shows "a frame"
	run -0 "$SCREEN" log "$MNT/s"
	[ "${lines[0]}" = "The Kid" ]
	[ "${lines[2]}" = "screen: purchased" ]
	exec 7>&-
	wait "$film"
	for i in 1 2 3 4; do
		"$SCREEN" show "$MNT/s" "line $i" 3>&- 4>&- &
		MEMBERS="$MEMBERS $!"
	done
	for pid in $MEMBERS; do
		wait "$pid"
	done
}

screen_shows() {
	"$SCREEN" log "$MNT/s" | grep -qxF "$1"
}

@test "screen: a film is stopped, or killed, and the screen is free" {
	mkdir "$MNT/s"
	start_film "Metropolis"
	run -0 "$SCREEN" stop "$MNT/s"
	not wait "$film"
	run -0 "$SCREEN" show "$MNT/s" hello
	rm "$BATS_TEST_TMPDIR/frames"
	start_film "Sunrise"
	kill -9 "$film"
	not wait "$film"
	run -0 "$SCREEN" show "$MNT/s" hello
	exec 7>&-
	run -0 "$SCREEN" stop "$MNT/s"
	run -2 "$SCREEN" show "$MNT/s"
	[[ $output == *Usage* ]]
}
