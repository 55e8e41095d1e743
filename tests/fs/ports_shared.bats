#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ports that several processes use at once: no sleep is deaf to signals, and a
# file keeps its identity meanwhile.
# shellcheck disable=SC2030,SC2031,SC2154  # a subshell a test, as life.bash

bats_require_minimum_version 1.5.0
load life

setup() {
	life_setup
	mkdir "$MNT/a" "$MNT/a/reactors/r"
	start m
	expect m "enter a" "entered 1 id 1"
	A=$MNT/a
	GOT=$BATS_TEST_TMPDIR
	MASKED=()
}

teardown() {
	exec 8<&-
	for file in "${MASKED[@]}"; do
		umount "$file" || :
	done
	life_teardown
}

# Run a command in the background, with descriptor 8 as its input.  (A shell has
# its jobs ignore SIGINT.)
run_as() {
	env --default-signal=INT "${@:2}" <&8 >"$GOT/$1.got" \
		2>"$GOT/$1.err" 3>&- &
	PID[$1]=$!
	disown $!
}

# The process sleeps in a request of its own, and not for a lock.
waits() {
	grep -q request_wait_answer "/proc/${PID[$1]}/wchan"
}

# One reader waits on descriptor 8.  A second one can be ended by each signal.
readers_can_be_ended() {
	local signal

	run_as first cat
	eventually waits first
	for signal in KILL TERM INT; do
		run_as second cat
		eventually waits second
		kill -"$signal" "${PID[second]}"
		eventually gone second
	done
	waits first
}

python_says() {
	command -v python3 >/dev/null || skip "needs python3"
	run timeout 10 python3 -c "$1" <&8
	[ "$status" -eq 0 ] || {
		echo "$output"
		return 1
	}
}

# While the first reader waits, what has nothing to wait for returns.
nothing_else_waits() {
	python_says '
import errno, os, select
for seek in (lambda: os.lseek(0, 0, os.SEEK_CUR),
             lambda: os.lseek(0, 0, os.SEEK_END),
             lambda: os.pread(0, 1, 0)):
    try:
        seek()
    except OSError as e:
        assert e.errno == errno.ESPIPE, e
    else:
        raise Exception("no error")
p = select.poll()
p.register(0, select.POLLIN)
assert p.poll(0) == [], "ready"
os.fstat(0)
os.set_blocking(0, False)
try:
    os.read(0, 1)
except BlockingIOError:
    pass
else:
    raise Exception("no error")
os.set_blocking(0, True)'
}

@test "ports_shared: a call that is awaited" {
	expect m "call c defer" ok
	exec 8<>"$A/calls/c"
	echo request >&8
	readers_can_be_ended
	hears m "call c from 0 word 0 size 8: request."
	run timeout 10 bash -c 'echo more >&8'
	[[ $output == *"Device or resource busy"* ]]
	nothing_else_waits
	# The one that is left gets the answer.
	expect m "return c 1 answer" ok
	eventually gone first
	[ "$(cat "$GOT/first.got")" = answer ]
}

@test "ports_shared: a call, while several threads and processes write to it" {
	expect m "call c defer" ok
	exec 8<>"$A/calls/c"
	echo request >&8
	run_as first cat
	hears m "call c from 0 word 0 size 8: request."
	for i in 1 2 3; do
		run_as "w$i" bash -c 'echo more >&8'
	done
	for i in 1 2 3; do
		eventually gone "w$i"
		grep -q "Device or resource busy" "$GOT/w$i.err"
	done
	waits first
}

@test "ports_shared: a stream" {
	exec 8<"$A/reactors/r/stream"
	readers_can_be_ended
	nothing_else_waits
	expect m "dispatch r 0 hello" ok
	eventually grep -q hello "$GOT/first.got"
}

@test "ports_shared: a reactor's text" {
	exec 8<"$A/reactors/r/text.5"
	readers_can_be_ended
	nothing_else_waits
	expect m "dispatch r 5 hello" ok
	eventually grep -q hello "$GOT/first.got"
}

@test "ports_shared: a descriptor that was sent to another process" {
	command -v python3 >/dev/null || skip "needs python3"
	exec 8<"$A/reactors/r/stream"
	cat >"$GOT/send.py" <<-'EOP'
		import os, socket
		a, b = socket.socketpair()
		child = os.fork()
		if child == 0:
		    os.close(0)
		    a.close()
		    m, fds, f, addr = socket.recv_fds(b, 1, 1)
		    print("child", os.getpid(), flush=True)
		    os.read(fds[0], 100)
		    os._exit(0)
		socket.send_fds(a, [b"x"], [0])
		print("parent", os.getpid(), flush=True)
		os.read(0, 100)
	EOP
	python3 "$GOT/send.py" <&8 >"$GOT/sent" 2>&1 3>&- &
	disown $!
	eventually grep -q parent "$GOT/sent"
	eventually grep -q child "$GOT/sent"
	PID[parent]=$(sed -n 's/parent //p' "$GOT/sent")
	PID[child]=$(sed -n 's/child //p' "$GOT/sent")
	eventually waits parent
	eventually waits child
	slay child
	waits parent
	slay parent
}

