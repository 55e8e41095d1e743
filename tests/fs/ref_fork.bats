# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What a fork makes of references: tests/fs/ref_fork.c.

bats_require_minimum_version 1.5.0
load life

: "${REF_FORK:?path of the program, tests/fs/ref_fork.c}"

setup() {
	life_setup
}

teardown() {
	life_teardown
}

@test "fork: the child has its parent's counts, whenever the parent is killed" {
	run -0 timeout 120 "$REF_FORK" w 60
	# Some were killed before, some after: else it proves nothing.
	[[ $output =~ ^60\ rounds,\ ([0-9]+)\ children$ ]]
	[ "${BASH_REMATCH[1]}" -gt 0 ]
}
