# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The memory follows the mount, and a witness holds whatever a process does.

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
}

teardown() {
	life_teardown
}

# start_in M UNSHARE-OPTION...: a member that sees of this machine only the
# mount, with a /dev/shm and a /proc of its own; it dies with its unshare(1).
start_in() {
	local m=$1 real=$MEMBER

	shift
	cat >"$BATS_TEST_TMPDIR/$m.sh" <<-END
		#!/bin/sh
		exec unshare $* --kill-child --propagation private sh -c '
			mount -t tmpfs none /dev/shm || exit 9
			mount -t proc proc /proc || exit 9
			exec "\$1"' sh "$real"
	END
	chmod +x "$BATS_TEST_TMPDIR/$m.sh"
	MEMBER=$BATS_TEST_TMPDIR/$m.sh
	start "$m"
	MEMBER=$real
}

# A container that is killed at once: its first process takes all along.
slay_container() {
	pkill -9 -P "${PID[$1]}" || :
	kill -9 "${PID[$1]}" 2>/dev/null || :
}

@test "join: from namespaces of its own, where only the mount is seen" {
	start a
	expect a "enter w" "entered 1 id 1"
	expect a "field f 64" "0x*"
	start_in b -m -p -f -n -i
	expect b "enter w" "entered 0 id 2"
	expect b "get f" "0x*"
	expect b "malloc 100000" "0x*"
	expect b exit ok
	eventually members_are w 1
}

@test "join: as root of a user namespace" {
	chmod 0755 "$BATS_TEST_TMPDIR"
	start a
	expect a "enter w mode=0777" "entered 1 id 1"
	start_in b -U --map-root-user -m -p -f -n -i
	expect b "enter w" "entered 0 id 2"
	expect b "malloc 100000" "0x*"
	expect b exit ok
	eventually members_are w 1
}

@test "witness: holds after closefrom, in another pid namespace, too" {
	start a
	expect a "enter w" "entered 1 id 1"
	start_in b -m -p -f
	expect b "enter w" "entered 0 id 2"
	expect b "skirmish s" ok
	expect b "prevail s" ok
	expect b "closefrom 3" ok
	# A judge that waits for the lock looks whether its owner lives.
	expect a "prevail s 700" "error ETIMEDOUT"
	members_are w "1 2"
	expect b "dismiss s" ok
	expect a "prevail s 5000" ok
	slay_container b
	eventually members_are w 1
}

@test "witness: a judge that has closed its descriptors takes nobody for dead" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	expect b "enter w" "entered 0 id 2"
	expect b "skirmish s" ok
	expect b "prevail s" ok
	expect a "closefrom 3" ok
	expect a "prevail s 700" "error ETIMEDOUT"
	members_are w "1 2"
	slay b
	expect a "prevail s 20000" "error EOWNERDEAD"
}

@test "descriptors: lost ones are fetched again" {
	start a
	expect a "enter w" "entered 1 id 1"
	expect a "closefrom 3" ok
	# New memory is reserved through the descriptor of the heap.
	expect a "malloc 30000000" "0x*"
	expect a exit ok
	eventually absent "$MNT/w"
}

@test "descriptors: a member has three, above 2, and they close on exec" {
	local fd n=0

	start a
	expect a "enter w" "entered 1 id 1"
	for fd in /proc/"${PID[a]}"/fd/*; do
		case $(readlink "$fd") in
		"$MNT/w" | */heap* | */locks.*)
			[ "${fd##*/}" -gt 2 ]
			grep -q '^flags:.*02[0-7]\{6\}$' \
				"/proc/${PID[a]}/fdinfo/${fd##*/}"
			n=$((n + 1))
			;;
		esac
	done
	[ "$n" -eq 3 ]
}

@test "umount: works as soon as nobody is inside" {
	start a
	expect a "enter w" "entered 1 id 1"
	run ! umount "$MNT"
	expect a exit ok
	umount "$MNT"
	life_mount
}

@test "socket: gives nothing without a token, and serves others meanwhile" {
	start a
	expect a "enter w" "entered 1 id 1"
	python3 - "$MNT/w/.socket" <<-END &
		import os, socket, sys, time
		held = []
		for i in range(400):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    held.append(s)
		s.send(bytes(16))
		assert s.recv(1) == b""
		print("done", flush=True)
		time.sleep(100)
	END
	local flood=$!
	start b
	expect b "enter w" "entered 0 id 2"
	kill "$flood"
	wait "$flood" || :
	expect b exit ok
}
