#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that makes no sense harms its own arena only.

load helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/good" "$MNT/bad"
	enter g good
	tell g add f 10 int
	DAEMON=$(daemon_pid)
}

teardown() {
	end_world
}

# Read everything there is; what fails, fails with an errno, in time.
look_at_all() {
	timeout 60 sh -c 'find "$1" -type f -exec cat {} + ; ls -lR "$1"' \
		sh "$MNT/bad" >/dev/null 2>&1 || [ $? -lt 124 ]
}

good_is_well() {
	[ "$(daemon_pid)" = "$DAEMON" ]
	file_is "$MNT/good/state" running
	grep -q "^0x" "$MNT/good/fields/f"
	enter "h$1" good
	leave "h$1"
}

@test "hostile: a truncated file makes its arena corrupt" {
	enter b bad
	truncate -s 0 "$BACKING/bad"
	look_at_all
	file_is "$MNT/bad/state" corrupt
	fails_with "Input/output error" cat "$MNT/bad/status"
	fails_with "Input/output error" cat "$MNT/bad/memory/status"
	good_is_well 1
}

@test "hostile: a corrupt arena is EBUSY while its members live, then goes" {
	enter b bad
	truncate -s 8192 "$BACKING/bad"
	look_at_all
	file_is "$MNT/bad/state" corrupt
	fails_with busy rmdir "$MNT/bad"
	kill_visitor b
	wait_for rmdir "$MNT/bad"
	mkdir "$MNT/bad"
	file_is "$MNT/bad/state" empty
	enter c bad
	good_is_well 1
}

@test "hostile: nobody enters a corrupt arena" {
	enter b bad
	truncate -s 0 "$BACKING/bad"
	look_at_all
	visit c bad
	says c "failed EIO"
	good_is_well 1
}

@test "hostile: an empty arena's file cut short" {
	truncate -s 100 "$BACKING/bad"
	look_at_all
	visit c bad
	says c "failed"
	wait_for rmdir "$MNT/bad"
	good_is_well 1
}

@test "hostile: random bytes over the superblock" {
	for seed in 1 2 3 4 5 6; do
		enter "b$seed" bad
		tell "b$seed" add f 10 int
		tell "b$seed" scribble 0 4096 $seed
		look_at_all
		visit "c$seed" -t 300 bad
		says "c$seed" "failed\|^in"
		kill_ours "$(pid_of "b$seed")" "$(pid_of "c$seed")"
		wait_for rmdir "$MNT/bad"
		mkdir "$MNT/bad"
		good_is_well $seed
	done
}

@test "hostile: random bytes over one word after another" {
	for at in 256 264 272 280 288 296 304 312 384 392 400 448 456 464; do
		enter "b$at" bad
		enter "d$at" bad
		tell "b$at" add f 10 int
		tell "b$at" scribble $at 8 $at
		look_at_all
		kill_ours "$(pid_of "b$at")"
		look_at_all
		kill_ours "$(pid_of "d$at")"
		wait_for is_gone "$(pid_of "d$at")"
		look_at_all
		if exists "$MNT/bad"; then
			wait_for rmdir "$MNT/bad"
		fi
		mkdir "$MNT/bad"
		good_is_well $at
	done
}

@test "hostile: random bytes over the tables" {
	for seed in 1 2 3 4; do
		enter "b$seed" bad
		tell "b$seed" many 100
		tell "b$seed" pool p 1048576
		tell "b$seed" malloc 100000
		tell "b$seed" scribble 4096 1000000 $seed
		look_at_all
		kill_ours "$(pid_of "b$seed")"
		wait_for is_gone "$(pid_of "b$seed")"
		look_at_all
		if exists "$MNT/bad"; then
			wait_for rmdir "$MNT/bad"
		fi
		mkdir "$MNT/bad"
		good_is_well $seed
	done
}

@test "hostile: a member that sits on the life lock delays its arena only" {
	enter b bad
	enter c bad
	tell b hold "$BACKING/bad"
	kill_visitor c
	good_is_well 1
	look_at_all
	file_is "$MNT/bad/state" running
	kill_ours "$(pid_of b)"
	wait_for file_is "$MNT/bad/state" empty
	good_is_well 2
}

@test "hostile: a stopped member does not make its arena corrupt" {
	enter b bad
	enter c bad
	tell b hold "$BACKING/bad"
	kill -STOP "$(pid_of b)"
	visit d bad
	kill_visitor c
	kill -CONT "$(pid_of b)"
	kill_ours "$(pid_of b)"
	says d "^in"
	file_is "$MNT/bad/state" running
	good_is_well 1
}

@test "hostile: garbage in the backing directory at the start" {
	enter b bad
	kill_daemon
	head -c 100000 /dev/urandom >"$BACKING/noise"
	: >"$BACKING/nothing"
	mkfifo "$BACKING/fifo"
	tell b scribble 300 2000 7
	mount_world
	DAEMON=$(daemon_pid)
	look_at_all
	good_is_well 1
	[ -p "$BACKING/fifo" ]
	[ "$(stat -c %s "$BACKING/noise")" -eq 100000 ]
	rm "$BACKING/noise" "$BACKING/nothing" "$BACKING/fifo"
}

@test "hostile: requests that make no sense" {
	command -v python3 >/dev/null || skip "no python3"
	enter b bad
	run python3 - "$MNT/bad" <<-'END'
		import errno, fcntl, os, random, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
		random.seed(1)
		for i in range(3000):
		    size = random.choice([0, 1, 16, 32, 40, 112, 120, 128, 4096])
		    cmd = (random.choice([0, 1, 2, 3]) << 30 | size << 16 |
		           ord('F') << 8 | random.randrange(2, 8))
		    data = bytearray(random.randbytes(max(size, 8)))
		    try:
		        fcntl.ioctl(fd, cmd, data)
		    except OSError as e:
		        if e.errno in (errno.ENOTCONN, errno.EIO):
		            sys.exit("%s" % e)
	END
	[ "$status" -eq 0 ]
	file_is "$MNT/bad/state" running
	[ "$(tell b malloc 100)" = "ok " ]
	good_is_well 1
}
