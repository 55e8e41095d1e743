#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The commonest programs of docs/examples: several processes of each run, one is
# killed in the middle, and the result is right nevertheless.

load helpers

setup() {
	: "${CACHE:?path of the cache example}"
	: "${COUNTER:?path of the counter example}"
	: "${JOBS:?path of the jobs example}"
	: "${PUBLISH:?path of the publish example}"
	: "${REMOTE:?path of the remote example}"
	new_world
	mount_world
	MEMBERS=
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	end_world
}

# Start a command under a name: it writes to NAME.out and reads NAME.in, which
# stays open as descriptor $2 until the test closes it.
start() {
	local name=$1 fd=$2

	shift 2
	mkfifo "$name.in"
	"$@" <"$name.in" >"$name.out" 2>"$name.err" \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- &
	echo $! >"$name.pid"
	MEMBERS="$MEMBERS $!"
	eval "exec $fd>\"$name.in\""
}

# Start a command under a name: it writes to descriptor $2.
feed() {
	local name=$1 fd=$2

	shift 2
	"$@" >&"$fd" 2>/dev/null 3>&- 4>&- &
	echo $! >"$name.pid"
	MEMBERS="$MEMBERS $!"
}

# Wait until a started command has ended well.
ends() {
	wait "$(pid_of "$1")"
}

# Kill -9 a started command, and wait for its end.
kill_now() {
	kill -9 "$(pid_of "$1")"
	ends "$1" || :
}

has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

has_members() {
	[ "$(find "$MNT/$1/members" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$2" ]
}

# The lines of a file are 1, 2, 3 and so on; print how many.
count_up() {
	local n

	n=$(wc -l <"$1")
	seq 1 "$n" | cmp - "$1" >&2
	echo "$n"
}

@test "counter: no number comes twice, none is left out but that of the dead" {
	local printed

	start ann 5 "$COUNTER" "$MNT/n"
	start bob 6 "$COUNTER" "$MNT/n"
	wait_for has_members n 2
	feed feeder 6 yes
	seq 1 2000 >&5
	wait_for has_lines bob.out 1000
	kill_now bob
	exec 6>&-
	seq 1 2000 >&5
	wait_for has_lines ann.out 4000
	echo | "$COUNTER" "$MNT/n" >cid.out
	exec 5>&-
	ends ann

	# The killed process may have counted one line that it has not printed.
	cat ann.out bob.out cid.out | sort -n >all
	[ -z "$(uniq -d all)" ]
	printed=$(wc -l <all)
	[ "$(tail -n 1 all)" = "$(cat cid.out)" ]
	[ $(($(cat cid.out) - printed)) -ge 0 ]
	[ $(($(cat cid.out) - printed)) -le 1 ]
	[ "$(wc -l <ann.out)" -eq 4000 ]
}

@test "counter: the first process is killed before others come" {
	start ann 5 "$COUNTER" "$MNT/n"
	echo >&5
	wait_for has_lines ann.out 1
	start bob 6 "$COUNTER" "$MNT/n"
	wait_for has_members n 2
	kill_now ann
	echo >&6
	wait_for file_is bob.out 2
	exec 5>&- 6>&-
	ends bob
}

@test "jobs: the job of a killed worker is run again, by another" {
	mkfifo gate
	exec 7<>gate
	start ann 5 "$JOBS" work "$MNT/j"
	start bob 6 "$JOBS" work "$MNT/j"
	wait_for has_members j 2
	{
		seq 1 20 | sed 's/.*/echo & >>results/'
		# shellcheck disable=SC2016 # the job's variable
		echo 'echo $PPID >>begun; read x <gate; echo 21 >>results'
		seq 22 40 | sed 's/.*/echo & >>results/'
	} | "$JOBS" put "$MNT/j" 3>&- 4>&- 5>&- 6>&- 7>&- &
	putter=$!
	MEMBERS="$MEMBERS $!"
	wait_for has_lines results 39
	wait_for has_lines begun 1
	kill -9 "$(cat begun)"
	wait_for has_lines begun 2
	[ -z "$(uniq -d begun)" ]
	kill -0 "$putter"
	# The shell of the killed worker reads one line, the other shell one.
	printf 'go\ngo\n' >&7
	wait "$putter"
	[ "$(sort -nu results)" = "$(seq 1 40)" ]
	[ "$(sed -n '/^21$/!p' results | wc -l)" -eq 39 ]
	exec 5>&- 6>&- 7>&-
}

