#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The compositor of docs/examples: what it shows, and who dies in it.
# shellcheck disable=SC2030,SC2031  # a subshell a test

load helpers

setup() {
	: "${COMPOSITOR:?folder of the compositor and its clients}"
	: "${COMPARE:?path of picture_compare}"
	: "${EXAMPLES:?folder of the examples}"
	new_world
	mount_world
	MEMBERS=
	# No windows on the display of who runs the tests.
	unset DISPLAY XAUTHORITY
}

teardown() {
	end_x
	end_world
}

# A program of the example, in the background.
start() {
	local program=$1

	shift
	"$COMPOSITOR/$program" "$@" 3>&- 4>&- &
	started=$!
	MEMBERS="$MEMBERS $started"
	disown
}

start_server() {
	start compositor "$@" desk
	server=$started
	wait_for exists "$MNT/desk/calls/surface.create"
}

# Ask a call of the desk; the answer is printed.
ask() {
	exec 8<>"$MNT/desk/calls/$1" || return 1
	echo >&8
	cat <&8
	exec 8<&-
}

status() {
	ask screen.status 2>/dev/null
}

windows_are() {
	[ "$(status | sed -n 's/^windows //p')" = "$1" ]
}

at_least_windows() {
	[ "$(status | sed -n 's/^windows //p')" -ge "$1" ]
}

all_drawn() {
	windows_are "$1" && ! status | grep -q '^window-.* flips 0 '
}

looks_like() {
	ask screen.png >"$BATS_TEST_TMPDIR/frame.png" 2>/dev/null &&
		"$COMPARE" "$BATS_TEST_TMPDIR/frame.png" "$1" "$2" >&2
}

# Blocks of the heap: those that every run needs are there before.
blocks() {
	value_of "$MNT/desk/memory/status" blocks
}

# Objects in the pool.
surfaces_are() {
	value_is "$MNT/desk/pools/surfaces/status" objects "$1"
}

value_is() {
	[ "$(value_of "$1" "$2")" = "$3" ]
}

n_members() {
	[ "$(find "$MNT/desk/members" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$1" ]
}

show_all() {
	start picture --at 20,20 desk "$EXAMPLES/compositor/hills.jpg"
	start tile --at 200,100 --size 100x90 --z 1 --colour c02060a0 \
		--paper 80ffffff desk
	start tile --at 150,150 --size 90x60 --z 2 --colour 8000ff40 desk
	start tile --at -20,-10 --z 3 --colour ffc04020 desk
	wait_for all_drawn 4
}

@test "compositor: a frame is the reference picture" {
	start_server --size 320x220 --png "$BATS_TEST_TMPDIR/written.png"
	show_all
	# JPEG decoders round in different ways.
	wait_for looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	run -1 "$COMPARE" "$BATS_TEST_TMPDIR/frame.png" \
		"$EXAMPLES/compositor/hills.jpg" 4
	wait_for "$COMPARE" "$BATS_TEST_TMPDIR/written.png" \
		"$BATS_TEST_TMPDIR/frame.png" 0
	# A PNG in a window is what it was.
	start picture --z 9 desk "$BATS_TEST_DIRNAME/compositor.png"
	wait_for all_drawn 5
	wait_for looks_like "$BATS_TEST_DIRNAME/compositor.png" 0
}

@test "compositor: who is killed is gone from the screen" {
	start_server --size 320x220
	ask screen.png >"$BATS_TEST_TMPDIR/empty.png"
	show_all
	surfaces_are 4
	kill -9 "$started"
	wait_for windows_are 3
	not looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	for pid in $MEMBERS; do
		[ "$pid" = "$server" ] || kill_ours "$pid"
	done
	wait_for windows_are 0
	wait_for looks_like "$BATS_TEST_TMPDIR/empty.png" 0
	wait_for surfaces_are 0
}

