#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tree shows of those who are inside, and of what they made.

load helpers

setup() {
	new_world
	mount_world
}

teardown() {
	end_world
}

leads_to() {
	[ "$(readlink "$1")" = "$2" ]
}

@test "members: one directory each, with its files" {
	enter m a
	enter s a
	[ "$(ls "$MNT/a/members" | tr '\n' ' ')" = "1 2 " ]
	[ "$(ls "$MNT/a/members/1" | tr '\n' ' ')" = \
		"comm held inbox joined pid queue refs role status waiting " ]
	file_is "$MNT/a/members/1/pid" "$(pid_of m)"
	file_is "$MNT/a/members/2/pid" "$(pid_of s)"
	file_is "$MNT/a/members/1/role" master
	file_is "$MNT/a/members/2/role" slave
	file_is "$MNT/a/members/1/comm" visitor
	[[ $(cat "$MNT/a/members/1/joined") =~ ^[0-9]{10}\.[0-9]{9}$ ]]
	[ "$(value_of "$MNT/a/members/2/status" pid)" = "$(pid_of s)" ]
	[ "$(value_of "$MNT/a/members/2/status" role)" = slave ]
	[ "$(value_of "$MNT/a/members/2/status" state)" = alive ]
	[ "$(value_of "$MNT/a/members/2/status" uid)" = "$(id -u)" ]
	file_is "$MNT/a/state" running
	[ "$(value_of "$MNT/a/status" members)" = 2 ]
	[ "$(value_of "$MNT/a/status" master)" = 1 ]
}

@test "members: who leaves is gone, ids are not used again" {
	enter m a
	enter s a
	leave s
	[ "$(ls "$MNT/a/members")" = 1 ]
	[ "$(value_of "$MNT/a/status" members)" = 1 ]
	[ "$(value_of "$MNT/a/status" deaths)" = 0 ]
	file_is "$MNT/.fusionfs/deaths" 0
	fails_with "No such file" cat "$MNT/a/members/2/pid"
	enter t a
	[ "$(id_of t)" = 3 ]
}

@test "members: who is killed is gone" {
	enter m a
	enter s a
	kill_ours "$(pid_of s)"
	wait_for is_absent "$MNT/a/members/2"
	wait_for has_line "$MNT/a/events" "death member 2 pid $(pid_of s)"
	file_is "$MNT/.fusionfs/deaths" 1
	[ "$(value_of "$MNT/a/status" deaths)" = 1 ]
	file_is "$MNT/a/state" running
}

@test "members: an open file does not become another member's" {
	enter m a
	enter s a
	exec 7<"$MNT/a/members/2/pid"
	kill_visitor s
	wait_for is_absent "$MNT/a/members/2"
	enter t a
	run cat <&7
	exec 7<&-
	[ "$output" != "$(pid_of t)" ]
}

@test "members: a thread's own id is not taken for the process'" {
	enter m a
	file_is "$MNT/a/members/1/pid" "$(pid_of m)"
	[ -d "/proc/$(cat "$MNT/a/members/1/pid")" ]
}

@test "master: is a link to the master, absent without one" {
	enter m a
	enter s a
	[ "$(readlink "$MNT/a/master")" = members/1 ]
	file_is "$MNT/a/master/pid" "$(pid_of m)"
	kill_ours "$(pid_of m)"
	wait_for is_absent "$MNT/a/master"
	wait_for has_line "$MNT/a/events" " master-lost member 1"
	file_is "$MNT/a/state" running
	[ "$(value_of "$MNT/a/status" master)" = 0 ]
}

@test "master: promoted, when that was asked for" {
	mkdir "$MNT/a"
	enter m -p promote a
	enter s a
	enter t a
	kill_ours "$(pid_of m)"
	wait_for leads_to "$MNT/a/master" members/2
	file_is "$MNT/a/members/2/role" master
	wait_for has_line "$MNT/a/events" " promoted member 2"
}

@test "master: takes all with it, when that was asked for" {
	mkdir "$MNT/a"
	enter m -p kill a
	enter s a
	kill_ours "$(pid_of m)"
	wait_for is_gone "$(pid_of s)"
	wait_for file_is "$MNT/a/state" empty
}

