#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What one user may have of what all share.
# shellcheck disable=SC2154,SC2016  # set by run; for the user's shell

load helpers

user=12345

setup() {
	need_root
	new_world
	open_to_all
	HELD=
}

teardown() {
	[ "$(id -u)" -eq 0 ] || return 0
	# shellcheck disable=SC2086  # a list
	kill_ours $HELD
	end_world
}

# Mount with these limits.
world() {
	mount_world -o "allow_other${1:+,$1}"
}

as() {
	as_user "$user" "" env "LD_LIBRARY_PATH=$BIN" "$@"
}

# What a user has of something now.
has_now() {
	local n

	n=$(sed -n "s/^uid ${3:-$user} .*\\b$1 \\([0-9]*\\).*/\\1/p" \
		"$MNT/.fusionfs/users")
	[ "${n:-0}" -eq "$2" ]
}

# Nothing at all is charged to the user any more.
has_nothing() {
	has_no_line "$MNT/.fusionfs/users" "^uid $user "
}

# A member of arena `a` that answers call `c`.
answering() {
	local dir=$BATS_TEST_TMPDIR

	mkfifo "$dir/member.in"
	"${MEMBER:?}" <>"$dir/member.in" >"$dir/member.out" 3>&- 4>&- &
	HELD="$HELD $!"
	disown $!
	echo "enter a" >"$dir/member.in"
	wait_for has_line "$dir/member.out" "^entered"
	echo "call c echo" >"$dir/member.in"
	wait_for exists "$MNT/a/calls/c"
}

# Run in the background as the user, to be killed at the end.
hold() {
	local in=$BATS_TEST_TMPDIR/never

	[ -p "$in" ] || mkfifo "$in"
	setpriv --reuid "$user" --regid "$user" --clear-groups -- \
		env "LD_LIBRARY_PATH=$BIN" "$@" <>"$in" 3>&- 4>&- &
	HELD="$HELD $!"
	disown $!
}

@test "quota: a user makes seven arenas, and others go on" {
	world
	for i in 1 2 3 4 5 6 7; do
		as mkdir "$MNT/a$i"
	done
	fails_with "quota" as mkdir "$MNT/a8"
	is_absent "$MNT/a8"
	has_now arenas 7
	as_user 12346 "" mkdir "$MNT/other"
	mkdir "$MNT/root"
	as rmdir "$MNT/a1"
	as mkdir "$MNT/a8"
	fails_with "quota" as mkdir "$MNT/a1"
}

@test "quota: root makes as many arenas as there is room for" {
	world user_arenas=1
	mkdir "$MNT/a" "$MNT/b" "$MNT/c"
	has_now arenas 3 0
	as mkdir "$MNT/d"
	fails_with "quota" as mkdir "$MNT/e"
}

@test "quota: the library says what mkdir says" {
	world user_arenas=1
	as mkdir "$MNT/a"
	run as "$BIN/visitor" b
	[[ $output == *EDQUOT* ]]
}

@test "quota: limits and use are shown" {
	world user_arenas=3,user_memory=70M,user_span=0
	[ "$(value_of "$MNT/.fusionfs/limits" arenas)" = 3 ]
	[ "$(value_of "$MNT/.fusionfs/limits" memory)" = $((70 << 20)) ]
	[ "$(value_of "$MNT/.fusionfs/limits" span)" = 0 ]
	[ "$(value_of "$MNT/.fusionfs/limits" bytes)" -gt 0 ]
	has_nothing
	as mkdir "$MNT/a"
	has_now arenas 1
	as rmdir "$MNT/a"
	has_nothing
}

@test "quota: without a limit of its own an arena has a share of the memory" {
	world user_arenas=4,user_memory=64M
	as mkdir "$MNT/a"
	file_is "$MNT/a/limit" $((16 << 20))
	mkdir "$MNT/b"
	file_is "$MNT/b/limit" 0
}

