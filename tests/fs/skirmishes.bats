#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Skirmishes as files: members and shells take the same lock.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	start m
	expect m "enter a mode=0775" "entered 1 id 1"
	expect m "skirmish s" ok
	A=$MNT/a
	S=$A/skirmishes/s
}

teardown() {
	life_teardown
}

# The value of a line of the skirmish's file.
says() {
	sed -n "s/^$1 //p" "${2:-$S}"
}

is() {
	[ "$(says "$1" "${3:-$S}")" = "$2" ]
}

# A shell in the background that has the lock until told to end.
hold() {
	local go=$BATS_TEST_TMPDIR/go.$1

	mkfifo "$go"
	flock "${2:-$S}" sh -c 'read x <"$1"' sh "$go" 3>&- &
	PID[$1]=$!
	disown $!
	eventually is owner "shell $!" "${2:-$S}"
}

let_go() {
	echo >"$BATS_TEST_TMPDIR/go.$1"
	eventually dead "${PID[$1]}"
}

# A shell in the background that waits for it, and then writes to a file.
queue() {
	local before

	before=$(says waiters)
	flock "$S" sh -c 'echo got >"$1"' sh "$BATS_TEST_TMPDIR/$1.got" \
		2>"$BATS_TEST_TMPDIR/$1.err" 3>&- &
	PID[$1]=$!
	disown $!
	eventually is waiters $((before + 1))
}

has_got() {
	[ "$(cat "$BATS_TEST_TMPDIR/$1.got" 2>/dev/null)" = got ]
}

not() {
	! "$@"
}

@test "skirmishes: a directory that is there from the start" {
	mkdir "$MNT/b"
	[ -z "$(ls -A "$MNT/b/skirmishes")" ]
	[ "$(ls -A "$A/skirmishes")" = s ]
	[ "$(says skirmishes "$MNT/b/status")" = 0 ]
	[ "$(says skirmishes "$A/status")" = 1 ]
}