@test "master: a new one may take the place of one that died" {
	enter m a
	enter s a
	kill_ours "$(pid_of m)"
	wait_for is_absent "$MNT/a/master"
	enter n -m a
	[ "$(readlink "$MNT/a/master")" = "members/$(id_of n)" ]
	visit x -m a
	says x "failed EEXIST"
}

@test "mkdir: an arena made by hand stays, one made by entering vanishes" {
	mkdir "$MNT/a"
	enter m a
	enter n b
	leave m
	leave n
	file_is "$MNT/a/state" empty
	wait_for is_absent "$MNT/b"
	is_absent "$BACKING/b"
	[ -z "$(ls "$MNT/a/members")" ]
}

@test "mkdir: a new life is a new file with the old mode and owner" {
	mkdir -m 0751 "$MNT/a"
	before=$(stat -c %i "$BACKING/a/heap")
	enter m a
	tell m add f 100 int
	kill_ours "$(pid_of m)"
	wait_for file_is "$MNT/a/state" empty
	[ "$(stat -c %i "$BACKING/a/heap")" != "$before" ]
	[ "$(stat -c %a "$MNT/a")" = 751 ]
	[ -z "$(ls "$MNT/a/fields")" ]
}

@test "rmdir: EBUSY while somebody is in or waits" {
	mkdir "$MNT/a" "$MNT/b"
	enter m a
	fails_with "busy" rmdir "$MNT/a"
	leave m
	rmdir "$MNT/a"
	visit w -s b
	wait_for is_waiting w
	fails_with "busy" rmdir "$MNT/b"
	kill_visitor w
	wait_for rmdir "$MNT/b"
}

# Asleep in the ioctl that joins, by the low half of its number: what the test
# does next comes behind it.  (Asleep in some request, it may not have come so
# far.)
JOIN=0x4601

is_waiting() {
	local fields

	read -r -a fields 2>/dev/null <"/proc/$(pid_of "$1")/syscall" &&
		(((${fields[2]:-0} & 0xffff) == JOIN))
}

@test "waiting: a slave waits for a master" {
	mkdir "$MNT/a"
	visit s -s a
	wait_for is_waiting s
	enter m -m a
	says s "^in 2 slave"
}

@test "waiting: not with NOWAIT, not for longer than said" {
	mkdir "$MNT/a"
	visit n -s -n a
	says n "failed EAGAIN"
	visit t -s -t 50 a
	says t "failed ETIMEDOUT"
	file_is "$MNT/a/state" empty
}

@test "waiting: others wait while the first one initialises" {
	visit m -i a
	says m initializing
	file_is "$MNT/a/state" initializing
	[ "$(value_of "$MNT/a/status" joining)" = 1 ]
	file_is "$MNT/a/members/1/role" master
	visit s a
	visit t a
	wait_for is_waiting s
	wait_for is_waiting t
	tell m 0
	says m "^in 1 master"
	says s "^in . slave"
	says t "^in . slave"
	[ "$(ls "$MNT/a/members" | wc -l)" -eq 3 ]
}

@test "waiting: all get the error of an initialisation that fails" {
	mkdir "$MNT/a"
	visit m -i a
	says m initializing
	visit s a
	wait_for is_waiting s
	tell m -28
	says m "failed ENOSPC"
	says s "failed ENOSPC"
	wait_for file_is "$MNT/a/state" empty
}

@test "waiting: the next becomes master when the first dies" {
	visit m -i a
	says m initializing
	visit s a
	wait_for is_waiting s
	kill_ours "$(pid_of m)"
	says s "^in 1 master"
	file_is "$MNT/a/state" running
}

@test "waiting: a waiter that is killed is nowhere any more" {
	mkdir "$MNT/a"
	visit s -s a
	wait_for is_waiting s
	kill_visitor s
	enter m a
	[ "$(ls "$MNT/a/members")" = 1 ]
	leave m
	wait_for rmdir "$MNT/a"
}

@test "waiting: a hundred waiters killed at once leave nothing" {
	mkdir "$MNT/a"
	for n in $(seq 100); do
		"$VISITOR" -s a </dev/null >/dev/null 3>&- &
		pids="${pids:-} $!"
		disown
	done
	kill_ours $pids
	for pid in $pids; do
		wait_for is_gone "$pid"
	done
	wait_for rmdir "$MNT/a"
}

