#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The file `events`.

load helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/a"
}

teardown() {
	[ -z "${READER:-}" ] || kill "$READER" 2>/dev/null || :
	end_world
}

@test "events: one line for each thing that happens" {
	enter m a
	enter s a
	leave s
	not grep -vE '^[0-9]{10}\.[0-9]{9} [a-z-]+( |$)' "$MNT/a/events"
	has_line "$MNT/a/events" " join member 1 pid $(pid_of m) role master comm visitor"
	has_line "$MNT/a/events" " join member 2 pid $(pid_of s) role slave comm visitor"
	has_line "$MNT/a/events" " leave member 2 pid $(pid_of s) comm visitor"
	has_line "$MNT/a/events" " state running"
	sort -c -n "$MNT/a/events"
}

@test "events: cat, wc, head, tail end" {
	enter m a
	lines=$(cat "$MNT/a/events" | wc -l)
	[ "$lines" -ge 2 ]
	[ "$(wc -l <"$MNT/a/events")" -eq "$lines" ]
	[ "$(head -n 1 "$MNT/a/events" | wc -l)" -eq 1 ]
	[ "$(tail -n 1 "$MNT/a/events")" = "$(cat "$MNT/a/events" | tail -n 1)" ]
	[ "$(wc -c <"$MNT/a/events")" -eq "$(cat "$MNT/a/events" | wc -c)" ]
	cp "$MNT/a/events" "$BATS_TEST_TMPDIR/events"
	[ "$(cat "$BATS_TEST_TMPDIR/events")" = "$(cat "$MNT/a/events")" ]
	[ "$(dd if="$MNT/a/events" bs=1 2>/dev/null)" = \
		"$(cat "$MNT/a/events")" ]
	[ "$({
		read -r first
		head -n 1 >/dev/null
		cat
	} <"$MNT/a/events" | wc -l)" -eq $((lines - 2)) ]
}

@test "events: tail -f follows, also into the next life" {
	enter m a
	tail -n +1 -s 0.1 -f "$MNT/a/events" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	READER=$!
	wait_for has_line "$BATS_TEST_TMPDIR/log" "join member 1"
	enter s a
	wait_for has_line "$BATS_TEST_TMPDIR/log" "join member 2"
	kill_visitor s
	wait_for has_line "$BATS_TEST_TMPDIR/log" "death member 2"
	leave m
	wait_for file_is "$MNT/a/state" empty
	enter n a
	wait_for has_line "$BATS_TEST_TMPDIR/log" "pid $(pid_of n)"
	kill -0 "$READER"
	[ "$(grep -c "join member 2" "$BATS_TEST_TMPDIR/log")" -eq 1 ]
}

@test "events: an open file goes on where it was" {
	enter m a
	exec 7<"$MNT/a/events"
	[[ $(cat <&7) == *"join member 1"* ]]
	[ -z "$(cat <&7)" ]
	enter s a
	after=$(cat <&7)
	[[ $after == *"join member 2"* ]]
	[[ $after != *"join member 1"* ]]
	exec 7<&-
}

@test "events: poll wakes a reader that is at the end" {
	command -v python3 >/dev/null || skip "no python3"
	enter m a
	python3 - "$MNT/a/events" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- <<-'END' &
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY)
		while os.read(fd, 4096):
		    pass
		p = select.poll()
		p.register(fd, select.POLLIN)
		print("polling", flush=True)
		while True:
		    p.poll()
		    print(os.read(fd, 4096).decode(), end="", flush=True)
	END
	READER=$!
	wait_for has_line "$BATS_TEST_TMPDIR/log" polling
	enter s a
	wait_for has_line "$BATS_TEST_TMPDIR/log" "join member 2"
	# What a member does by itself wakes, too.
	tell s add thing 10 int
	wait_for has_line "$BATS_TEST_TMPDIR/log" "field thing"
	kill_visitor s
	wait_for has_line "$BATS_TEST_TMPDIR/log" "death member 2"
}

@test "events: the newest 512 lines are kept" {
	enter m a
	tell m many 600
	lines=$(wc -l <"$MNT/a/events")
	[ "$lines" -eq 511 ] || [ "$lines" -eq 512 ]
	has_line "$MNT/a/events" "field f599"
	has_no_line "$MNT/a/events" "field f0\$"
	[ "$(tail -n 1 "$MNT/a/events")" = "$(cat "$MNT/a/events" | tail -n 1)" ]
	[ "$(tail -n 5 "$MNT/a/events")" = "$(cat "$MNT/a/events" | tail -n 5)" ]
	[ "$(head -n 2 "$MNT/a/events")" = "$(cat "$MNT/a/events" | head -n 2)" ]
	[ "$({
		head -n 3 >/dev/null
		head -n 1
	} <"$MNT/a/events")" = "$(sed -n 4p "$MNT/a/events")" ]
}

@test "events: an open file does not keep the arena" {
	exec 7<"$MNT/a/events"
	rmdir "$MNT/a"
	run cat <&7
	exec 7<&-
	[[ $output != *[0-9]* ]]
	mkdir "$MNT/a"
}
