#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a member writes about who is inside: it kills nobody, keeps no arena, and
# loses none.

load ../fs/helpers

setup() {
	need_root
	new_world
	mount_world
	mkdir "$MNT/a"
	chmod 777 "$MNT/a"
	export VISITOR=${FORGER:?}
	sleep 1000 3>&- 4>&- &
	VICTIM=$!
	MEMBERS="${MEMBERS:-} $VICTIM"
	disown
}

teardown() {
	[ -z "${MNT:-}" ] || end_world
}

victim_lives() {
	[ "$(sed 's/.*) //; s/ .*//' "/proc/$VICTIM/stat")" = S ]
}

is_later_than() {
	[ "$(cut -d. -f1 "$MNT/.fusionfs/uptime")" -gt "$1" ]
}

# Nobody is left in it, and it can be removed.
ends() {
	kill_ours "$@"
	wait_for rmdir "$MNT/a"
	victim_lives
	mkdir "$MNT/a"
}

@test "forged: the master of a kill arena dies, and no stranger with it" {
	enter f a "$VICTIM"
	[ "$(tell f records)" = ok ]
	ends "$(pid_of f)"
}

@test "forged: no stranger dies when the arena is said to be doomed" {
	enter f a "$VICTIM"
	[ "$(tell f records)" = ok ]
	[ "$(tell f doom)" = ok ]
	# A patrol of the daemon has passed.
	since=$(cut -d. -f1 "$MNT/.fusionfs/uptime")
	wait_for is_later_than $((since + 2))
	victim_lives
	ends "$(pid_of f)"
}

@test "forged: a daemon that starts believes no record" {
	enter f a "$VICTIM"
	[ "$(tell f records)" = ok ]
	[ "$(tell f doom)" = ok ]
	kill_daemon
	umount -l "$MNT"
	mount_world
	victim_lives
	fails_with busy rmdir "$MNT/a"
	ends "$(pid_of f)"
}

@test "forged: no state keeps an arena, or loses one that is used" {
	for state in 0 1 2 3 4 99; do
		enter "f$state" a "$VICTIM"
		enter "g$state" a "$VICTIM"
		[ "$(tell "f$state" records)" = ok ]
		[ "$(tell "f$state" "states $state")" = ok ]
		kill_ours "$(pid_of "g$state")"
		wait_for is_gone "$(pid_of "g$state")"
		fails_with busy rmdir "$MNT/a"
		ends "$(pid_of "f$state")"
	done
}

@test "forged: states over a restart lose nobody" {
	for state in 0 2 4; do
		enter "f$state" a "$VICTIM"
		[ "$(tell "f$state" "states $state")" = ok ]
		kill_daemon
		umount -l "$MNT"
		mount_world
		fails_with busy rmdir "$MNT/a"
		ends "$(pid_of "f$state")"
	done
}

@test "forged: who is said to have purchased is not held up" {
	enter f a "$VICTIM"
	[ "$(tell f records)" = ok ]
	for slot in 0 2 3 100; do
		tell f "owner $slot"
		tell f hold-up
		victim_lives
	done
	kill_daemon
	for slot in 0 2 3; do
		tell f "owner $slot"
		tell f hold-up
		victim_lives
	done
}

@test "forged: a member that is named kills no stranger" {
	enter f a "$VICTIM"
	[ "$(tell f records)" = ok ]
	for id in 1002 1003 1100; do
		tell f "kill $id"
		victim_lives
	done
}

@test "exec: what a member has become is not killed with its arena" {
	enter f a "$VICTIM"
	enter g a "$VICTIM"
	[ "$(tell g "exec $(command -v sleep)")" = ok ]
	wait_for runs "$(pid_of g)" sleep
	tell f "kill 2"
	kill_ours "$(pid_of f)"
	wait_for rmdir "$MNT/a"
	runs "$(pid_of g)" sleep
}

runs() {
	[ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]
}

@test "exec: a set-uid program is not killed by who started it" {
	end_world
	new_world
	mount_world -o allow_other
	mkdir "$MNT/a"
	chmod 777 "$MNT/a"
	open_path "$MNT"
	cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/sleep"
	chmod 4755 "$BATS_TEST_TMPDIR/sleep"
	enter f a "$VICTIM"
	mkfifo "$BATS_TEST_TMPDIR/u.in"
	cp "$FORGER" "$BATS_TEST_TMPDIR/forger"
	chmod 755 "$BATS_TEST_TMPDIR/forger"
	setpriv --reuid 12345 --regid 12345 --clear-groups -- \
		"$BATS_TEST_TMPDIR/forger" a "$VICTIM" <>"$BATS_TEST_TMPDIR/u.in" \
		>"$BATS_TEST_TMPDIR/u.out" 2>"$BATS_TEST_TMPDIR/u.err" \
		3>&- 4>&- &
	echo $! >"$BATS_TEST_TMPDIR/u.pid"
	MEMBERS="$MEMBERS $!"
	disown
	says u "^in "
	[ "$(tell u "exec $BATS_TEST_TMPDIR/sleep")" = ok ]
	wait_for runs "$(pid_of u)" sleep
	tell f "kill $(id_of u)"
	kill_ours "$(pid_of f)"
	wait_for rmdir "$MNT/a"
	runs "$(pid_of u)" sleep
	kill -9 "$(pid_of u)"
}