# Messages that nobody handles, until no more goes into the queue of m.
fill_queue() {
	not dd if=/dev/zero of="$A/members/1/inbox" bs=8 count=100000 \
		oflag=nonblock status=none
}

# And until the daemon keeps no more, either.
fill_outbox() {
	not dd if=/dev/zero of="$A/members/1/inbox" bs=100000 count=100 \
		status=none
}

not() {
	! "$@"
}

waiting() {
	sed -n 's/^waiting //p' "$A/members/1/queue"
}

@test "ports_shared: no writer waits for a member, whoever has the descriptor" {
	exec 8>"$A/members/1/inbox"
	fill_queue
	for i in $(seq 1 20); do
		run_as "w$i" bash -c 'echo text >&8'
		run_as "p$i" dd if=/dev/zero bs=4 count=1 \
			of="$A/members/1/inbox"
	done
	for i in $(seq 1 20); do
		eventually gone "w$i"
		eventually gone "p$i"
	done
	[ "$(waiting)" = 40 ]
	touch "$A/members/1/inbox"
}

@test "ports_shared: a flood into what nobody reads is refused" {
	fill_queue
	exec 8>"$A/members/1/inbox"
	run fill_outbox
	[[ $output == *"Resource temporarily unavailable"* ]]
	# They would have to wait behind each other for the kernel's lock.
	for i in $(seq 1 20); do
		run_as "w$i" dd if=/dev/zero of=/dev/fd/8 bs=100000 count=1
	done
	for i in $(seq 1 20); do
		run_as "w$i" dd if=/dev/zero bs=100000 count=1 of="$A/members/1/inbox"
		eventually gone "w$i"
		grep -q "Resource temporarily unavailable" "$GOT/w$i.err"
	done
}

@test "ports_shared: a flood into what is read is slowed down" {
	cat <&"${OUT[m]}" >"$GOT/heard" 3>&- &
	PID[reader]=$!
	disown $!
	fill_queue
	tell m handle
	yes 0123456789 | head -c 4000000 |
		dd of="$A/members/1/inbox" bs=1000 iflag=fullblock status=none
	eventually heard 4000
}

heard() {
	[ "$(grep -c "size 1000" "$GOT/heard")" = "$1" ]
}

# Lay a file over another.
mask() {
	mount --bind "$GOT/mask" "$1"
	MASKED+=("$1")
}

is_masked() {
	[ "$(timeout 5 cat "$1")" = mask ] && mountpoint -q "$1"
}

@test "ports_shared: a file that is mounted over a port stays there" {
	echo mask >"$GOT/mask"
	expect m "call c defer" ok
	files=("$A/calls/c" "$A/members/1/inbox" "$A/members/1/inbox.7"
		"$A/reactors/r/stream" "$A/reactors/r/text.3"
		"$A/reactors/r/dispatch" "$A/reactors/r/dispatch.65535")
	before=$(stat -c %i "${files[@]}")
	# Somebody is at each of them.
	exec 8>"$A/members/1/inbox"
	cat "$A/reactors/r/stream" >/dev/null 3>&- &
	PID[cat]=$!
	disown $!
	kill -STOP "${PID[m]}"
	fill_queue
	for file in "${files[@]}"; do
		mask "$file"
	done
	not dd if=/dev/zero bs=100000 count=100 status=none >&8
	echo more >&8 || :
	for i in 1 2 3; do
		ls -lR "$A" >/dev/null
		for file in "${files[@]}"; do
			is_masked "$file"
		done
	done
	for file in "${files[@]}"; do
		umount "$file"
	done
	MASKED=()
	[ "$(stat -c %i "${files[@]}")" = "$before" ]
}

@test "ports_shared: each file below an arena has an inode number of its own" {
	expect m "call c defer" ok
	files=("$A/calls/c" "$A"/members/1/inbox{,.0,.1,.4294967294}
		"$A"/reactors/r/{stream,text,dispatch}{,.0,.65535})
	[ "$(stat -c %i "${files[@]}" | sort -u | wc -l)" = "${#files[@]}" ]
	find "$MNT" -printf '%i\n' | sort >"$GOT/all"
	[ -z "$(uniq -d "$GOT/all")" ]
	# As the directories have them, too.
	(cd "$A/reactors/r" && stat -c '%i %n' -- *) >"$GOT/stat"
	find "$A/reactors/r" -mindepth 1 -printf '%i %f\n' | sort -k 2 |
		diff - "$GOT/stat"
}
