# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Pointers that are no handles: tests/fs/handles.c.

bats_require_minimum_version 1.5.0
load life

: "${HANDLES:?path of the program, tests/fs/handles.c}"

setup() {
	life_setup
}

teardown() {
	life_teardown
}

@test "handles: a pointer that is no handle, or none any more, is refused" {
	run -0 timeout 20 "$HANDLES" w
	[ "$output" = ok ]
}
