#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ports whose descriptor several processes share: no sleep is deaf to signals.
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
}

teardown() {
	exec 8<&-
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
