#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Whoever is not let in is told what failed, on what, why, and what to do.

# shellcheck disable=SC2030,SC2031  # bats runs each test in a subshell
load life.bash

setup() {
	life_setup
}

teardown() {
	[ -z "${SMALL:-}" ] || umount -l "$SMALL" || :
	life_teardown
}

# explains M COMMAND ERRNO WORDS...: it fails so, and each of these is said.
explains() {
	local m=$1 text

	expect "$m" "$2" "error $3"
	shift 3
	ask "$m" why
	for text in "$@"; do
		if [[ $REPLY != *"$text"* ]]; then
			echo "'$REPLY' does not say '$text'" >&2
			return 1
		fi
	done
}

@test "errors: the role that is asked for" {
	start a
	start b
	explains b "enter w slave nowait" EAGAIN "arena '$MNT/w'" \
		"no master yet" FUSION_ENTER_NOWAIT
	explains b "enter w slave timeout=30" ETIMEDOUT "arena '$MNT/w'" \
		"no master yet" "time is over"
	expect a "enter w" "entered 1 id *"
	explains b "enter w master" EEXIST "arena '$MNT/w'" "has a master"
	explains a "enter w slave" EISCONN "arena '$MNT/w'" "as master already"
}

@test "errors: an arena that is being initialised" {
	start a
	start b
	expect a "hook initialize hold" ok
	tell a "enter w"
	hears a "in initialize"
	explains b "enter w nowait" EAGAIN "arena '$MNT/w'" \
		"being initialised" FUSION_ENTER_NOWAIT
	explains b "enter w timeout=30" ETIMEDOUT "being initialised"
	tell a go
	hears a "entered 1 id 1"
}

@test "errors: names, and arenas that are not there" {
	start a
	explains a "enter w existing" ENOENT "arena '$MNT/w'" "there is none" \
		"mkdir"
	explains a "enter .w" EINVAL "arena '.w'" "begin with '.'"
	explains a "enter $MNT/w/deeper" ENODEV "arena '$MNT/w/deeper'" \
		"no fusionfs is mounted there"
	mkdir "$MNT/v"
	explains a "enter $MNT/v/fields" ENODEV "arena '$MNT/v/fields'"
	explains a "enter $MNT/v/state" ENOTDIR "arena '$MNT/v/state'" \
		"no directory"
}

@test "errors: FUSION_MOUNT leads to no fusionfs" {
	FUSION_MOUNT=$BATS_TEST_TMPDIR/none start a
	explains a "enter w" ENODEV "arena '$BATS_TEST_TMPDIR/none/w'" \
		"no fusionfs is mounted there" "mount one"
}

@test "errors: a callback of the program" {
	start a
	start b
	expect a "hook initialize fail EXDEV" ok
	explains a "enter w" EXDEV "arena '$MNT/w'" "initialize()" \
		"Invalid cross-device link"
	expect a "hook initialize none" ok
	expect a "enter w" "entered 1 id *"
	expect b "hook join fail ENOTTY" ok
	explains b "enter w" ENOTTY "arena '$MNT/w'" "join()"
	expect b "hook join none" ok
	expect b "enter w" "entered 0 id *"
	expect b "hook leave fail EBUSY" ok
	explains b exit EBUSY "arena '$MNT/w'" "leave()"
}

@test "errors: no room for one more member" {
	umount "$MNT"
	"$FUSIONFS" -o "backing=$BACKING,max_members=1" "$MNT" 3>&-
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	explains b "enter w" ENOSPC "arena '$MNT/w'" "max_members"
}

@test "errors: no memory for one more arena" {
	umount "$MNT"
	SMALL=$BATS_TEST_TMPDIR/small
	mkdir "$SMALL"
	mount -t tmpfs -o size=4k none "$SMALL"
	mkdir "$SMALL/b"
	"$FUSIONFS" -o "backing=$SMALL/b" "$MNT" 3>&-
	start a
	explains a "enter w" ENOSPC "arena '$MNT/w'" "no memory"
}

@test "errors: an address that is taken" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	ask a range
	read -r base span <<<"$REPLY"
	expect b "map $base 4096" ok
	explains b "enter w" EADDRINUSE "arena '$MNT/w'" "lies at" \
		"this process has"
	[ "$span" -gt 0 ]
}

@test "errors: the daemon is gone" {
	start a
	start b
	expect a "enter w" "entered 1 id 1"
	slay_daemon
	explains b "enter w" ENOTCONN "arena '$MNT/w'" "daemon is gone" \
		"mount it again"
	explains b "enter v" ENOTCONN "arena '$MNT/v'" "mount it again"
}

@test "errors: another user is told which modes to look at" {
	umount "$MNT"
	chmod 0755 "$BATS_TEST_TMPDIR" "$MNT"
	"$FUSIONFS" -o "backing=$BACKING,allow_other" "$MNT" 3>&-
	mkdir -m 0750 "$MNT/closed"
	mkdir -m 0755 "$MNT/seen"
	for w in closed seen new; do
		other "enter $w" >"$BATS_TEST_TMPDIR/said"
		grep -q "^error EACCES" "$BATS_TEST_TMPDIR/said"
		grep -q "arena '$MNT/$w'.*user 4711.*ls -ld" \
			"$BATS_TEST_TMPDIR/said"
	done
}

