# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An arena lies where there is room in the process that creates it:
# tests/fs/elsewhere.c

load helpers

: "${ELSEWHERE:?path of the program, tests/fs/elsewhere.c}"

setup() {
	new_world
	mount_world
}

teardown() {
	[ -z "${SECOND:-}" ] || end_second
	end_world
}

# A second mount, of another backing directory, on $SECOND.
begin_second() {
	SECOND=$(mktemp -d "$BATS_TEST_TMPDIR/second.XXXXXX")
	SECOND_BACKING=$(mktemp -d /dev/shm/fusion-test.XXXXXX)
	"$FUSIONFS" -o "backing=$SECOND_BACKING" "$SECOND" 3>&- 4>&-
}

end_second() {
	umount "$SECOND" || umount -l "$SECOND"
	rm -rf "$SECOND_BACKING"
}

lies_in() {
	local want=$1

	shift
	run -0 "$ELSEWHERE" hole "$@"
	[ "$output" = "$want" ]
	wait_for is_absent "$MNT/$3"
}

@test "place: the only free slot is taken, wherever it is" {
	lies_in "slot 0" 0 1 one
	lies_in "slot 84" 84 1 one
	lies_in "slot 37" 37 1 two
	lies_in "slot 40" 37 7 three 0x400000000
	lies_in "slot 16" 16 16 three 0x1000000000
}

@test "place: the second window serves when the first is full" {
	"$ELSEWHERE" hole 85 1 probe | grep -q "^slot 85$" ||
		skip "a sanitizer's memory is there"
	lies_in "slot 85" 85 1 one
	lies_in "slot 2132" 2132 1 one
}

@test "place: -EADDRINUSE when nothing fits, and only then" {
	run -0 --separate-stderr "$ELSEWHERE" hole 0 0 one
	[ "$output" = EADDRINUSE ]
	run -0 --separate-stderr "$ELSEWHERE" hole 1 1 one 0x200000000
	[ "$output" = EADDRINUSE ]
	lies_in "slot 2" 2 2 one 0x200000000
	lies_in "slot 3" 3 2 one 0x200000000
}

@test "place: an arena made by mkdir moves too, and stays" {
	mkdir "$MNT/shop"
	run -0 "$ELSEWHERE" hole 5 1 shop
	[ "$output" = "slot 5" ]
	wait_for file_is "$MNT/shop/state" empty
	run -0 "$ELSEWHERE" hole 6 1 shop
	[ "$output" = "slot 6" ]
	rmdir "$MNT/shop"
}

@test "place: one that others are in does not move" {
	enter keeper shop
	run -0 --separate-stderr "$ELSEWHERE" hole 0 0 shop
	[ "$output" = EADDRINUSE ]
	# shellcheck disable=SC2154  # set by run
	[[ $stderr =~ 0x[0-9a-f]+-0x[0-9a-f]+.*0x[0-9a-f]+-0x[0-9a-f]+ ]]
	[ "$(ls "$MNT/shop/members")" = 1 ]
	leave keeper
}

@test "place: many arenas of two mounts in one process" {
	begin_second
	run -0 "$ELSEWHERE" many 20 "$MNT" "$SECOND"
	[ "$output" = "20 each" ]
}

@test "place: two processes create at once, and one has no room" {
	local i

	for i in 1 2 3 4 5; do
		"$ELSEWHERE" hole 7 1 "race$i" >"$BATS_TEST_TMPDIR/a" 2>&1 3>&- &
		"$ELSEWHERE" hole 7 1 "race$i" >"$BATS_TEST_TMPDIR/b" 2>&1 3>&- &
		wait
		grep -qx "slot 7" "$BATS_TEST_TMPDIR/a"
		grep -qx "slot 7" "$BATS_TEST_TMPDIR/b"
	done
}