@test "quota: the limits of a user's arenas have a sum" {
	world user_memory=70M
	as mkdir "$MNT/a" "$MNT/b"
	as sh -c "echo 50M >$MNT/a/limit"
	not as sh -c "echo 30M >$MNT/b/limit"
	not as sh -c "echo 0 >$MNT/b/limit"
	file_is "$MNT/b/limit" $((10 << 20))
	as sh -c "echo 20M >$MNT/b/limit"
	fails_with "quota" as mkdir "$MNT/c"
	as sh -c "echo 20M >$MNT/a/limit"
	as mkdir "$MNT/c"
}

@test "quota: who comes first cannot ask for more than there is" {
	world user_memory=70M,user_span=1G,span=256M
	as mkdir "$MNT/a"
	run as "$BIN/visitor" -L 80000000 a
	[[ $output == *EDQUOT* ]]
	run as "$BIN/visitor" -S 2147483648 a
	[[ $output == *EDQUOT* ]]
	file_is "$MNT/a/limit" $((10 << 20))
	file_is "$MNT/a/span" $((256 << 20))
	run as "$BIN/visitor" -L 40000000 -S 536870912 a </dev/null
	[[ $output == "in "* ]]
}

@test "quota: address space has a sum, too" {
	world user_span=128G,span=64G
	as mkdir "$MNT/a" "$MNT/b"
	fails_with "quota" as mkdir "$MNT/c"
	mkdir "$MNT/c"
}

@test "quota: an arena counts for whoever owns it" {
	world user_arenas=1
	as mkdir "$MNT/a"
	chown 12346 "$MNT/a"
	has_nothing
	has_now arenas 1 12346
	as mkdir "$MNT/b"
	# Root may give somebody more than that one could make.
	mkdir "$MNT/c"
	chown $user "$MNT/c"
	has_now arenas 2
	fails_with "quota" as mkdir "$MNT/d"
}

@test "quota: arenas that the next daemon takes over count" {
	world user_arenas=1
	as mkdir "$MNT/a"
	visit m a
	says m "^in "
	chown $user "$MNT/a"
	kill_daemon
	world user_arenas=1
	has_now arenas 1
	fails_with "quota" as mkdir "$MNT/b"
	leave m
}

@test "quota: open files, and directories" {
	world user_files=8
	mkdir "$MNT/a"
	run as bash -c '
		for i in 1 2 3 4 5 6 7 8; do
			exec {fd}<"$0/a/status" || exit 3
		done
		exec {fd}<"$0/a" || exit 4' "$MNT"
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"Too many open files"* ]]
	[[ $output != *status* ]]
	wait_for has_nothing
	as cat "$MNT/a/state"
}

@test "quota: what is written to calls and not read is bounded" {
	world user_bytes=1M
	mkdir -m 0777 "$MNT/a"
	answering
	fill='
		for i in 1 2 3 4 5 6 7 8; do
			exec {fd}<>"$0/a/calls/c"
			head -c 300000 /dev/zero >&$fd || exit 7
		done'
	run as bash -c "$fill" "$MNT"
	echo "$output"
	[ "$status" -eq 7 ]
	[[ $output == *"quota"* ]]
	wait_for has_nothing
	# Others may.
	bash -c "$fill" "$MNT"
}

@test "quota: an answer that is too much is an error, and the next one none" {
	world user_bytes=100K
	mkdir -m 0777 "$MNT/a"
	answering
	run as bash -c '
		exec 8<>"$0/a/calls/c" 9<>"$0/a/calls/c"
		head -c 40000 /dev/zero >&8 && head -c 40000 /dev/zero >&9 &&
			exit 3
		echo short >&9; cat <&9' "$MNT"
	echo "$output"
	[[ $output == *"quota"* ]]
	[[ $output == *short ]]
	wait_for has_nothing
}

@test "quota: open ports" {
	world user_ports=3
	mkdir -m 0777 "$MNT/a"
	mkdir "$MNT/a/reactors/r"
	run as bash -c '
		for i in 1 2 3 4; do
			exec {fd}<"$0/a/reactors/r/stream" || exit 7
		done' "$MNT"
	[ "$status" -ne 0 ]
	[[ $output == *"Too many open files"* ]]
	wait_for has_nothing
	as bash -c 'exec 8<"$0/a/reactors/r/stream"' "$MNT"
}

