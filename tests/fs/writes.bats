#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A value or a word that is written in pieces, at an offset, or with more behind
# it is taken whole or refused.
# shellcheck disable=SC2016  # another shell expands it

load helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/s"
	: >"$MNT/a/properties/p"
	export L=$MNT/a/limit
	echo 1G >"$L"
}

teardown() {
	exec 8<&- 9<&-
	end_world
}

is() {
	[ "$(cat "$L")" = "$1" ]
}

# The command fails and changes nothing.
refused() {
	run bash -c "$1"
	[ "$status" -ne 0 ]
	is 1073741824
}

@test "writes: a number in pieces is one number" {
	echo 5242880 | dd of="$L" bs=1 status=none
	is 5242880
	echo 6291456 | dd of="$L" bs=4 conv=notrunc status=none
	is 6291456
	printf 7340032 | dd of="$L" bs=3 status=none
	is 7340032
}

# A shell closes a duplicate of the descriptor after each piece.
@test "writes: so is one in pieces with closes in between" {
	exec 8>"$L"
	printf 5 >&8 || true
	printf 24288 >&8 || true
	printf '0\n' >&8
	is 5242880
	printf 62 >&8 || true
	(printf 91456 >&8)
	exec 8>&-
	is 6291456
	# What others wrote meanwhile stays, though it is closed again.
	exec 8>"$L"
	printf 7340032 >&8
	echo 5M >"$L"
	exec 8>&-
	is 5242880
	# Nothing but the whole has an effect.
	exec 8>"$L"
	printf 6291456 >&8
	fails_with "Invalid argument" bash -c 'printf x >&8'
	is 6291456
}

@test "writes: each way to write a whole one works" {
	printf 5M >"$L"
	is 5242880
	echo 6M >>"$L"
	is 6291456
	echo 7M | tee -a "$L"
	is 7340032
	exec 8<>"$L"
	cat <&8
	echo 8M >&8
	is 8388608
	# One after another on a descriptor.
	echo 5M >&8
	echo 6M >&8
	is 6291456
	: >"$L"
	is 6291456
}

@test "writes: what is no number has no effect" {
	refused 'printf "5M\0junk" >"$L"'
	refused 'printf "5M\0\n" >"$L"'
	refused 'printf "5M\n\n" >"$L"'
	refused 'printf "5M\n6M\n" >"$L"'
	refused 'echo "5 6" >"$L"'
	refused 'echo " 5M" >"$L"'
	refused 'printf "%0100d\n" 7 >"$L"'
	refused 'printf "%063d" 7 >"$L"'
	refused 'echo 77 | dd of="$L" bs=3 seek=1 conv=notrunc'
	refused 'truncate -s 5 "$L"'
	refused 'printf "12x34\n" | dd of="$L" bs=1'
}

@test "writes: a word is one write" {
	exec 8<>"$MNT/a/properties/p"
	fails_with "Invalid argument" bash -c 'printf "purchase\0junk" >&8'
	fails_with "Invalid argument" bash -c 'printf "purchase cede" >&8'
	fails_with "Invalid argument" \
		bash -c 'printf purchase | dd bs=1 status=none >&8'
	[ "$(value_of "$MNT/a/properties/p" state)" = available ]
	printf purchase >&8
	[ "$(value_of "$MNT/a/properties/p" state)" = purchased ]
	cat <&8 >/dev/null
	echo cede >&8
	[ "$(value_of "$MNT/a/properties/p" state)" = available ]
	fails_with "Invalid argument" truncate -s 5 "$MNT/a/properties/p"
}
