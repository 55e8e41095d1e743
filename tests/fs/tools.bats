#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Everyday tools read the right bytes, however they ask for them.

load helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/a" "$MNT/a/reactors/r"
	: >"$MNT/a/skirmishes/s"
	: >"$MNT/a/properties/p"
}

teardown() {
	exec 8<&- 9<&-
	end_world
}

need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

# Files of bytes, as fusionfs(5) finds them.
files() {
	find "$MNT" -type f ! -name stream ! -name text ! -name dispatch \
		! -name inbox ! -path '*/calls/*' ! -name heap
}

# Get each file by calls that read no buffer, and compare with read(2).
check_copies() {
	python3 - "$@" <<-'END'
		import mmap, os, sys
		def copy(how, fd):
		    r, w = os.pipe()
		    if how == "sendfile":
		        while os.sendfile(w, fd, None, 1 << 16):
		            pass
		    elif how == "splice":
		        while os.splice(fd, w, 1 << 16):
		            pass
		    elif how == "mmap":
		        os.write(w, mmap.mmap(fd, 0, prot=mmap.PROT_READ,
		                              flags=mmap.MAP_PRIVATE)[:])
		    os.close(w)
		    with open(r, "rb") as f:
		        return f.read()
		for path in sys.argv[1:]:
		    for how in "sendfile", "splice", "mmap":
		        fd = os.open(path, os.O_RDONLY)
		        got = copy(how, fd)
		        os.close(fd)
		        with open(path, "rb") as f:
		            want = f.read()
		        assert got == want, (path, how, got, want)
	END
}

@test "tools: the size of a file is what reading gives, in all ways to ask" {
	files >"$BATS_TEST_TMPDIR/files"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/files")" -gt 20 ]
	while read -r file; do
		case $file in
		*/uptime | */requests) continue ;;
		esac
		n=$(cat "$file" | wc -c)
		echo "$file: $n"
		[ "$(stat -c %s "$file")" = "$n" ]
		[ "$(wc -c <"$file")" = "$n" ]
	done <"$BATS_TEST_TMPDIR/files"
}

@test "tools: the size of a link is that of its target" {
	need_root
	enter m a
	target=$(readlink "$MNT/a/master")
	[ "$target" = "members/$(id_of m)" ]
	[ "$(stat -c %s "$MNT/a/master")" = "${#target}" ]
}

@test "tools: sendfile, splice and mmap give what read gives" {
	need python3
	cd "$MNT"
	check_copies a/status a/state a/skirmishes/s a/properties/p \
		.fusionfs/options a/reactors/r/status a/memory/status
	python3 -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' \
		"$MNT/a/status" "$BATS_TEST_TMPDIR/copy"
	cmp "$MNT/a/status" "$BATS_TEST_TMPDIR/copy"
}

@test "tools: what is spliced is what is there now" {
	need python3
	for n in 1G 0; do
		echo "$n" >"$MNT/a/limit"
		check_copies "$MNT/a/limit"
	done
}

@test "tools: others who look do not cut off what is spliced" {
	need python3
	echo 123456789012 >"$MNT/a/limit"
	exec 8<"$MNT/a/limit"
	python3 - "$MNT/a/limit" <<-'END'
		import os, subprocess, sys
		fd = os.open(sys.argv[1], os.O_RDONLY)
		assert os.fstat(fd).st_size == 13
		with open(sys.argv[1], "w") as f:
		    f.write("7000000\n")
		subprocess.run(["stat", sys.argv[1]], check=True)
		r, w = os.pipe()
		# The whole of what was opened, or an error: never a part.
		try:
		    os.sendfile(w, fd, None, 4096)
		except OSError:
		    os.write(w, os.read(fd, 4096))
		got = os.read(r, 4096)
		assert got in (b"123456789012\n", b"7000000\n"), got
	END
}

@test "tools: one open file agrees with itself" {
	need python3
	python3 - "$MNT/a/limit" <<-'END'
		import os, sys
		path = sys.argv[1]
		def limit(text):
		    with open(path, "w") as f:
		        f.write(text)
		limit("1G\n")
		fd = os.open(path, os.O_RDONLY)
		size = os.fstat(fd).st_size
		limit("7000000\n")
		# What was told is what is read ...
		assert os.pread(fd, 100, 4) == b"741824\n"
		assert os.lseek(fd, 0, os.SEEK_END) == size == 11
		assert os.fstat(fd).st_size == size
		# ... and the start is a new look, with the size of that.
		assert os.pread(fd, 100, 0) == b"7000000\n"
		assert os.fstat(fd).st_size == 8
		limit("8000000\n")
		assert os.pread(fd, 100, 0) == b"8000000\n"
	END
	# Nothing was asked, so it is read as it is then.
	exec 8<"$MNT/a/limit"
	echo 9000000 >"$MNT/a/limit"
	[ "$(cat <&8)" = 9000000 ]
}