@test "members: more of them than a process has descriptors by default" {
	limit=$(ulimit -S -n)
	unmount_world
	ulimit -S -n 64
	mount_world
	ulimit -S -n "$limit"
	mkfifo "$BATS_TEST_TMPDIR/silence"
	enter m a
	for n in $(seq 100); do
		"$VISITOR" -t 60000 a <>"$BATS_TEST_TMPDIR/silence" \
			>/dev/null 3>&- &
		pids="${pids:-} $!"
		disown
	done
	MEMBERS="$MEMBERS $pids"
	wait_for has_entries "$MNT/a/members" 101
	kill_ours $pids
	wait_for has_entries "$MNT/a/members" 1
}

has_entries() {
	[ "$(ls "$1" | wc -l)" -eq "$2" ]
}

@test "exec: ends a membership" {
	enter m a
	enter s a
	tell s exec
	wait_for is_absent "$MNT/a/members/2"
	kill -0 "$(pid_of s)"
	wait_for has_line "$MNT/a/events" "death member 2"
}

@test "close: of all descriptors does not" {
	enter m a
	enter s a
	[ "$(tell s close)" = "ok " ]
	file_is "$MNT/a/members/2/pid" "$(pid_of s)"
	tell s malloc 100
	kill_ours "$(pid_of s)"
	wait_for is_absent "$MNT/a/members/2"
}

@test "fields: show address, type and size" {
	enter m a
	where=$(tell m add counter 64 struct-counter)
	file_is "$MNT/a/fields/counter" "${where#ok } struct-counter 64"
	where=$(tell m add plain)
	file_is "$MNT/a/fields/plain" "${where#ok }"
	[ "$(ls "$MNT/a/fields" | tr '\n' ' ')" = "counter plain " ]
	[ "$(value_of "$MNT/a/status" fields)" = 2 ]
	tell m remove counter
	[ "$(ls "$MNT/a/fields")" = plain ]
	fails_with "No such file" cat "$MNT/a/fields/counter"
	has_line "$MNT/a/events" " created member 1 field plain"
	has_line "$MNT/a/events" " destroyed member 1 field counter"
}

@test "fields: an open file does not become another field's" {
	enter m a
	tell m add one 10 int
	exec 7<"$MNT/a/fields/one"
	tell m remove one
	tell m add two 20 int
	run cat <&7
	exec 7<&-
	[[ $output == *"No such file"* ]]
}

@test "fields: 20,000 are listed, each once" {
	enter m a
	[ "$(tell m many 20000)" = "ok " ]
	[ "$(ls -f "$MNT/a/fields" | sort -u | wc -l)" -eq 20002 ]
	[ "$(find "$MNT/a/fields" -type f | wc -l)" -eq 20000 ]
	ls -l "$MNT/a/fields" | tail -n 1
	grep -q '^0x' "$MNT/a/fields/f19999"
}

@test "memory: counts blocks by class and by member" {
	enter m a
	enter s a
	tell s malloc 100000
	tell s malloc 100
	[ "$(value_of "$MNT/a/memory/status" bytes)" -ge 100100 ]
	grep -q '^2 ' "$MNT/a/memory/members"
	[ -n "$(cat "$MNT/a/memory/classes")" ]
	before=$(cat "$MNT/a/used")
	tell s malloc 8000000
	[ "$(cat "$MNT/a/used")" -ge $((before + 5000000)) ]
}

@test "memory: shows pools" {
	enter m a
	tell m pool small 1048576
	grep -q '^[0-9]* small [0-9]* 1048576$' "$MNT/a/memory/pools"
}

@test "limit: stops an arena that is too big" {
	enter m a
	echo 16M >"$MNT/a/limit"
	[ "$(tell m malloc 33554432)" = "failed ENOMEM" ]
	echo 256M >"$MNT/a/limit"
	[ "$(tell m malloc 33554432)" = "ok " ]
}

@test "span: the first one in may ask for its own" {
	enter m -S 0x4000000 -L 0x2000000 a
	file_is "$MNT/a/span" 67108864
	file_is "$MNT/a/limit" 33554432
}

@test "status: no file shows a broken line while members come and go" {
	enter m a
	for n in 1 2 3; do
		enter "s$n" a
		not grep -hvE '^[a-z]+ [^ ]+' "$MNT"/a/members/*/status
		not grep -vE '^[a-z-]+( [^ ].*)?$' "$MNT/a/status"
		leave "s$n"
	done
}