@test "quota: requests that wait" {
	world user_waits=3
	mkdir -m 0777 "$MNT/a"
	: >"$MNT/a/skirmishes/lock"
	mkdir "$MNT/a/reactors/r"
	exec 8<"$MNT/a/skirmishes/lock"
	flock 8
	hold flock "$MNT/a/skirmishes/lock" true
	hold cat "$MNT/a/reactors/r/stream"
	hold "$BIN/visitor" -s a
	wait_for has_now waits 3
	fails_with "quota" as flock "$MNT/a/skirmishes/lock" true
	fails_with "quota" as cat "$MNT/a/reactors/r/stream"
	run as "$BIN/visitor" -s a
	[[ $output == *EDQUOT* ]]
	# What need not wait is not refused, nor is anybody else.
	as cat "$MNT/a/state"
	# shellcheck disable=SC2086  # a list
	kill_ours $HELD
	exec 8<&-
	wait_for has_nothing
	as flock "$MNT/a/skirmishes/lock" true
}

@test "quota: members" {
	world user_members=1
	mkdir -m 0777 "$MNT/a" "$MNT/b"
	hold "$BIN/visitor" a
	wait_for has_now members 1
	run as "$BIN/visitor" b
	[[ $output == *EDQUOT* ]]
	"$VISITOR" b </dev/null | grep "^in "
	# shellcheck disable=SC2086  # a list
	kill_ours $HELD
	wait_for has_nothing
	as "$BIN/visitor" b </dev/null | grep "^in "
}

@test "quota: members that the next daemon takes over count" {
	world user_members=1
	mkdir -m 0777 "$MNT/a" "$MNT/b"
	hold "$BIN/visitor" a
	wait_for has_now members 1
	kill_daemon
	world user_members=1
	wait_for has_now members 1
	run as "$BIN/visitor" b
	[[ $output == *EDQUOT* ]]
	# shellcheck disable=SC2086  # a list
	kill_ours $HELD
	wait_for has_nothing
	as "$BIN/visitor" b </dev/null | grep "^in "
}

@test "quota: refusals are one line in the log, not a flood" {
	"$FUSIONFS" -f -o "backing=$BACKING,allow_other,user_arenas=1" "$MNT" \
		2>"$BATS_TEST_TMPDIR/log" 3>&- &
	wait_for is_mounted
	as bash -c 'for i in {1..50}; do mkdir "$0/a$i"; done 2>/dev/null; :' \
		"$MNT"
	wait_for has_line "$BATS_TEST_TMPDIR/log" "uid $user.*user_arenas"
	as bash -c 'for i in {1..50}; do mkdir "$0/a$i"; done 2>/dev/null; :' \
		"$MNT"
	umount "$MNT"
	wait
	cat "$BATS_TEST_TMPDIR/log"
	[ "$(grep -c user_arenas "$BATS_TEST_TMPDIR/log")" -eq 1 ]
}

@test "quota: a daemon that is out of descriptors says so" {
	world
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/lock"
	visit m a
	says m "^in "
	pid=$(daemon_pid)
	# No number is free below the limit.
	for ((n = 0; ; n++)); do
		[ -L "/proc/$pid/fd/$n" ] || break
	done
	prlimit --pid "$pid" --nofile="$n:"
	fails_with "Too many open files" mkdir "$MNT/b"
	fails_with "Too many open files" flock "$MNT/a/skirmishes/lock" true
	run "$VISITOR" a
	echo "$output"
	[[ $output == *EMFILE* ]]
	prlimit --pid "$pid" --nofile=1024:
	flock "$MNT/a/skirmishes/lock" true
	"$VISITOR" a </dev/null | grep "^in "
	leave m
}

@test "quota: a bad limit is one clear line" {
	for option in user_arenas user_arenas= user_arenas=x user_bytes=-1 \
		user_nonsense=3; do
		run --separate-stderr "$FUSIONFS" -o "$option" "$MNT"
		[ "$status" -ne 0 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"$option"* ]]
	done
}