@test "tools: tar, rsync and cp have nothing to say" {
	tar -cf "$BATS_TEST_TMPDIR/t.tar" -C "$MNT" --exclude dispatch \
		--exclude heap a .fusionfs >"$BATS_TEST_TMPDIR/said" 2>&1
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	[ "$(tar -xOf "$BATS_TEST_TMPDIR/t.tar" a/status)" = \
		"$(cat "$MNT/a/status")" ]
	mkdir "$BATS_TEST_TMPDIR/c"
	cp -a "$MNT/a/memory" "$MNT/a/skirmishes" "$MNT/a/status" \
		"$BATS_TEST_TMPDIR/c" >"$BATS_TEST_TMPDIR/said" 2>&1
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	diff -r "$MNT/a/skirmishes" "$BATS_TEST_TMPDIR/c/skirmishes"
	cmp "$MNT/a/status" "$BATS_TEST_TMPDIR/c/status"
	need rsync
	rsync -a --exclude dispatch --exclude heap "$MNT/a" "$MNT/.fusionfs" \
		"$BATS_TEST_TMPDIR/r" >"$BATS_TEST_TMPDIR/said" 2>&1
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	cmp "$MNT/a/status" "$BATS_TEST_TMPDIR/r/a/status"
}

@test "tools: files that always change are whole, too" {
	# From 9 to 10, 99 to 100 ... between the size and the reading.
	for _ in $(seq 12); do
		tar -cf "$BATS_TEST_TMPDIR/t.tar" -C "$MNT" .fusionfs 2>&1
	done >"$BATS_TEST_TMPDIR/said"
	cat "$BATS_TEST_TMPDIR/said"
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
}

@test "tools: busybox copies and shows what is there" {
	need busybox
	for file in a/status a/state a/limit .fusionfs/version; do
		[ "$(busybox cat "$MNT/$file")" = "$(cat "$MNT/$file")" ]
		busybox cp "$MNT/$file" "$BATS_TEST_TMPDIR/copy"
		cmp "$MNT/$file" "$BATS_TEST_TMPDIR/copy"
	done
	[ "$(busybox wc -c <"$MNT/a/status")" = "$(wc -c <"$MNT/a/status")" ]
}

@test "tools: tail, head and dd find the ends" {
	[ "$(tail -c 5 "$MNT/a/status")" = "$(cat "$MNT/a/status" | tail -c 5)" ]
	[ "$(tail -n 2 "$MNT/a/status")" = "$(cat "$MNT/a/status" | tail -n 2)" ]
	[ "$(head -c -9 "$MNT/a/status")" = \
		"$(cat "$MNT/a/status" | head -c -9)" ]
	[ "$(tac "$MNT/a/status" | tac)" = "$(cat "$MNT/a/status")" ]
	dd if="$MNT/a/status" bs=10 status=none | cmp - "$MNT/a/status"
}

@test "tools: find names those that wait, and nothing else waits" {
	: >"$MNT/a/reactors/r/dispatch"
	find "$MNT" -type f ! -name stream ! -name text ! -name dispatch \
		! -name inbox ! -name heap \
		-exec timeout 60 cat {} + >"$BATS_TEST_TMPDIR/all"
	grep -q "^name a\$" "$BATS_TEST_TMPDIR/all"
	[ "$(find "$MNT" -type f -size 0 ! -name heap -path '*/r/*' |
		wc -l)" -ge 3 ]
}

@test "tools: ls -l of many takes no memory and finds all sizes" {
	for i in $(seq 50); do
		: >"$MNT/a/skirmishes/n$i"
	done
	[ "$(ls -l "$MNT/a/skirmishes" | awk '$5 > 0' | wc -l)" -ge 51 ]
	[ "$(find "$MNT/a/skirmishes" -type f -size -1c | wc -l)" -eq 0 ]
}

@test "tools: events is a file of bytes after it has wrapped, too" {
	enter m a
	tell m many 600
	log=$MNT/a/events
	n=$(cat "$log" | wc -c)
	[ "$(stat -c %s "$log")" = "$n" ]
	[ "$(wc -c <"$log")" = "$n" ]
	tac "$log" | tac | cmp - "$log"
	tar -cf "$BATS_TEST_TMPDIR/t.tar" -C "$MNT/a" events
	tar -xOf "$BATS_TEST_TMPDIR/t.tar" | cmp - "$log"
	# What an open file has does not move under it.
	exec 8<"$log"
	head -n 1 <"$log" >"$BATS_TEST_TMPDIR/first"
	tell m many 300
	head -n 1 <&8 | cmp - "$BATS_TEST_TMPDIR/first"
	need python3
	cd "$MNT"
	check_copies a/events
}