@test "jobs: workers and a putter are killed, and each job is done" {
	start ann 5 "$JOBS" work "$MNT/j"
	start bob 6 "$JOBS" work "$MNT/j"
	start put 7 "$JOBS" put "$MNT/j"
	seq 1 200 | sed 's/.*/echo & >>results/' >&7
	wait_for has_lines results 20
	kill_now ann
	wait_for has_lines results 50
	start cid 5 "$JOBS" work "$MNT/j"
	kill_now bob
	wait_for has_lines results 200
	kill_now put
	seq 201 300 | sed 's/.*/echo & >>results/' | "$JOBS" put "$MNT/j"
	[ "$(sort -nu results)" = "$(seq 1 300)" ]
	# A job is done again only if its worker was killed.
	[ "$(wc -l <results)" -le 302 ]
	exec 5>&- 6>&- 7>&-
}

@test "cache: what one keeps, others find, also if the one is killed" {
	local text

	text=$(printf '%0500d' 7)
	start ann 5 "$CACHE" "$MNT/c"
	start bob 6 "$CACHE" "$MNT/c"
	printf '%s\n' colour=red size=7 empty= size=8 >&5
	echo colour >&5
	wait_for file_is ann.out red
	printf '%s\n' size colour absent empty size >&6
	wait_for has_lines bob.out 5
	[ "$(tr '\n' , <bob.out)" = "8,red,,,8," ]

	# Killed while it replaces one text after the other.
	feed feeder 6 yes "long=$text
short=1
short"
	wait_for has_lines bob.out 2000
	kill_now bob
	exec 6>&-
	printf '%s\n' size=9 long short size >&5
	wait_for file_is ann.out "red
$text
1
9"
	printf '%s\n' size colour | "$CACHE" "$MNT/c" >cid.out
	file_is cid.out "9
red"
	exec 5>&-
	ends ann
}

@test "cache: a full cache drops an entry for each new one" {
	start ann 5 "$CACHE" "$MNT/c"
	seq 1 10100 | sed 's/.*/&=&/' >&5
	echo 10100 >&5
	wait_for file_is ann.out 10100
	seq 1 10100 | "$CACHE" "$MNT/c" >all
	[ "$(wc -l <all)" -eq 10100 ]
	[ "$(grep -c . all)" -eq 10000 ]
	seq 1 10100 | paste - all | awk '$2 != "" && $1 != $2 { exit 1 }'
	exec 5>&-
	ends ann
}

@test "publish: listeners get each line, though one and the publisher die" {
	local n

	start ann 5 "$PUBLISH" hear "$MNT/p"
	start bob 6 "$PUBLISH" hear "$MNT/p"
	wait_for has_line "$MNT/p/reactors/lines/status" "^listeners 2"
	start say 7 "$PUBLISH" say "$MNT/p"
	feed feeder 7 seq 1 inf
	wait_for has_lines bob.out 1000
	kill_now bob
	n=$(wc -l <ann.out)
	wait_for has_lines ann.out $((n + 1000))
	kill_now say
	exec 7>&-
	seq -f 'next %g' 1 100 | "$PUBLISH" say "$MNT/p"
	ends ann

	grep -v next ann.out >first
	n=$(count_up first)
	[ "$n" -gt 2000 ]
	[ "$(tail -n +$((n + 1)) ann.out)" = "$(seq -f 'next %g' 1 100)" ]
	# The dead listener has printed the same lines, up to its death.
	n=$(wc -l <bob.out)
	head -n "$n" bob.out | cmp - <(head -n "$n" ann.out)
	exec 5>&- 6>&-
}

@test "remote: the server is killed, and another answers the same request" {
	local n

	start ann 5 "$REMOTE" "$MNT/r"
	echo hello >&5
	wait_for file_is ann.out "$(pid_of ann) HELLO"
	start bob 6 "$REMOTE" "$MNT/r"
	feed feeder 6 seq -f 'line %g' 1 inf
	wait_for has_lines bob.out 1000
	kill_now ann
	wait_for has_line bob.out "^$(pid_of bob) LINE"
	echo world | "$REMOTE" "$MNT/r" >cid.out
	file_is cid.out "$(pid_of bob) WORLD"
	kill "$(pid_of feeder)"
	exec 6>&-
	ends bob

	# Each line was answered once, by the first server, then by the second.
	sed 's/.* LINE //' bob.out >numbers
	n=$(count_up numbers)
	[ "$n" -gt 1000 ]
	[ "$(cut -d' ' -f1 bob.out | uniq)" = "$(pid_of ann)
$(pid_of bob)" ]
	exec 5>&-
}

@test "the commonest programs: wrong use, and no mount" {
	local program

	for program in "$CACHE" "$COUNTER" "$JOBS" "$PUBLISH" "$REMOTE"; do
		run -2 "$program"
		[[ $output == *Usage* ]]
	done
	for program in "$CACHE" "$COUNTER" "$REMOTE" "$JOBS put" \
		"$PUBLISH say"; do
		# shellcheck disable=SC2086 # a program and its argument
		run -1 $program "$MNT/no/such" </dev/null
		[[ $output == *"$MNT/no/such"*"no fusionfs is mounted there"* ]]
	done
}
