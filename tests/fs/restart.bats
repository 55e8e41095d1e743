#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon is killed and mounted again under those who are inside.

load helpers

setup() {
	[ "$(id -u)" -eq 0 ] || [ -e /etc/mtab ] ||
		skip "fusermount3 wants an /etc/mtab to clear a busy mount away"
	new_world
	mount_world
}

teardown() {
	end_world
}

@test "restart: members are there again and leave normally" {
	mkdir "$MNT/a"
	enter m a
	enter s a
	tell m add f 100 int
	kill_daemon
	[ "$(tell s malloc 1000)" = "ok " ]
	tell s add g 10 int
	mount_world
	[ "$(ls "$MNT/a/members" | tr '\n' ' ')" = "1 2 " ]
	file_is "$MNT/a/master/pid" "$(pid_of m)"
	file_is "$MNT/a/state" running
	[ "$(ls "$MNT/a/fields" | tr '\n' ' ')" = "f g " ]
	enter t a
	[ "$(id_of t)" = 3 ]
	leave s
	wait_for is_absent "$MNT/a/members/2"
	leave t
	leave m
	wait_for file_is "$MNT/a/state" empty
}

@test "restart: who died meanwhile is recovered" {
	enter m a
	enter s a
	tell s malloc 1000
	kill_daemon
	kill_visitor s
	mount_world
	[ "$(ls "$MNT/a/members")" = 1 ]
	has_line "$MNT/a/events" "death member 2"
	tell m malloc 1000
	leave m
}

@test "restart: a death after it is noticed at once" {
	enter m a
	enter s a
	kill_daemon
	mount_world
	kill_ours "$(pid_of s)"
	wait_for is_absent "$MNT/a/members/2"
}

@test "restart: an arena whose last member died is as new" {
	mkdir "$MNT/a"
	enter m a
	enter n b
	kill_daemon
	kill_visitor m
	kill_visitor n
	mount_world
	file_is "$MNT/a/state" empty
	is_absent "$MNT/b"
	is_absent "$BACKING/b"
}

@test "restart: without the daemon a member leaves alone" {
	mkdir "$MNT/a"
	enter m a
	enter s a
	kill_daemon
	leave s
	leave m
	mount_world
	file_is "$MNT/a/state" empty
	[ -z "$(ls "$MNT/a/members")" ]
}

@test "restart: without the daemon nobody joins" {
	mkdir "$MNT/a"
	kill_daemon
	visit x a
	says x "failed ENOTCONN\|failed ENODEV"
}

@test "restart: the mode and owner of an arena stay" {
	mkdir -m 0710 "$MNT/a"
	[ "$(id -u)" -ne 0 ] || chown 3:4 "$MNT/a"
	before=$(stat -c '%a %u %g' "$MNT/a")
	kill_daemon
	mount_world
	[ "$(stat -c '%a %u %g' "$MNT/a")" = "$before" ]
}

@test "restart: half-made files of a killed daemon are removed" {
	kill_daemon
	mkdir "$BACKING/.new.x"
	touch "$BACKING/.new.x/heap"
	mount_world
	is_absent "$BACKING/.new.x"
}

@test "restart: one that died while it initialised is forgotten" {
	mkdir "$MNT/a"
	visit m -i a
	says m initializing
	kill_daemon
	kill_visitor m
	mount_world
	file_is "$MNT/a/state" empty
	enter n a
	[ "$(readlink "$MNT/a/master")" = "members/$(id_of n)" ]
}

@test "restart: one that initialised meanwhile is master" {
	visit m -i a
	says m initializing
	kill_daemon
	mount_world
	file_is "$MNT/a/state" initializing
	tell m 0
	says m "^in 1 master"
	wait_for file_is "$MNT/a/state" running
	enter s a
}

@test "umount: members inside go on, and are there at the next mount" {
	mkdir "$MNT/b"
	enter m a
	pid=$(daemon_pid)
	umount "$MNT" 2>/dev/null || umount -l "$MNT"
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != fusionfs ] || kill "$pid"
	wait_for is_gone "$pid"
	[ -f "$BACKING/a/heap" ]
	is_absent "$BACKING/b"
	[ "$(tell m malloc 100)" = "ok " ]
	mount_world
	file_is "$MNT/a/members/1/pid" "$(pid_of m)"
	leave m
	wait_for is_absent "$MNT/a"
}

@test "restart: again and again under members that work" {
	enter m a
	enter s a
	for n in 1 2 3 4 5; do
		kill_daemon
		tell m malloc 1000
		tell s malloc 1000
		mount_world
		[ "$(ls "$MNT/a/members" | tr '\n' ' ')" = "1 2 " ]
	done
	leave s
	leave m
}