@test "compositor: cat pools/surfaces/* shows every window" {
	start_server --size 320x220
	start tile --at 200,100 --size 100x90 --z 1 desk
	start tile --at -20,-10 --size 64x64 --z 3 desk
	wait_for all_drawn 2
	surfaces_are 2
	cat "$MNT"/desk/pools/surfaces/* >"$BATS_TEST_TMPDIR/all"
	grep -qx 'description 100x90 at 200,100 z 1' "$BATS_TEST_TMPDIR/all"
	grep -qx 'description 64x64 at -20,-10 z 3' "$BATS_TEST_TMPDIR/all"
	[ "$(grep -c '^state active' "$BATS_TEST_TMPDIR/all")" -eq 2 ]
	[ "$(grep -c '^owner ' "$BATS_TEST_TMPDIR/all")" -eq 2 ]
	[ "$(grep -c '^string title ' "$BATS_TEST_TMPDIR/all")" -eq 2 ]
	# Each is referenced by its client, and by nobody else.
	[ "$(grep -c '^total 1' "$BATS_TEST_TMPDIR/all")" -eq 2 ]
	kill -9 "$started"
	wait_for surfaces_are 1
}

# One generation of 25: all are started, and killed when some of them are seen.
generation() {
	local i pids=

	for i in {1..25}; do
		start tile --at "$((i * 10)),$((i * 5))" desk
		pids="$pids $started"
	done
	wait_for at_least_windows "$1"
	# shellcheck disable=SC2086  # a list
	kill -9 $pids
	wait_for n_members 1
	wait_for windows_are 0
	MEMBERS=$server
}

@test "compositor: after 1000 deaths nothing is left" {
	start_server --size 320x220
	i=0
	generation 25
	before=$(blocks)
	# Who is killed before it has entered is no death of a member.
	until [ "$(cat "$MNT/.fusionfs/deaths")" -ge 1000 ]; do
		i=$((i + 1))
		generation $((i * 7 % 26))
	done
	wait_for surfaces_are 0
	# None of a window: those would be a thousand.  Threads of the server may
	# keep a few.
	[ "$(blocks)" -le $((before + 20)) ]
	start tile desk
	wait_for all_drawn 1
}

@test "compositor: the server dies, one that stands by goes on" {
	start_server --size 320x220
	start compositor --standby desk
	standby=$started
	wait_for n_members 2
	show_all
	wait_for looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	kill -9 "$server"
	wait_for looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	windows_are 4
	has_line "$MNT/desk/master/pid" "^$standby$"
	surfaces_are 4
	id=$(readlink "$MNT/desk/master")
	value_is "$MNT/desk/pools/surfaces/status" duty "member ${id##*/}"
	# Clients of before and of after are its own now.
	kill -9 "$started"
	wait_for windows_are 3
	start tile desk
	wait_for all_drawn 4
	kill -9 "$started"
	wait_for windows_are 3
}

@test "compositor: a client that died with the server has no window" {
	start_server --size 320x220
	show_all
	kill -9 "$server" "$started"
	wait_for n_members 3
	start compositor --standby desk
	wait_for all_drawn 3
	wait_for surfaces_are 3
}

@test "compositor: one has the whole screen" {
	start_server --size 320x220
	start tile --full-screen desk
	wait_for all_drawn 1
	status | grep -q ' 320x220 at 0,0 .* full screen'
	grep -qx 'state purchased' "$MNT/desk/properties/screen"
	run -1 "$COMPOSITOR/tile" --full-screen desk
	[[ $output == "tile: desk: "*"somebody has the whole screen"* ]]
	kill -9 "$started"
	wait_for grep -qx 'state available' "$MNT/desk/properties/screen"
	wait_for windows_are 0
}

@test "compositor: a client that draws again and again is paced" {
	start_server --size 320x220
	start load --every 1 desk
	wait_for has_flips 100
	kill "$started"
	wait_for windows_are 0
	not kill -0 "$started" 2>/dev/null || wait_for is_gone "$started"
}

has_flips() {
	[ "$(status | sed -n 's/^window.* flips \([0-9]*\) load$/\1/p')" -ge "$1" ]
}

