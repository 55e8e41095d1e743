#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The mode, owner and group of an arena decide who may look, join and write.

load helpers

setup() {
	need_root
	new_world
	mount_world -o allow_other
	open_to_all
}

teardown() {
	[ -z "${MNT:-}" ] || end_world
}

# Try to enter as a user: the visitor's first line.
try_as() {
	visit_as "$1" "$2" -t 2000 "$3" </dev/null 2>/dev/null | head -n 1
}

visit_as() {
	local uid=$1 groups=$2

	shift 2
	as_user "$uid" "$groups" env FUSION_MOUNT="$MNT" \
		LD_LIBRARY_PATH="$BACKING.bin" "$BACKING.bin/visitor" "$@"
}

@test "permissions: with allow_other everybody makes arenas, as in /tmp" {
	[ "$(stat -c %a "$MNT")" = 1777 ]
	as_user 1001 "" mkdir "$MNT/a"
	[ "$(stat -c '%u %g' "$MNT/a")" = "1001 1001" ]
	fails_with "not permitted" as_user 1002 "" rmdir "$MNT/a"
	as_user 1001 "" rmdir "$MNT/a"
}

@test "permissions: a closed arena shows no more than its name" {
	mkdir -m 0700 "$MNT/a"
	[ "$(as_user 1001 "" ls "$MNT")" = a ]
	fails_with "Permission denied" as_user 1001 "" ls "$MNT/a"
	fails_with "Permission denied" as_user 1001 "" cat "$MNT/a/state"
	fails_with "Permission denied" as_user 1001 "" stat "$MNT/a/fields"
	fails_with "Permission denied" as_user 1001 "" cat "$BACKING/a/heap"
	fails_with "Permission denied" as_user 1001 "" ls "$BACKING"
	[[ $(try_as 1001 "" a) == "failed EACCES" ]]
}

@test "permissions: r and x look, but do not join" {
	mkdir -m 0755 "$MNT/a"
	[ "$(as_user 1001 "" cat "$MNT/a/state")" = empty ]
	[ "$(try_as 1001 "" a)" = "failed EACCES" ]
	fails_with "Permission denied" as_user 1001 "" \
		sh -c 'echo x >>"$1"' sh "$BACKING/a/heap"
	fails_with "Permission denied" as_user 1001 "" \
		sh -c 'echo 1G >"$1"' sh "$MNT/a/limit"
}

# Row 20 of the semantics: there are no batches of calls and no ids in a request;
# what is written goes to what was opened, and opening it asks the arena's mode.
@test "permissions: who may only look executes, sends and dispatches nothing" {
	mkdir -m 0755 "$MNT/a"
	enter m a
	tell m call c
	mkdir "$MNT/a/reactors/r"
	for at in calls/c members/1/inbox reactors/r/dispatch; do
		fails_with "Permission denied" as_user 1001 "" \
			sh -c 'echo x >"$1"' sh "$MNT/a/$at"
	done
	fails_with "Permission denied" as_user 1001 "" rmdir "$MNT/a/reactors/r"
	grep -q "^dispatched 0" "$MNT/a/reactors/r/status"
	leave m
}

@test "permissions: w joins" {
	mkdir -m 0777 "$MNT/a"
	[[ $(try_as 1001 "" a) == "in 1 master" ]]
}

@test "permissions: a group, also a supplementary one, decides" {
	mkdir -m 0770 "$MNT/a"
	chgrp 2001 "$MNT/a"
	[ "$(try_as 1001 "" a)" = "failed EACCES" ]
	[ "$(try_as 1001 2001 a)" = "in 1 master" ]
	[ "$(as_user 1001 2001 cat "$MNT/a/state")" ]
	# The owner's bits are the owner's, even if the group has more.
	chmod 0070 "$MNT/a"
	chown 1001 "$MNT/a"
	[ "$(try_as 1001 2001 a)" = "failed EACCES" ]
}

@test "permissions: chmod counts for the next" {
	mkdir -m 0777 "$MNT/a"
	[[ $(try_as 1001 "" a) == "in "* ]]
	chmod 0700 "$MNT/a"
	[ "$(try_as 1001 "" a)" = "failed EACCES" ]
	[ "$(as_user 1001 "" cat "$MNT/a/heap" 2>&1 | tail -c 18)" = "Permission denied" ]
}

