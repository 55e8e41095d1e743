# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A process that goes through many arenas uses nothing up: tests/fs/wanderer.c.
# Say MANY_ARENAS=1000000 to let it go on for a night.

load helpers

: "${WANDERER:?path of the program, tests/fs/wanderer.c}"

MANY=${MANY_ARENAS:-10000}

setup() {
	new_world
	mount_world
}

teardown() {
	end_world
}

# What the daemon has: memory in kB, descriptors.
daemon_memory() {
	sed -n 's/^VmData:[[:space:]]*\([0-9]*\) kB/\1/p' \
		"/proc/$(daemon_pid)/status"
}

daemon_descriptors() {
	local fds=("/proc/$(daemon_pid)/fd"/*)

	echo "${#fds[@]}"
}

# The daemon has no more of this than $2; it may be about to give some back.
daemon_has() {
	[ "$("daemon_$1")" -le "$2" ]
}

# Run a program, then again ten times as long: the daemon is none the larger.
wander() {
	local n=$1 memory descriptors

	shift
	run -0 "$WANDERER" "$n" "$@"
	memory=$(daemon_memory)
	descriptors=$(daemon_descriptors)
	run -0 "$WANDERER" "$((10 * n))" "$@"
	[ "$output" = "$((10 * n)) arenas" ]
	wait_for daemon_has descriptors "$descriptors"
	# (A sanitizer keeps freed memory.)
	[ "$memory" -gt 1000000 ] || wait_for daemon_has memory $((memory + 200))
}

@test "arenas: fresh ones, one after another, use nothing up" {
	wander $((MANY / 100))
	[ -z "$(ls "$MNT")" ]
}

@test "arenas: coming and going uses nothing up of one that stays" {
	enter keeper shop
	wander $((MANY / 10)) shop
	[ "$(ls "$MNT/shop/members")" = 1 ]
	[ "$(value_of "$MNT/shop/status" members)" = 1 ]
	leave keeper
}
