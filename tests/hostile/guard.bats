#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A build with guard_check ends at an access outside of the guard; what is under
# test is the check, by a daemon that makes two such mistakes.

load ../fs/helpers

setup() {
	export FUSIONFS=${PLANTED:?}
	new_world
	mount_world
	mkdir "$MNT/a"
	enter m a
	DAEMON=$(daemon_pid)
}

teardown() {
	end_world
}

# Reading this file is a mistake of the daemon.
is_found_out() {
	not cat "$1"
	wait_for is_gone "$DAEMON"
}

@test "guard: what is under it works in that daemon, too" {
	tell m add f 10 int
	grep -q "^0x" "$MNT/a/fields/f"
	file_is "$MNT/a/state" running
	ls -lR "$MNT"
	[ "$(daemon_pid)" = "$DAEMON" ]
}

@test "guard: an access outside of it ends the daemon" {
	is_found_out "$MNT/.fusionfs/uptime"
}

@test "guard: so does one by a pointer that was found under it" {
	is_found_out "$MNT/.fusionfs/requests"
}
