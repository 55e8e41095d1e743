#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# One user does all that takes the daemon's time: another is served meanwhile.
# How fast is measured in tests/bench/attacked.py; here it is only asked whether.

load ../fs/helpers

NUISANCE=1001
READER=1002

setup() {
	need_root
	new_world
	open_path "$(dirname "$MNT")"
	mount_world -o "allow_other,user_arenas=40,user_span=1T"
	DAEMON=$(daemon_pid)
	as_user $READER "" mkdir "$MNT/good"
}

teardown() {
	[ -z "${MNT:-}" ] || end_world
}

# A process of the user that is the nuisance, until the test ends.  (No function
# of ours runs it: the number must be its own, for it to be killed.)
nuisance() {
	setpriv --reuid $NUISANCE --regid $NUISANCE --clear-groups -- "$@" \
		>/dev/null 2>&1 3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
	disown
}

# attack ARENA WHAT
attack() {
	as_user $NUISANCE "" mkdir "$MNT/$1"
	setpriv --reuid $NUISANCE --regid $NUISANCE --clear-groups -- \
		"${ATTACKER:?}" "$1" "$2" >"$BATS_TEST_TMPDIR/$1" 3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
	disown
	wait_for has_line "$BATS_TEST_TMPDIR/$1" "^attacking"
}

# Again and again.
repeat() {
	# shellcheck disable=SC2016  # for the inner shell
	nuisance sh -c 'while :; do "$@"; done' sh "$@"
}

other_is_served() {
	for _ in $(seq 10); do
		[ "$(as_user $READER "" timeout 60 cat "$MNT/good/state")" = \
			empty ]
		as_user $READER "" timeout 60 ls -lR "$MNT/good" >/dev/null
	done
	[ "$(daemon_pid)" = "$DAEMON" ]
}

@test "fair: another user is served while all attacks go on in arenas of one" {
	local attacks=(hold-as-nobody hold-as-myself hold-as-daemon wake-all
		hold-life flip-locks flip-slots ring-bells close-rings
		raise-marks announce cut-and-grow scribble)
	for what in "${attacks[@]}"; do
		attack "bad-$what" "$what"
		repeat find "$MNT/bad-$what" -type f ! -name stream \
			! -name text -exec timeout 5 cat {} +
		repeat ls -lR "$MNT/bad-$what"
		repeat mkdir "$MNT/bad-$what/reactors/x"
		repeat flock -w 0.1 "$MNT/bad-$what/skirmishes/t0" true
	done
	other_is_served
}

@test "fair: another user is served while many processes open, list and make" {
	for arena in a b c d; do
		as_user $NUISANCE "" mkdir "$MNT/$arena"
		for i in 1 2 3 4; do
			repeat ls -lR "$MNT/$arena"
			repeat cat "$MNT/$arena/status"
			repeat "${REMAKE:?}" dir "$MNT/$arena/reactors/r$i" 100
		done
	done
	other_is_served
}

@test "fair: another user is served while members with raised marks die" {
	for arena in a b c d; do
		as_user $NUISANCE "" mkdir "$MNT/$arena"
		repeat timeout -s KILL 0.1 "${ATTACKER:?}" "$arena" raise-marks
	done
	other_is_served
}

@test "fair: whoever closes a file finds free what it held" {
	# shellcheck disable=SC2016  # for the inner shell
	as_user $READER "" sh -c 'exec 9>"$1" && flock -n 9' sh \
		"$MNT/good/skirmishes/s"
	for i in a b c d; do
		repeat ls -lR "$MNT/good"
		repeat cat "$MNT/good/status"
	done
	for _ in $(seq 50); do
		as_user $READER "" flock -n "$MNT/good/skirmishes/s" true
	done
}

@test "fair: a process that is killed in its turn is gone" {
	as_user $NUISANCE "" mkdir "$MNT/a"
	for i in 1 2 3 4 5 6 7 8; do
		# shellcheck disable=SC2016  # for the inner shell
		nuisance sh -c 'exec 9>"$1" && flock 9 && exec sleep 1000' sh \
			"$MNT/a/skirmishes/s"
		repeat ls -lR "$MNT/a"
	done
	wait_for exists "$MNT/a/skirmishes/s"
	for _ in $(seq 10); do
		nuisance flock "$MNT/a/skirmishes/s" true
		kill -9 "$!"
		wait_for is_gone "$!"
	done
	other_is_served
}
