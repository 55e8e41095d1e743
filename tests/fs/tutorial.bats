#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# docs/tutorial.md does what it says: its programs are taken from the page.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	: "${EXAMPLES:?folder of the examples}"
	: "${LIBFUSION:?folder of libfusion}"
	# A program would have to be built as the library is.
	! nm -D "$LIBFUSION/libfusion.so" | grep -q ' U __asan_init' ||
		skip "the library is sanitized"
	export LD_LIBRARY_PATH=$LIBFUSION
	new_world
	mount_world
	export FUSION_MOUNT=$MNT
	cd "$BATS_TEST_TMPDIR" || return
	for name in hello count note; do
		take $name
	done
}

teardown() {
	end_world
}

# The block behind the comment that names the file.
take() {
	sed -n "/^<!-- file: $1.c -->/,/^\`\`\`\$/p" "$EXAMPLES/../tutorial.md" |
		sed '1,2d;$d' >"$1.c"
	cc -std=gnu17 -Wall -Wextra -Werror -I"$EXAMPLES/../../include" "$1.c" \
		-o "$1" -L"$LIBFUSION" -lfusion
}

# A program in the background, that reads what comes first.
start() {
	local in=$1

	shift
	"$@" <"$in" 3>&- 8<&- 9<&- &
	started=$!
	disown
}

says() {
	grep -q "^$2\$" "$1"
}

members_are() {
	[ "$(find "$MNT/$1/members" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$2" ]
}

absent() {
	[ ! -e "$1" ]
}

@test "tutorial: joining, and a death" {
	start /dev/null ./hello
	first=$started
	wait_for members_are notes 1
	start /dev/null ./hello
	wait_for members_are notes 2
	[ "$(cat "$MNT"/notes/members/*/role)" = "master
slave" ]
	[ "$(cat "$MNT/notes/state")" = running ]
	kill -9 "$first"
	wait_for members_are notes 1
	grep -q "death member 1 pid $first comm hello" "$MNT/notes/events"
	kill "$started"
	wait_for absent "$MNT/notes"
}

@test "tutorial: shared memory, a lock, and a death with it" {
	mkfifo enter
	exec 8<>enter
	start enter ./count >said
	wait_for says said "press Enter"
	says said "1 pages, 100 words"
	grep -q "^0x[0-9a-f]* struct book 24$" "$MNT/notes/fields/book"
	lock=$MNT/notes/skirmishes/book
	says "$lock" "state free"
	flock "$lock" head -1 "$lock" | grep -q "^owner shell "
	DIE=1 run -134 ./count
	wait_for says "$lock" "state owner-died"
	./count </dev/null >said2
	[ "$(cat said2)" = "somebody died at page 2
3 pages, 300 words
press Enter" ]
	echo >&8
	exec 8<&-
	wait_for absent "$MNT/notes"
}

@test "tutorial: objects and messages" {
	mkfifo one two
	exec 8<>one 9<>two
	start one ./note "buy milk" >said1
	first=$started
	wait_for grep -q "^note " said1
	start two ./note "call home" >said2
	wait_for grep -q "^note " said2
	notes=$MNT/wall/pools/notes
	id=$(sed -n 's/^note //p' said1)
	says "$notes/#$id" "string text buy milk"
	says "$notes/#$id" "member 1 local 1 pending 0"
	says "$notes/status" "objects 2"
	says "$notes/status" "duty member 1"
	start /dev/null cat "$MNT/wall/reactors/wall/text" >heard
	wait_for grep -q "^shell" "$MNT/wall/reactors/wall/listeners"
	echo hello >&9
	wait_for grep -q " 2 0 5 68656c6c6f hello$" heard
	kill -9 "$first"
	wait_for says said2 "note $id is gone after 0 shouts"
	wait_for says "$notes/status" "objects 1"
	says "$notes/status" "duty member 2"
	kill "$started"
	exec 8<&- 9<&-
	wait_for absent "$MNT/wall"
}

# README.md's own program, as it stands on the page.
take_readme() {
	sed -n '/^## A program$/,/^Start it/p' "$EXAMPLES/../../README.md" |
		sed '1,/^```c$/d' | sed '/^```$/,$d' >readme.c
	cc -std=gnu17 -Wall -Wextra -Werror -I"$EXAMPLES/../../include" \
		readme.c -o readme -L"$LIBFUSION" -lfusion
}

@test "README: the first to start may be the first to leave" {
	take_readme
	mkfifo one two
	exec 8<>one 9<>two
	./readme <one >said1 3>&- 8<&- 9<&- &
	first=$!
	wait_for members_are count 1
	./readme <two >said2 3>&- 8<&- 9<&- &
	second=$!
	wait_for members_are count 2
	echo >&8
	wait "$first"
	[ "$(cat said1)" = "member 1 counts 1; press Enter" ]
	grep -q " leave member 1 " "$MNT/count/events"
	[ "$(./readme </dev/null)" = "member 3 counts 3; press Enter" ]
	echo >&9
	wait "$second"
	[ "$(cat said2)" = "member 2 counts 2; press Enter" ]
	exec 8<&- 9<&-
	wait_for absent "$MNT/count"
}
