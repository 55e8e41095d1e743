# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Hash, vector and list in two processes (tests/fs/container_fork.c), and in a
# program that is not C (tests/fs/foreign.py).

bats_require_minimum_version 1.5.0
load helpers
load life

: "${CONTAINER_FORK:?path of the program, tests/fs/container_fork.c}"
: "${CONTAINER_NAMED:?path of the program, tests/fs/container_named.c}"
: "${FUSION_SO:?path of the shared library}"

setup() {
	life_setup
}

teardown() {
	[ -z "${named:-}" ] || kill -9 "$named" 2>/dev/null || true
	life_teardown
}

@test "containers: a fork's child uses its parent's, at the same time" {
	run -0 timeout 60 "$CONTAINER_FORK" w 2000
	[ "$output" = "2000 each" ]
}

@test "containers: a language without C's headers calls them by their names" {
	if nm -D "$FUSION_SO" 2>/dev/null | grep -q ' U __[at]san_init'; then
		skip "a library with a sanitizer cannot be loaded late"
	fi
	run -0 timeout 60 python3 "$BATS_TEST_DIRNAME/foreign.py" \
		"$FUSION_SO" w
	[ "$output" = "done" ]
}

# start_named COUNT: its standard input is descriptor 8, its output $named_out.
start_named() {
	named_out=$BATS_TEST_TMPDIR/named
	mkfifo "$named_out.in"
	"$CONTAINER_NAMED" w "$1" <"$named_out.in" >"$named_out" 3>&- &
	named=$!
	exec 8>"$named_out.in"
	wait_for grep -q '^ready' "$named_out"
}

@test "containers: those with names are listed, and say what they are" {
	start_named 3
	[ "$(cat "$named_out")" = "ready 3" ]
	[ "$(ls "$MNT/w/hashes")" = words ]
	[ "$(ls "$MNT/w/vectors")" = row ]
	[ "$(ls "$MNT/w/lists")" = chain ]
	[ "$(value_of "$MNT/w/hashes/words" count)" = 3 ]
	[ "$(value_of "$MNT/w/hashes/words" keys)" = string ]
	[ "$(value_of "$MNT/w/hashes/words" flags)" = "lock words" ]
	[ "$(value_of "$MNT/w/vectors/row" count)" = 3 ]
	[ "$(value_of "$MNT/w/vectors/row" flags)" = none ]
	[ "$(value_of "$MNT/w/lists/chain" count)" = 3 ]
	[ "$(value_of "$MNT/w/lists/chain" flags)" = words ]
	has_line "$MNT/w/events" " created member 1 hash words"
	fails_with "Operation not permitted" touch "$MNT/w/hashes/new"
	exec 8>&-
	wait "$named"
}

@test "containers: another member finds them, also after a kill, and destroys them" {
	start_named 5
	run -0 timeout 20 "$CONTAINER_NAMED" w 4 </dev/null
	[ "$output" = "ready 9" ]
	[ "$(value_of "$MNT/w/hashes/words" count)" = 9 ]
	exec 9<"$MNT/w/hashes/words"
	run -0 timeout 20 "$CONTAINER_NAMED" w destroy
	[ "$output" = destroyed ]
	[ -z "$(ls "$MNT/w/hashes")" ]
	[ -z "$(ls "$MNT/w/vectors")" ]
	[ -z "$(ls "$MNT/w/lists")" ]
	run cat <&9
	exec 9<&-
	[[ $output == *"No such file"* ]]
	run -1 timeout 20 "$CONTAINER_NAMED" w destroy
	[[ $output == *"has none of that name"* ]]
	kill -9 "$named"
	exec 8>&-
}

@test "containers: one that a member has overwritten is shown, and refused" {
	start_named 3
	run -0 timeout 20 "$CONTAINER_NAMED" w spoil
	[ "$output" = spoiled ]
	[ "$(value_of "$MNT/w/hashes/words" count)" = unknown ]
	[ "$(value_of "$MNT/w/hashes/words" keys)" = string ]
	[ "$(value_of "$MNT/w/vectors/row" count)" = unknown ]
	[ -n "$(value_of "$MNT/w/lists/chain" count)" ]
	[ "$(cat "$MNT/w/state")" = running ]
	run -1 timeout 20 "$CONTAINER_NAMED" w 1
	[[ $output == "hash: "* ]]
	exec 8>&-
}