# One command of another user's, and why it failed.
other() {
	printf '%s\nwhy\nquit\n' "$1" |
		setpriv --reuid 4711 --regid 4711 --clear-groups -- "$MEMBER"
}

n_lines() {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/$1/err")" -eq "$2" ]
}

@test "errors: FUSION_LOG=stderr has one line a refusal" {
	FUSION_LOG=stderr start a
	expect a "enter w slave nowait" "error EAGAIN"
	n_lines a 1
	ask a why
	[ "$(cat "$BATS_TEST_TMPDIR/a/err")" = "fusion: $REPLY" ]
	expect a "enter .w" "error EINVAL"
	n_lines a 2
	expect a "enter $BATS_TEST_TMPDIR/w" "error ENODEV"
	n_lines a 3
	expect a "enter w" "entered 1 id *"
	expect a "field f 10" "0x*"
	n_lines a 3
	expect a "get g" "error ENOENT"
	n_lines a 4
	slay_daemon
	expect a "enter v" "error ENOTCONN"
	n_lines a 5
}

@test "errors: FUSION_LOG has a level" {
	FUSION_LOG=stderr:error start a
	expect a "enter w slave nowait" "error EAGAIN"
	n_lines a 0
	expect a "enter .w" "error EINVAL"
	n_lines a 1
	FUSION_LOG=stderr:debug start b
	expect b "enter w" "entered 1 id *"
	expect b "skirmish s" ok
	expect b "dismiss s" "error EPERM"
	n_lines b 1
	grep -q "fusion_skirmish_dismiss" "$BATS_TEST_TMPDIR/b/err"
}

@test "errors: FUSION_LOG that is not understood is one sentence" {
	for wish in stdout stderr: stderr:loud STDERR 1 ./file; do
		FUSION_LOG=$wish start a
		expect a "enter .w" "error EINVAL"
		expect a "enter .w" "error EINVAL"
		n_lines a 1
		grep -q "FUSION_LOG is '$wish'.*stderr:LEVEL" \
			"$BATS_TEST_TMPDIR/a/err"
		kill -9 "${PID[a]}"
	done
	FUSION_LOG='' start a
	expect a "enter .w" "error EINVAL"
	n_lines a 0
}

# refused_size OPTIONS: fusionfs names the least size, in KiB.
refused_size() {
	run -1 "$FUSIONFS" -o "backing=$BACKING,$1" "$MNT"
	[[ $output == *"$2"*" is too small"*" are the least" ]]
	least=${output% are the least}
	least=${least##* }
	[[ $least == *K ]]
}

@test "errors: a size that no arena can live with, and the least that works" {
	umount "$MNT"
	for options in span=4G span=16M span=16M,max_members=1 span=64G \
		span=1G,max_members=8192; do
		refused_size "$options,size=100K" size=102400
		refused_size "$options,size=1" size=1
		refused_size "$options,size=$((${least%K} - 1))K" size=
		"$FUSIONFS" -o "backing=$BACKING,$options,size=$least" \
			"$MNT" 3>&-
		start a
		expect a "enter w" "entered 1 id 1"
		expect a "field f 1000" "0x*"
		expect a "malloc 100000" "0x*"
		expect a "skirmish s" ok
		expect a "ref r" ok
		expect a "property p" ok
		grep -qx "least-limit $((${least%K} * 1024))" \
			"$MNT/w/memory/status"
		expect a exit ok
		kill -9 "${PID[a]}"
		eventually umount "$MNT"
	done
	life_mount
}

# set_limit ARENA BYTES
set_limit() {
	echo "$2" >"$MNT/$1/limit"
}

@test "errors: a limit that no arena can live with is not taken" {
	mkdir "$MNT/w"
	set_limit w 1G
	least=$(sed -n 's/^least-limit //p' "$MNT/w/memory/status")
	for limit in 5 1 4096 100K $((least - 1)); do
		run set_limit w "$limit"
		[ "$status" -ne 0 ]
		[[ $output == *"Invalid argument"* ]]
	done
	[ "$(cat "$MNT/w/limit")" = $((1 << 30)) ]
	set_limit w "$least"
	start a
	expect a "enter w" "entered 1 id 1"
	expect a "field f 1000" "0x*"
	# Below what is used now: it takes nothing away.
	expect a "malloc 20000000" "error ENOMEM"
	set_limit w 0
	expect a "malloc 20000000" "0x*"
	set_limit w "$least"
	expect a "malloc 20000000" "error ENOMEM"
	ask a why
	[[ $REPLY == *"arena 'w'"*"20000000 bytes"*"limit ($least bytes"* ]]
}

@test "errors: nobody enters with a limit that no arena can live with" {
	start a
	explains a "enter w limit=5" EINVAL "arena '$MNT/w'" "limit" \
		"bytes are the least"
	least=${REPLY% bytes are the least*}
	least=${least##* }
	explains a "enter w limit=$((least - 1))" EINVAL "$least bytes"
	explains a "enter w span=16777216 limit=5" EINVAL "bytes are the least"
	[[ $REPLY != *" $least bytes"* ]]
	eventually absent "$MNT/w"
	expect a "enter w limit=$least" "entered 1 id *"
	expect a "field f 1000" "0x*"
	[ "$(cat "$MNT/w/limit")" = "$least" ]
}
