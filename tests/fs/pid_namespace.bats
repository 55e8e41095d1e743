# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A daemon in a pid namespace of its own: who is outside is told why it cannot
# enter, and can use the tree.

load helpers

setup() {
	need_root
	unshare -p --fork true 2>/dev/null || skip "no pid namespace to be had"
	new_world
	unshare -p --fork --kill-child=KILL \
		"$FUSIONFS" -f -o "backing=$BACKING" "$MNT" 3>&- 4>&- &
	NAMESPACE=$!
	disown
	wait_for is_mounted
	DAEMON=$(pgrep -P "$NAMESPACE")
}

teardown() {
	[ -n "${NAMESPACE:-}" ] || return 0
	kill_visitors
	umount "$MNT" || umount -l "$MNT"
	wait_for is_gone "$NAMESPACE"
	rm -rf "$BACKING"
	rmdir "$MNT"
}

# Those of this test only.
kill_visitors() {
	# shellcheck disable=SC2046  # a list
	kill_ours $(pgrep -x visitor)
}

@test "pid namespace: a process outside of the daemon's gets one clear message" {
	run -1 --separate-stderr "$VISITOR" shop
	# shellcheck disable=SC2154  # set by run
	[[ $output$stderr == *"pid namespace"* ]]
	[[ $output$stderr != *"Input/output error"* ]]
	# Nothing stays of its try.
	wait_for is_absent "$MNT/shop"
}

@test "pid namespace: a process outside can list and read" {
	mkdir "$MNT/shop"
	file_is "$MNT/shop/state" empty
	[ "$(ls "$MNT/shop/members")" = "" ]
	rmdir "$MNT/shop"
}

@test "pid namespace: a process inside enters, and its death is noticed" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	nsenter -t "$DAEMON" -p -- "$VISITOR" shop <>"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	disown
	wait_for has_line "$BATS_TEST_TMPDIR/out" "^in "
	[ "$(ls "$MNT/shop/members")" = 1 ]
	kill_visitors
	wait_for is_absent "$MNT/shop"
}