# One line, which names what failed and what to do.
refuses() {
	local what=$1

	shift
	run -1 "$@"
	# shellcheck disable=SC2154  # set by run
	if [ ${#lines[@]} -ne 1 ] || [[ $output != *"$what"* ]]; then
		echo "said: $output" >&2
		return 1
	fi
}

@test "compositor: wrong use" {
	refuses "no compositor runs there" "$COMPOSITOR/tile" desk
	mkdir "$MNT/desk"
	refuses "no compositor" "$COMPOSITOR/tile" desk
	rmdir "$MNT/desk"
	start_server
	refuses "give the file of a picture" "$COMPOSITOR/picture" desk /no/such
	refuses "no whole PNG or JPEG" "$COMPOSITOR/picture" desk \
		"$BATS_TEST_DIRNAME/compositor.bats"
	head -c 2000 "$EXAMPLES/compositor/hills.jpg" \
		>"$BATS_TEST_TMPDIR/half.jpg"
	refuses "no whole PNG or JPEG" "$COMPOSITOR/picture" desk \
		"$BATS_TEST_TMPDIR/half.jpg"
	refuses "--font" "$COMPOSITOR/text" --font /no/such desk hello
	refuses "no fusionfs is mounted" env FUSION_MOUNT=/proc \
		"$COMPOSITOR/tile" desk
	refuses "--standby" "$COMPOSITOR/compositor" desk
	run -2 "$COMPOSITOR/compositor"
	[ "$output" = "compositor: give one ARENA: see compositor --help" ]
	run -2 "$COMPOSITOR/compositor" --headless --terminal desk
	run -2 "$COMPOSITOR/compositor" --png "" desk
	run -2 "$COMPOSITOR/compositor" ""
	run -2 "$COMPOSITOR/picture" desk
	[ "$output" = "picture: give ARENA FILE: see picture --help" ]
	run -2 "$COMPOSITOR/compositor" --size 10 desk
	run -2 "$COMPOSITOR/tile" --at 10 desk
	run -2 "$COMPOSITOR/clock" desk more
}

n_clients() {
	local n=0 pid

	for pid in $CLIENTS; do
		is_gone "$pid" || n=$((n + 1))
	done
	echo $n
}

all_have_windows() {
	all_drawn "$(n_clients)" && surfaces_are "$(n_clients)"
}

# Servers die while windows are made, drawn and closed; who waits for one that
# answers gets its window from the next.
@test "compositor: servers and clients die at once, ten times" {
	CLIENTS=
	start_server --size 320x220
	for i in {1..10}; do
		for j in {1..6}; do
			start tile --at "$((i * 20)),$((j * 20))" desk
			CLIENTS="$CLIENTS $started"
		done
		[ "$i" -eq 1 ] || kill_ours "$started"
		[ $((i % 3)) -eq 0 ] || wait_for at_least_windows $((i * 2))
		kill -9 "$server"
		start compositor --standby desk
		server=$started
		# shellcheck disable=SC2086  # a list
		kill_ours ${CLIENTS##* }
		wait_for all_have_windows
	done
	before=$(blocks)
	# shellcheck disable=SC2086  # a list
	kill_ours $CLIENTS
	wait_for windows_are 0
	wait_for surfaces_are 0
	[ "$(blocks)" -le $((before - 40)) ]
}

# --- In an X window ---------------------------------------------------------

need_x() {
	[ -n "${XPEEK-}" ] || skip "built without xcb"
	command -v Xvfb >/dev/null || skip "needs Xvfb"
}

# An X server of our own, on a display that is free: its depth, and arguments.
start_x() {
	local at=$BATS_TEST_TMPDIR/display depth=${1:-24}

	need_x
	: >"$at"
	shift $(($# > 0))
	Xvfb -screen 0 "800x600x$depth" -nolisten tcp -noreset -displayfd 5 \
		"$@" 5>"$at" >"$BATS_TEST_TMPDIR/xvfb" 2>&1 3>&- 4>&- &
	x=$!
	disown
	if ! wait_for [ -s "$at" ]; then
		cat "$BATS_TEST_TMPDIR/xvfb" >&2
		return 1
	fi
	DISPLAY=:$(<"$at")
	export DISPLAY
}

# Nothing of it stays, also when it could not clean up behind itself.
end_x() {
	[ -n "${x-}" ] || return 0
	kill_ours "$x"
	wait_for is_gone "$x"
	if [ -n "${DISPLAY-}" ]; then
		rm -f "/tmp/.X${DISPLAY#:}-lock" "/tmp/.X11-unix/X${DISPLAY#:}"
	fi
	x=
}

xpeek() {
	"$XPEEK" compositor "$@"
}

has_window() {
	xpeek title >/dev/null
}

has_no_window() {
	run "$XPEEK" compositor title
	[ "$status" -eq 1 ]
}

window_looks_like() {
	xpeek picture "$BATS_TEST_TMPDIR/window.png" &&
		"$COMPARE" "$BATS_TEST_TMPDIR/window.png" "$1" "$2" >&2
}

window_is_screen() {
	ask screen.png >"$BATS_TEST_TMPDIR/frame.png" 2>/dev/null &&
		window_looks_like "$BATS_TEST_TMPDIR/frame.png" 0
}

@test "compositor: a window shows the frame" {
	start_x
	start_server --size 320x220 --window --png "$BATS_TEST_TMPDIR/out.png"
	show_all
	wait_for window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	wait_for window_looks_like "$BATS_TEST_TMPDIR/out.png" 0
	[ "$(xpeek title)" = desk ]
	# Who is killed is gone from it.
	kill -9 "$started"
	wait_for windows_are 3
	wait_for window_is_screen
	not window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	# What has lain over it is gone, and no client draws.
	xpeek clear
	wait_for window_is_screen
}

# Its windows may have more colours than its root.
@test "compositor: a window on an X screen of 16 bits" {
	start_x 16
	start_server --size 320x220 --window
	show_all
	wait_for window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	wait_for window_is_screen
}

@test "compositor: closing the window ends the server, its clients go on" {
	start_x
	start_server --size 320x220 2>"$BATS_TEST_TMPDIR/said"
	show_all
	wait_for has_window
	xpeek close
	wait_for is_gone "$server"
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	wait_for has_no_window
	start compositor --standby desk
	wait_for window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	all_drawn 4
}

@test "compositor: one that stands by has a window when it takes over" {
	start_x
	start_server --size 320x220 --headless
	start compositor --standby --window desk
	show_all
	has_no_window
	kill -9 "$server"
	wait_for window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
}

@test "compositor: the X server is killed, server and clients go on" {
	start_x
	start_server --size 320x220 --window 2>"$BATS_TEST_TMPDIR/said"
	show_all
	wait_for window_looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	end_x
	wait_for grep -q . "$BATS_TEST_TMPDIR/said"
	wait_for looks_like "$BATS_TEST_DIRNAME/compositor.png" 4
	start load --every 1 desk
	wait_for has_flips 20
	all_drawn 5
	file_is "$BATS_TEST_TMPDIR/said" \
		"compositor: the X window: Broken pipe: going on without it"
}

@test "compositor: an X server that is stopped holds nobody up" {
	start_x
	start_server --size 320x220 --window
	start load --at 0,0 --size 320x220 --every 1 desk
	wait_for has_flips 5
	wait_for has_window
	kill -STOP "$x"
	wait_for has_flips "$((20 + $(status | sed -n 's/^frames //p')))"
	kill -CONT "$x"
	kill -STOP "$started"
	wait_for window_is_screen
	kill -CONT "$started"
}

# Frames go to the first that there is of: a window, the terminal.
@test "compositor: where frames are shown, if nothing is said" {
	command -v script >/dev/null || skip "needs script(1)"
	start_server --size 32x22 >"$BATS_TEST_TMPDIR/said"
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	kill_ours "$server"
	# Nobody answers there.
	DISPLAY=:1000000 TERM=xterm script -qefc \
		"exec '$COMPOSITOR/compositor' --standby desk" \
		"$BATS_TEST_TMPDIR/typed" </dev/null >/dev/null 3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
	disown
	wait_for grep -q '38;2;32;48;64' "$BATS_TEST_TMPDIR/typed"
}

@test "compositor: no window" {
	need_x
	refuses "DISPLAY is not set" "$COMPOSITOR/compositor" --window desk
	refuses "no display's name" env DISPLAY=nonsense \
		"$COMPOSITOR/compositor" --window desk
	refuses "no X server takes us" env DISPLAY=:1000000 \
		"$COMPOSITOR/compositor" --window desk
	start_x 16 -extension Composite
	refuses "no TrueColor" "$COMPOSITOR/compositor" --window desk
	# Who has not asked for it has none, and no complaint.
	start_server 2>"$BATS_TEST_TMPDIR/said"
	all_drawn 0
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	has_no_window
}

@test "compositor: a picture that cannot be written" {
	refuses "No such file" "$COMPOSITOR/compositor" --png /no/such desk
	refuses "Is a directory" "$COMPOSITOR/compositor" --png / desk
	refuses "takes a file" "$COMPOSITOR/compositor" --png /dev/null desk
	[ -c /dev/null ]
	mkdir "$BATS_TEST_TMPDIR/dir"
	start_server --png "$BATS_TEST_TMPDIR/dir/a.png" \
		2>"$BATS_TEST_TMPDIR/said"
	wait_for exists "$BATS_TEST_TMPDIR/dir/a.png"
	rm -r "$BATS_TEST_TMPDIR/dir"
	start tile desk
	wait_for grep -q 'a.png: .*going on without it' "$BATS_TEST_TMPDIR/said"
	start tile desk
	wait_for all_drawn 2
	[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" -eq 1 ]
}

# As in the foreground of a terminal: a shell has its background processes
# ignore SIGINT.
start_tty() {
	env --default-signal=INT,TERM "$COMPOSITOR/$1" "${@:2}" 3>&- 4>&- \
		>"$BATS_TEST_TMPDIR/said" 2>&1 &
	started=$!
	MEMBERS="$MEMBERS $started"
	disown
}

# shellcheck disable=SC2034  # for wait_for
ends_at_once() {
	local PATIENCE=3

	kill "-$1" "$2"
	wait_for is_gone "$2"
}

sleeps() {
	[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = S ]
}

has_caller() {
	grep -qx "pending 1" "$MNT/desk/calls/surface.create"
}

@test "compositor: Ctrl-C ends a client at once, whatever it waits for" {
	start_server --size 320x220
	for signal in INT TERM; do
		start_tty tile desk
		wait_for windows_are 1
		ends_at_once $signal "$started"
		wait_for windows_are 0
	done
	# For a picture that a stopped server does not show.
	start_tty load --every 1 desk
	wait_for windows_are 1
	kill -STOP "$server"
	wait_for sleeps "$started"
	ends_at_once INT "$started"
	# In its call.
	start_tty tile desk
	wait_for has_caller
	ends_at_once INT "$started"
	kill -CONT "$server"
	# For a compositor to come.
	start tile desk
	wait_for windows_are 1
	kill -9 "$server"
	wait_for is_gone "$server"
	start_tty tile desk
	wait_for sleeps "$started"
	ends_at_once INT "$started"
}

@test "compositor: Ctrl-C ends the compositor at once, whatever it waits for" {
	start_tty compositor --headless desk
	wait_for exists "$MNT/desk/calls/surface.create"
	ends_at_once INT "$started"
	wait_for is_absent "$MNT/desk"
	start_server
	start_tty compositor --headless --standby desk
	wait_for grep -qx "waiters 1" "$MNT/desk/skirmishes/server"
	ends_at_once INT "$started"
	pid=$(daemon_pid)
	kill -STOP "$pid"
	# Leaks are looked for with all threads stopped, and one cannot be now.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		start_tty compositor --headless --standby desk
	local r=0

	{ wait_for is_asleep_in_fuse "$started" &&
		ends_at_once INT "$started"; } || r=1
	kill -CONT "$pid"
	return $r
}

# One of its threads.
is_asleep_in_fuse() {
	cat /proc/"$1"/task/*/wchan /proc/"$1"/task/*/stack 2>/dev/null |
		grep -q 'fuse\|request_wait'
}