@test "skirmishes: a file says who has it, how deep, and what was" {
	[ "$(cat "$S")" = "owner none
depth 0
waiters 0
taken 0
contended 0
recovered 0
state free" ]
	expect m "prevail s" ok
	expect m "prevail s" ok
	[ "$(cat "$S")" = "owner member 1 thread ${PID[m]}
depth 2
waiters 0
taken 1
contended 0
recovered 0
state held" ]
	expect m "dismiss s" ok
	is depth 1
	expect m "dismiss s" ok
	is state free
	expect m "destroy-skirmish s" ok
	[ ! -e "$S" ]
	[ "$(says skirmishes "$A/status")" = 0 ]
}

@test "skirmishes: one without a name is #ID, and each is that too" {
	local id

	expect m "skirmish -" ok
	id=$(cd "$A/skirmishes" && echo \#*)
	[[ $id =~ ^#[0-9]+$ ]]
	is state free "$A/skirmishes/$id"
	# The named one was made just before.
	expect m "prevail s" ok
	is state held "$A/skirmishes/#$((${id#\#} - 1))"
	[ ! -e "$A/skirmishes/#0" ]
	[ ! -e "$A/skirmishes/#00${id#\#}" ]
	[ ! -e "$A/skirmishes/#999999" ]
}

@test "flock: what a shell has, no member gets, and the other way round" {
	hold h
	is state held
	is depth 1
	expect m "swoop s" "error EBUSY"
	tell m "prevail s"
	eventually is waiters 1
	let_go h
	hears m ok
	is owner "member 1 thread ${PID[m]}"
	run flock -n "$S" true
	[ "$status" -eq 1 ]
	expect m "dismiss s" ok
	flock -n "$S" true
}

@test "flock: waits until a member lets go" {
	expect m "prevail s" ok
	queue q
	not has_got q
	expect m "dismiss s" ok
	eventually has_got q
	eventually is owner none
	is waiters 0
}

@test "flock -w: gives up at its time and leaves no trace" {
	expect m "prevail s" ok
	run flock -w 0.05 "$S" true
	[ "$status" -eq 1 ]
	is waiters 0
	expect m "dismiss s" ok
	is owner none
	expect m "prevail s" ok
}

@test "flock: a waiter that is interrupted or killed leaves no trace" {
	local signal

	expect m "prevail s" ok
	for signal in TERM USR1 KILL; do
		queue q
		kill "-$signal" "${PID[q]}"
		eventually dead "${PID[q]}"
		eventually is waiters 0
	done
	queue last
	expect m "dismiss s" ok
	eventually has_got last
	not has_got q
	eventually is owner none
}

@test "flock: a holder that is killed has let go" {
	flock "$S" sleep 1000 3>&- &
	PID[h]=$!
	disown $!
	eventually is owner "shell $!"
	queue q
	# The command has inherited the descriptor: both must go.
	pkill -9 -P "${PID[h]}"
	eventually has_got q
	eventually is owner none
	expect m "prevail s" ok
}

@test "flock: one of several shells gets it, then the next" {
	local i

	expect m "prevail s" ok
	for i in 1 2 3 4 5; do
		queue "q$i"
	done
	slay q3
	eventually is waiters 4
	expect m "dismiss s" ok
	for i in 1 2 4 5; do
		eventually has_got "q$i"
	done
	not has_got q3
	eventually is owner none
	is taken 5
}

@test "flock: shells and a member, each adds to the same file" {
	local i total=$BATS_TEST_TMPDIR/total

	echo 0 >"$total"
	for i in 1 2 3; do
		# shellcheck disable=SC2016  # for the inner shell
		bash -c 'for ((i = 0; i < 40; i++)); do
			flock "$1" sh -c "read n <\"\$1\"; echo \$((n + 1)) >\"\$1\"" \
				sh "$2" || exit 1
		done' sh "$S" "$total" 3>&- &
		PID[adder$i]=$!
	done
	for ((i = 0; i < 40; i++)); do
		expect m "prevail s" ok
		read -r n <"$total"
		echo $((n + 1)) >"$total"
		expect m "dismiss s" ok
	done
	wait "${PID[adder1]}" "${PID[adder2]}" "${PID[adder3]}"
	[ "$(cat "$total")" = 160 ]
	is taken 160
}

@test "flock: descriptors of one open file share it, two open files do not" {
	exec 7<"$S" 8<"$S"
	flock 7
	flock 7
	flock -n 7
	is depth 1
	# It is the shell's, not that of the flock that has ended.
	is owner "shell $$" || is owner "shell $BASHPID"
	run flock -n 8
	[ "$status" -eq 1 ]
	exec 9<&7
	exec 7<&-
	is state held
	flock -n 9
	(
		exec 9<&-
	)
	is state held
	exec 9<&-
	eventually is state free
	flock -n 8
	flock -u 8
	flock -u 8
	is state free
	exec 8<&-
}

@test "flock: what a child has inherited stays held until it closes it" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	exec 7<"$S"
	flock 7
	sh -c 'read x <"$1"' sh "$BATS_TEST_TMPDIR/go" 3>&- &
	exec 7<&-
	is state held
	echo >"$BATS_TEST_TMPDIR/go"
	eventually is state free
}

@test "flock: there is no sharing, and fcntl's locks are refused" {
	run flock -s "$S" true
	[[ $output == *"not supported"* ]]
	run flock -s -n "$S" true
	[[ $output == *"not supported"* ]]
	run flock "$A/status" true
	[[ $output == *"not supported"* ]]
	command -v python3 >/dev/null || skip "no python3"
	run python3 - "$S" <<-'END'
		import errno, fcntl, sys
		f = open(sys.argv[1], "r+")
		try:
		    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except OSError as e:
		    print(e.errno == errno.EOPNOTSUPP)
	END
	[ "$output" = True ]
	is state free
}

@test "flock: a dead owner's lock is had, and the next member is told" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "prevail s" ok
	slay n
	eventually is state owner-died
	is owner none
	is recovered 1
	flock -n "$S" true
	event a "recovered s: shell [0-9]* goes on after an owner's death"
	is state owner-died
	expect m "prevail s" "error EOWNERDEAD"
	is state owner-died
	expect m "dismiss s" ok
	is state owner-died
	expect m "prevail s" "error EOWNERDEAD"
	expect m "consistent s" ok
	is state held
	expect m "dismiss s" ok
	is state free
	expect m "prevail s" ok
}

@test "flock: a shell may say that what a dead owner left is whole" {
	start n
	expect n "enter a" "entered 0 id 2"
	expect n "prevail s" ok
	slay n
	eventually is state owner-died
	exec 7<>"$S"
	run sh -c 'echo consistent >&7'
	[ "$status" -ne 0 ]
	flock 7
	echo consistent >&7
	is state held
	run bash -c 'echo consistent >&7'
	[ "$status" -ne 0 ]
	[[ $output == *"already in progress"* ]]
	run sh -c 'echo nonsense >&7'
	[ "$status" -ne 0 ]
	exec 7<&-
	expect m "prevail s" ok
}

@test "flock: who waits for one that is destroyed is told so" {
	hold h
	queue q
	expect m "destroy-skirmish s" ok
	eventually dead "${PID[q]}"
	grep -q "Identifier removed" "$BATS_TEST_TMPDIR/q.err"
	expect m "skirmish s" ok
	# What was held is gone, and is not the new one.
	is state free
	let_go h
	is state free
	expect m "prevail s" ok
}

@test "flock: who may not write may look, and not lock" {
	as_nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"
	}

	life_teardown
	PID=()
	grep -q ^user_allow_other /etc/fuse.conf || [ "$(id -u)" -eq 0 ]
	new_mount_for_all
	start m
	expect m "enter a mode=0755" "entered 1 id 1"
	expect m "skirmish s" ok
	as_nobody cat "$S"
	run as_nobody flock -n "$S" true
	[ "$status" -gt 1 ]
	[[ $output == *"Permission denied"* ]]
	is state free
	# By the descriptor, as everywhere: opened by who may, handed on.
	exec 7<"$S"
	as_nobody flock -n 7
	is state held
	exec 7<&-
	chmod 0777 "$A"
	as_nobody flock -n "$S" true
	as_nobody touch "$A/skirmishes/theirs"
	as_nobody rm "$A/skirmishes/theirs"
	chmod 0755 "$A"
	run as_nobody touch "$A/skirmishes/theirs"
	[[ $output == *"Permission denied"* ]]
	run as_nobody rm -f "$S"
	[[ $output == *"Permission denied"* ]]
	chmod 0700 "$A"
	run as_nobody flock -n "$S" true
	[[ $output == *"Permission denied"* ]]
}

new_mount_for_all() {
	MNT=$(mktemp -d /tmp/fusion-test.XXXXXX)
	BACKING=$(mktemp -d /dev/shm/fusion-life.XXXXXX)
	chmod 0755 "$MNT"
	chmod 0711 "$BACKING"
	export FUSION_MOUNT=$MNT
	"$FUSIONFS" -o "backing=$BACKING,allow_other" "$MNT" 3>&-
	A=$MNT/a
	S=$A/skirmishes/s
}

@test "a shell makes and removes skirmishes" {
	local dir=$A/skirmishes long

	long=$(printf 'x%.0s' $(seq 63))
	: >"$dir/x"
	is state free "$dir/x"
	# What is there stays as it is.
	expect m "prevail x" ok
	: >"$dir/x"
	touch "$dir/x"
	is state held "$dir/x"
	expect m "dismiss x" ok
	flock "$dir/y z" true
	is taken 1 "$dir/y z"
	: >"$dir/$long"
	event a "created skirmish x"
	[ "$(ls "$dir" | wc -l)" = 4 ]
	for name in "${long}x" .x "#x" "#12345" "$(printf 'x\ty')"; do
		run touch "$dir/$name"
		[ "$status" -ne 0 ]
	done
	run mkdir "$dir/d"
	[[ $output == *"not permitted"* ]]
	run mv "$dir/x" "$dir/w"
	[[ $output == *"not permitted"* ]]
	run sh -c 'set -C; : >"$1"' sh "$dir/x"
	[ "$status" -ne 0 ]
	rm "$dir/x" "$dir/$long" "$dir/y z"
	[ "$(ls "$dir")" = s ]
	run rm "$dir/x"
	[[ $output == *"No such file"* ]]
	expect m "prevail x" "error ENOENT"
	event a "destroyed skirmish x"
	run touch "$A/fields/x"
	[[ $output == *"not permitted"* ]]
	run rm -f "$A/status"
	[[ $output == *"not permitted"* ]]
}

@test "a shell removes one that is held and waited for" {
	expect m "prevail s" ok
	queue q
	rm "$S"
	eventually dead "${PID[q]}"
	grep -q "Identifier removed" "$BATS_TEST_TMPDIR/q.err"
	expect m "dismiss s" "error ENOENT"
}

@test "skirmishes of an arena where nobody is are there for the first member" {
	mkdir "$MNT/b"
	flock "$MNT/b/skirmishes/t" true
	start n
	expect n "enter b" "entered 1 id 1"
	expect n "prevail t" ok
	is taken 2 "$MNT/b/skirmishes/t"
}

@test "many skirmishes are listed, each once" {
	command -v python3 >/dev/null || skip "no python3"
	python3 - "$A/skirmishes" 3000 <<-'END'
		import os, sys
		for i in range(int(sys.argv[2])):
		    os.close(os.open("%s/x%d" % (sys.argv[1], i),
		                     os.O_CREAT | os.O_EXCL | os.O_WRONLY))
	END
	[ "$(ls "$A/skirmishes" | wc -l)" = 3001 ]
	[ "$(find "$A/skirmishes" -type f | sort -u | wc -l)" = 3001 ]
	[ "$(says skirmishes "$A/status")" = 3001 ]
	is state free "$A/skirmishes/x2999"
	rm "$A"/skirmishes/x*
	[ "$(ls "$A/skirmishes")" = s ]
}

@test "rmdir: an arena in which a shell has a lock is busy" {
	mkdir "$MNT/b"
	start n
	expect n "enter b" "entered 1 id 1"
	expect n "skirmish t" ok
	exec 7<"$MNT/b/skirmishes/t"
	flock 7
	run rmdir "$MNT/b"
	[ "$status" -ne 0 ]
	# The arena's life ends with its last member, and its locks with it.
	expect n exit ok
	eventually state_is b empty
	[ ! -e "$MNT/b/skirmishes/t" ]
	flock -u 7
	run flock -n 7
	[[ $output == *"Identifier removed"* ]]
	rmdir "$MNT/b"
	exec 7<&-
}

@test "flock: waiters of an arena that ends are told so" {
	mkdir "$MNT/b"
	start n
	expect n "enter b" "entered 1 id 1"
	expect n "skirmish t" ok
	expect n "prevail t" ok
	S=$MNT/b/skirmishes/t
	queue q
	slay n
	eventually dead "${PID[q]}"
	eventually state_is b empty
	grep -q "Identifier removed" "$BATS_TEST_TMPDIR/q.err" || has_got q
}

@test "daemon killed: what its visitors held is free, as after any death" {
	hold h
	tell m "prevail s"
	eventually is waiters 1
	slay_daemon
	hears m "error EOWNERDEAD"
	expect m "consistent s" ok
	expect m "dismiss s" ok
	remount
	is state free
	flock -n "$S" true
	let_go h
	is state free
}

@test "daemon ended: who waits gets ENOTCONN" {
	expect m "prevail s" ok
	queue q
	kill -TERM "$(cat "$MNT/.fusionfs/pid")"
	eventually dead "${PID[q]}"
	grep -q "not connected\|No such device\|connection abort" \
		"$BATS_TEST_TMPDIR/q.err"
	life_mount
	is owner "member 1 thread ${PID[m]}"
	is waiters 0
}

@test "two arenas: one goes on while the other's owner stands still" {
	expect m "prevail s" ok
	kill -STOP "${PID[m]}"
	start n
	expect n "enter b" "entered 1 id 1"
	expect n "skirmish s" ok
	expect n "prevail s" ok
	expect n "dismiss s" ok
	expect n "ref r" ok
	expect n "up r" ok
	flock -n "$MNT/b/skirmishes/s" true
	run -1 flock -n "$S" true
	is owner "member 1 thread ${PID[m]}"
	kill -CONT "${PID[m]}"
	expect m "dismiss s" ok
	flock "$S" true
}

@test "skirmishes: a shell that finds no thread record hears EMFILE" {
	command -v python3 >/dev/null || skip "needs python3"
	slay m
	eventually umount "$MNT"
	# As few records as an arena can have.
	"$FUSIONFS" -o "backing=$BACKING,span=16M,max_members=1" "$MNT" 3>&-
	mkdir "$MNT/few"
	: >"$MNT/few/skirmishes/s"
	mkdir "$MNT/few/reactors/r"
	python3 - "$MNT/few" 3>&- <<-'END'
		import errno, fcntl, os, sys

		def error_of(call, *args):
		    try:
		        call(*args)
		    except OSError as e:
		        return e.errno
		    return 0

		error, files = 0, []
		while error in (0, errno.EAGAIN) and len(files) < 100:
		    files.append(os.open(sys.argv[1] + "/skirmishes/s", os.O_RDWR))
		    error = error_of(fcntl.flock, files[-1],
		                     fcntl.LOCK_EX | fcntl.LOCK_NB)
		assert error == errno.EMFILE, (error, len(files))
		stream = os.open(sys.argv[1] + "/reactors/r/stream",
		                 os.O_RDONLY | os.O_NONBLOCK)
		error = error_of(os.read, stream, 1)
		assert error == errno.EMFILE, error
	END
}
