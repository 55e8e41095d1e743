# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Members that die around `umount -l` leave nothing: no daemon, no mount, no
# file.

load helpers

setup() {
	need_root
	new_world
	mount_world
	DAEMON=$(daemon_pid)
	enter one shop
	enter two shop
}

teardown() {
	kill -CONT "$DAEMON" 2>/dev/null || :
	kill -9 "$DAEMON" 2>/dev/null || :
	end_world
}

nothing_stays() {
	wait_for is_gone "$DAEMON"
	[ -z "$(ls -A "$BACKING")" ]
	not is_mounted
}

@test "umount -l: members that are killed afterwards" {
	umount -l "$MNT"
	kill_visitor one
	kill_visitor two
	nothing_stays
}

@test "umount -l: members that were killed before" {
	kill_ours "$(pid_of one)" "$(pid_of two)"
	umount -l "$MNT"
	nothing_stays
}

@test "umount -l: members that are killed while the daemon is stopped" {
	kill -STOP "$DAEMON"
	kill_ours "$(pid_of one)"
	umount -l "$MNT"
	kill_ours "$(pid_of two)"
	kill -CONT "$DAEMON"
	nothing_stays
}

@test "umount -l: members that leave afterwards" {
	umount -l "$MNT"
	leave one
	leave two
	nothing_stays
}

@test "umount -l: the daemon was killed, members die, and the next one cleans up" {
	kill -9 "$DAEMON"
	umount -l "$MNT"
	kill_visitor one
	kill_visitor two
	mount_world
	DAEMON=$(daemon_pid)
	wait_for is_absent "$MNT/shop"
	umount -l "$MNT"
	nothing_stays
}