@test "permissions: only the owner changes mode, group and limit" {
	as_user 1001 "" mkdir -m 0777 "$MNT/a"
	fails_with "not permitted" as_user 1002 "" chmod 0700 "$MNT/a"
	fails_with "not permitted" as_user 1001 "" chown 1002 "$MNT/a"
	fails_with "not permitted" as_user 1001 "" chgrp 2002 "$MNT/a"
	as_user 1001 2002 chgrp 2002 "$MNT/a"
	fails_with "denied" as_user 1002 "" sh -c 'echo 1G >"$1"' sh \
		"$MNT/a/limit"
	as_user 1001 "" sh -c 'echo 1G >"$1"' sh "$MNT/a/limit"
	file_is "$MNT/a/limit" 1073741824
}

@test "permissions: who made it by entering owns it" {
	visit_as 1001 "" -M 0700 a < <(
		wait_for exists "$MNT/a/master"
		stat -c '%a %u' "$MNT/a" >"$BATS_TEST_TMPDIR/found"
	)
	[ "$(cat "$BATS_TEST_TMPDIR/found")" = "700 1001" ]
	wait_for is_absent "$MNT/a"
}

@test "permissions: a member of another user is shown and recovered" {
	mkdir -m 0777 "$MNT/a"
	enter m a
	visit_as 1001 "" a <<<"malloc 100"
	wait_for has_line "$MNT/a/events" "death member 2"
	[ "$(ls "$MNT/a/members")" = 1 ]
}

# A member of user $1 named $2 that does what is written to $IN_<name>.
member_as() {
	local uid=$1 name=$2

	mkfifo "$BATS_TEST_TMPDIR/$name.in"
	as_user "$uid" "" env FUSION_MOUNT="$MNT" LD_LIBRARY_PATH="$BACKING.bin" \
		"$BACKING.bin/member" <"$BATS_TEST_TMPDIR/$name.in" \
		>"$BATS_TEST_TMPDIR/$name.out" 3>&- &
	disown $!
	exec {IN[$uid]}>"$BATS_TEST_TMPDIR/$name.in"
}

# Tell the member of user $1 named $2, and wait for its line number $4, $5.
tell_as() {
	echo "$3" >&"${IN[$1]}"
	wait_for said "$2" "$4" "$5"
}

said() {
	[ "$(sed -n "$2p" "$BATS_TEST_TMPDIR/$1.out")" = "$3" ]
}

@test "permissions: the owner of an arena holds up another user's purchase" {
	local -A IN
	local p=$MNT/a/properties/p

	as_user 1001 "" mkdir -m 0777 "$MNT/a"
	: >"$p"
	member_as 1002 buyer
	tell_as 1002 buyer "enter a" 2 "entered 1 id 1"
	tell_as 1002 buyer "purchase p" 3 ok
	# A third user may not, and nobody is killed.
	member_as 1003 other
	tell_as 1003 other "enter a" 2 "entered 0 id 2"
	tell_as 1003 other "hold-up p 5000" 3 "error EPERM"
	[ "$(sed -n 's/^state //p' "$p")" = purchased ]
	member_as 1001 owner
	tell_as 1001 owner "enter a" 2 "entered 0 id 3"
	tell_as 1001 owner "hold-up p 10000" 3 ok
	wait_for has_line "$MNT/a/events" "death member 1"
	tell_as 1001 owner "purchase p" 4 ok
	tell_as 1001 owner "hold-up p 5000" 5 "error EDEADLK"
	tell_as 1001 owner "cede p" 6 ok
	tell_as 1001 owner "hold-up p 5000" 7 ok
}

@test "permissions: the owner of an arena holds up another user's shell" {
	local -A IN
	local p=$MNT/a/properties/p

	as_user 1001 "" mkdir -m 0777 "$MNT/a"
	: >"$p"
	chmod a+rw "$p" 2>/dev/null || true
	mkfifo "$BATS_TEST_TMPDIR/never"
	chmod a+rw "$BATS_TEST_TMPDIR/never"
	as_user 1002 "" bash -c 'exec 7<>"$1"; echo purchase >&7; read x' \
		bash "$p" <>"$BATS_TEST_TMPDIR/never" 3>&- &
	disown $!
	wait_for has_line "$p" "state purchased"
	member_as 1003 other
	tell_as 1003 other "enter a" 2 "entered 1 id 1"
	tell_as 1003 other "hold-up p 5000" 3 "error EPERM"
	has_line "$p" "state purchased"
	member_as 1001 owner
	tell_as 1001 owner "enter a" 2 "entered 0 id 2"
	tell_as 1001 owner "hold-up p 10000" 3 ok
	wait_for has_line "$p" "state available"
}
