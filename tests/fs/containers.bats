# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Hash, vector and list in two processes (tests/fs/container_fork.c), and in a
# program that is not C (tests/fs/foreign.py).

bats_require_minimum_version 1.5.0
load life

: "${CONTAINER_FORK:?path of the program, tests/fs/container_fork.c}"
: "${FUSION_SO:?path of the shared library}"

setup() {
	life_setup
}

teardown() {
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
	[ "$output" = done ]
}
