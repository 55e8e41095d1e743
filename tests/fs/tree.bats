#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The files of the tree, without anybody inside, and each wrong use of them.

load helpers

setup() {
	new_world
	mount_world
}

teardown() {
	end_world
}

@test ".fusionfs: says what the daemon is" {
	cd "$MNT/.fusionfs"
	[ "$(ls | tr '\n' ' ')" = \
		"deaths format limits options pid requests uptime users version " ]
	[[ $(cat version) =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
	[[ $(cat format) =~ ^[0-9]+$ ]]
	[ -d "/proc/$(cat pid)" ]
	[[ $(cat uptime) =~ ^[0-9]+\.[0-9]{9}$ ]]
	[ "$(cat deaths)" = 0 ]
	has_line options "^backing $BACKING\$"
	before=$(cat requests)
	[ "$(cat requests)" -gt "$before" ]
}

@test "mkdir: makes an empty arena" {
	mkdir "$MNT/a"
	file_is "$MNT/a/state" empty
	file_is "$MNT/a/span" 4294967296
	base=$(cat "$MNT/a/base")
	[[ $base =~ ^0x[0-9a-f]{12}$ ]]
	# The window of docs/abi.md; its place in it hangs on $BACKING.
	((base >= 0x550000000000 && base < 0x555500000000))
	((base % 0x100000000 == 0))
	[ -z "$(ls "$MNT/a/members")" ]
	[ -z "$(ls "$MNT/a/fields")" ]
	is_absent "$MNT/a/master"
	[ "$(cat "$MNT/a/used")" -gt 0 ]
	[ "$(cat "$MNT/a/used")" -lt 4194304 ]
}

@test "ls: shows the files of an arena" {
	mkdir "$MNT/a"
	[ "$(ls "$MNT/a" | tr '\n' ' ')" = \
		"base calls deadlocks events fields hashes heap limit lists members memory pools properties reactors refs skirmishes span state status used vectors " ]
	[ "$(ls "$MNT/a/memory" | tr '\n' ' ')" = \
		"classes members pools status " ]
	[ "$(ls -A "$MNT" | tr '\n' ' ')" = ".fusionfs a " ]
}

@test "status: is one screen of 'key value' lines" {
	mkdir "$MNT/a"
	not grep -vE '^[a-z-]+( [^ ].*)?$' "$MNT/a/status"
	[ "$(wc -l <"$MNT/a/status")" -le 30 ]
	[ "$(value_of "$MNT/a/status" state)" = empty ]
	[ "$(value_of "$MNT/a/status" base)" = "$(cat "$MNT/a/base")" ]
	[ "$(value_of "$MNT/a/status" span)" = "$(cat "$MNT/a/span")" ]
	[ "$(value_of "$MNT/a/status" members)" = 0 ]
}

@test "memory: says what the heap has" {
	mkdir "$MNT/a"
	for file in status classes members pools; do
		cat "$MNT/a/memory/$file"
	done
	not grep -vE '^[a-z-]+ [^ ]+' "$MNT/a/memory/status"
}

@test "heap: is a file that gives what the memory has, to those who may look" {
	mkdir -m 0750 "$MNT/a"
	[ "$(stat -c '%F %a %u %g' "$MNT/a/heap")" = \
		"regular file 440 $(id -u) $(id -g)" ]
	[ "$(stat -c %s "$MNT/a/heap")" -le "$(cat "$MNT/a/span")" ]
	cmp -n 65536 "$MNT/a/heap" "$BACKING/a/heap"
	fails_with "Permission denied" sh -c 'echo x >"$1"' sh "$MNT/a/heap"
}

@test "heap: cp finds its holes" {
	mkdir "$MNT/a"
	cp "$MNT/a/heap" "$BATS_TEST_TMPDIR/heap"
	cmp -n 65536 "$BATS_TEST_TMPDIR/heap" "$BACKING/a/heap"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/heap")" -eq \
		"$(stat -c %s "$MNT/a/heap")" ]
	[ "$(stat -c %b "$BATS_TEST_TMPDIR/heap")" -lt 100000 ]
}

@test "backing: no other user reaches its files by a path" {
	mkdir -m 0777 "$MNT/a"
	[ -z "$(find "$BACKING/a" -type f ! -perm 600)" ]
	[ "$(stat -c %a "$BACKING/a")" = 700 ]
	chmod 0750 "$MNT/a"
	[ -z "$(find "$BACKING/a" -type f ! -perm 600)" ]
}

@test "socket: is there while it is needed, and never listed" {
	mkdir "$MNT/a"
	is_absent "$MNT/a/.socket"
	[[ $(ls -A "$MNT/a" "$MNT") != *socket* ]]
	fails_with "not permitted" python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$MNT/a/.socket"
	fails_with "not permitted" python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$MNT/.socket"
}

@test "mkdir: names that are wrong" {
	long=$(printf 'x%.0s' $(seq 63))
	mkdir "$MNT/$long"
	rmdir "$MNT/$long"
	fails_with "File name too long" mkdir "$MNT/${long}x"
	fails_with "Invalid argument" mkdir "$MNT/.hidden"
	fails_with "Invalid argument" mkdir "$MNT/$(printf 'a\tb')"
	mkdir "$MNT/a"
	fails_with "File exists" mkdir "$MNT/a"
	fails_with "File exists" mkdir "$MNT/.fusionfs"
	mkdir "$MNT/ä ö"
	file_is "$MNT/ä ö/state" empty
}

@test "mkdir: only in the root" {
	mkdir "$MNT/a"
	fails_with "" mkdir "$MNT/a/b"
	fails_with "" mkdir "$MNT/a/fields/b"
	fails_with "" mkdir "$MNT/.fusionfs/b"
}

@test "mkdir: takes mode and umask" {
	(umask 027 && mkdir "$MNT/a")
	[ "$(stat -c %a "$MNT/a")" = 750 ]
	mkdir -m 0700 "$MNT/b"
	[ "$(stat -c %a "$MNT/b")" = 700 ]
	[ "$(stat -c '%u %g' "$MNT/b")" = "$(id -u) $(id -g)" ]
}

@test "rmdir: ends an arena and its memory" {
	mkdir "$MNT/a"
	[ -f "$BACKING/a/heap" ]
	rmdir "$MNT/a"
	is_absent "$MNT/a"
	is_absent "$BACKING/a"
	fails_with "No such file" rmdir "$MNT/a"
	mkdir "$MNT/a"
	file_is "$MNT/a/state" empty
}

@test "rmdir: of what is no arena" {
	mkdir "$MNT/a"
	fails_with "" rmdir "$MNT/.fusionfs"
	fails_with "" rmdir "$MNT/a/fields"
	fails_with "Not a directory" rmdir "$MNT/a/state"
	[ -d "$MNT/a/fields" ]
}

@test "rm -r: cannot take an arena apart" {
	mkdir "$MNT/a"
	run rm -rf "$MNT/a"
	[ "$status" -ne 0 ]
	file_is "$MNT/a/state" empty
}

@test "files cannot be made, removed, renamed, linked" {
	mkdir "$MNT/a" "$MNT/b"
	run touch "$MNT/file" "$MNT/a/file" "$MNT/a/fields/file"
	[ "$status" -ne 0 ]
	is_absent "$MNT/file"
	is_absent "$MNT/a/file"
	run rm -f "$MNT/a/state"
	[ "$status" -ne 0 ]
	run mv "$MNT/a" "$MNT/c"
	[ "$status" -ne 0 ]
	[ -d "$MNT/a" ]
	run mv "$MNT/a/state" "$MNT/a/status"
	[ "$status" -ne 0 ]
	run ln "$MNT/a/state" "$MNT/b/state2"
	[ "$status" -ne 0 ]
	run ln -s x "$MNT/link"
	[ "$status" -ne 0 ]
	run mkfifo "$MNT/fifo"
	[ "$status" -ne 0 ]
	is_absent "$MNT/link"
	is_absent "$MNT/fifo"
	file_is "$MNT/a/state" empty
}

@test "what is read only cannot be written" {
	mkdir "$MNT/a"
	for file in state status base span used events .; do
		run sh -c 'echo x >"$1"' sh "$MNT/a/$file"
		[ "$status" -ne 0 ]
	done
	run sh -c 'echo x >"$1"' sh "$MNT/.fusionfs/version"
	[ "$status" -ne 0 ]
	file_is "$MNT/a/state" empty
}

@test "limit: is read and written in bytes" {
	mkdir "$MNT/a"
	echo 64M >"$MNT/a/limit"
	file_is "$MNT/a/limit" 67108864
	echo 33554432 >"$MNT/a/limit"
	file_is "$MNT/a/limit" 33554432
	printf 1G >"$MNT/a/limit"
	file_is "$MNT/a/limit" 1073741824
	[ "$(value_of "$MNT/a/status" limit)" = 1073741824 ]
}

@test "limit: nonsense is EINVAL" {
	mkdir "$MNT/a"
	echo 64M >"$MNT/a/limit"
	for value in x -1 "1 2" 12Q 0x10 99999999999999999999 1.5G; do
		fails_with "Invalid argument" \
			bash -c 'echo "$2" >"$1"' sh "$MNT/a/limit" "$value"
	done
	head -c 100000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
	run cp "$BATS_TEST_TMPDIR/zeros" "$MNT/a/limit"
	[ "$status" -ne 0 ]
	file_is "$MNT/a/limit" 67108864
}

@test "files that are not there are ENOENT" {
	mkdir "$MNT/a"
	for file in no a/no a/fields/no a/members/1 a/members/x a/members/01 \
		a/memory/no .fusionfs/no a/members/99999999999999999999; do
		fails_with "No such file" stat "$MNT/$file"
	done
}

@test "find, tree, du, stat, wc, cp -r behave" {
	mkdir "$MNT/a" "$MNT/b"
	[ "$(find "$MNT" -name state | wc -l)" -eq 2 ]
	[ "$(find "$MNT" -type d | wc -l)" -eq 28 ]
	du -s "$MNT"
	du -sb "$MNT"
	[ "$(wc -l <"$MNT/a/state")" -eq 1 ]
	[ "$(stat -c %F "$MNT/a")" = directory ]
	[ "$(stat -c %F "$MNT/a/heap")" = "regular file" ]
	if command -v tree >/dev/null; then
		tree -a "$MNT"
	fi
	mkdir "$BATS_TEST_TMPDIR/copy"
	cp -rP "$MNT/a" "$BATS_TEST_TMPDIR/copy"
	[ "$(cat "$BATS_TEST_TMPDIR/copy/a/state")" = empty ]
	tar -C "$MNT" -cf /dev/null --exclude events a
}

@test "find -noleaf is not needed: directories count their children" {
	mkdir "$MNT/a" "$MNT/b" "$MNT/c"
	links=$(stat -c %h "$MNT")
	[ "$links" -eq 6 ] || [ "$links" -eq 1 ]
}

@test "statfs: is the backing tmpfs'" {
	mount=$(stat -f -c '%b %S' "$BACKING")
	[ "$(stat -f -c '%b %S' "$MNT")" = "$mount" ]
	df "$MNT"
	[ "$(stat -f -c %l "$MNT")" -eq 63 ]
}

@test "chmod: changes the arena and what is in it" {
	mkdir "$MNT/a"
	chmod 0770 "$MNT/a"
	[ "$(stat -c %a "$MNT/a")" = 770 ]
	[ "$(stat -c %a "$MNT/a/heap")" = 440 ]
	[ "$(stat -c %a "$MNT/a/state")" = 440 ]
	chmod go= "$MNT/a"
	[ "$(stat -c %a "$MNT/a")" = 700 ]
	[ "$(stat -c %a "$MNT/a/fields")" = 500 ]
}

@test "chmod: of files in an arena is refused" {
	mkdir "$MNT/a"
	fails_with "not permitted" chmod 0600 "$MNT/a/state"
	fails_with "not permitted" chmod 0700 "$MNT/a/fields"
	fails_with "not permitted" chmod 0700 "$MNT/.fusionfs"
}

@test "chown, chgrp: change the arena, the file and what is in it" {
	need_root
	mkdir "$MNT/a"
	chown 1:2 "$MNT/a"
	[ "$(stat -c '%u %g' "$MNT/a")" = "1 2" ]
	[ "$(stat -c '%u %g' "$MNT/a/state")" = "1 2" ]
	chgrp 5 "$MNT/a"
	[ "$(stat -c '%u %g' "$MNT/a")" = "1 5" ]
	fails_with "not permitted" chown 1 "$MNT/a/state"
}


@test "events: is empty while nothing happened, and ends" {
	mkdir "$MNT/a"
	[ "$(timeout 10 cat "$MNT/a/events" | wc -l)" -ge 0 ]
}

@test "files are read in parts, at any offset" {
	mkdir "$MNT/a"
	whole=$(cat "$MNT/a/status")
	[ "$(dd if="$MNT/a/status" bs=1 2>/dev/null)" = "$whole" ]
	[ "$(dd if="$MNT/a/status" bs=7 skip=1 2>/dev/null)" = "${whole:7}" ]
	[ "$(tail -n 1 "$MNT/a/status")" = "${whole##*$'\n'}" ]
	[ "$(dd if="$MNT/a/status" bs=1M skip=1 2>/dev/null | wc -c)" -eq 0 ]
}

@test "extended attributes, and flock of what is no lock: not supported" {
	mkdir "$MNT/a"
	fails_with "not supported" flock -n "$MNT/a/state" true
	# A directory's is the kernel's own affair.
	flock -n "$MNT/a" true
	command -v setfattr >/dev/null || skip "no setfattr"
	fails_with "not supported" setfattr -n user.x -v y "$MNT/a"
	fails_with "not supported" getfattr -n user.x "$MNT/a"
}

@test "many arenas: all are listed and removed" {
	for n in $(seq 40); do
		mkdir "$MNT/arena-$n"
	done
	[ "$(ls "$MNT" | wc -l)" -eq 40 ]
	[ "$(cat "$MNT"/*/base | sort -u | wc -l)" -eq 40 ]
	rmdir "$MNT"/*
	[ -z "$(ls "$MNT")" ]
	[ "$(ls -A "$BACKING")" = .lock ]
}
