# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Hash, vector and list in two processes: tests/fs/container_fork.c.

bats_require_minimum_version 1.5.0
load life

: "${CONTAINER_FORK:?path of the program, tests/fs/container_fork.c}"

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
