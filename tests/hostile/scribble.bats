#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that makes no sense harms its own arena only.

load ../fs/helpers

# Small arenas: what the daemon can be made to look at, most of it holes, grows
# with their span, and each look at everything here would take seconds.
setup() {
	new_world
	mount_world -o "span=64M"
	mkdir "$MNT/good" "$MNT/bad"
	enter g good
	tell g add f 10 int
	DAEMON=$(daemon_pid)
}

teardown() {
	end_world
}

# Where that is in an arena, or how long.
at() {
	"${LAYOUT:?}" "$BACKING/bad/heap" "$1"
}

# A number of the arena.
says_at() {
	od -An -t u8 -j "$1" -N 8 "$BACKING/bad/heap" | tr -d ' '
}

# Read everything that ends; what fails, fails with an errno, in time.
look_at_all() {
	timeout 60 sh -c 'find "$1" -type f ! -name stream ! -name text \
		-exec cat {} + ; ls -lR "$1"' \
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
	truncate -s 0 "$BACKING/bad/heap"
	look_at_all
	file_is "$MNT/bad/state" corrupt
	fails_with "Input/output error" cat "$MNT/bad/status"
	fails_with "Input/output error" cat "$MNT/bad/memory/status"
	good_is_well 1
}

@test "hostile: a corrupt arena is EBUSY while its members live, then goes" {
	enter b bad
	truncate -s 8192 "$BACKING/bad/heap"
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
	truncate -s 0 "$BACKING/bad/heap"
	look_at_all
	visit c bad
	says c "failed EIO"
	good_is_well 1
}

@test "hostile: an empty arena's file cut short" {
	truncate -s 100 "$BACKING/bad/heap"
	look_at_all
	visit c bad
	says c "failed"
	wait_for rmdir "$MNT/bad"
	good_is_well 1
}

over_the_superblock() {
	for seed in "$@"; do
		enter "b$seed" bad
		tell "b$seed" add f 10 int
		tell "b$seed" scribble 0 "$(at superblock)" "$seed"
		look_at_all
		visit "c$seed" -t 300 bad
		says "c$seed" "failed\|^in"
		kill_ours "$(pid_of "b$seed")" "$(pid_of "c$seed")"
		wait_for rmdir "$MNT/bad"
		mkdir "$MNT/bad"
		good_is_well "$seed"
	done
}

@test "hostile: random bytes over the superblock" {
	over_the_superblock 1 2 3 4 5 6
}

@test "hostile: random bytes over the superblock of a large arena" {
	echo span=4G >"$MNT/.fusionfs/options"
	rmdir "$MNT/bad"
	mkdir "$MNT/bad"
	file_is "$MNT/bad/span" 4294967296
	over_the_superblock 1
}

@test "hostile: random bytes over one word after another" {
	for word in state master life_seq members_hi deaths root limit \
		next_entry visitor_bell event_lock event_head event_word; do
		enter "b$word" bad
		enter "d$word" bad
		tell "b$word" add f 10 int
		seed=$(at superblock.$word)
		tell "b$word" scribble "$seed" 8 "$seed"
		look_at_all
		kill_ours "$(pid_of "b$word")"
		look_at_all
		kill_ours "$(pid_of "d$word")"
		wait_for is_gone "$(pid_of "d$word")"
		look_at_all
		if exists "$MNT/bad"; then
			wait_for rmdir "$MNT/bad"
		fi
		mkdir "$MNT/bad"
		good_is_well $word
	done
}

# scribble_between NAME FROM TO SEED
scribble_between() {
	tell "$1" scribble "$2" $(($3 - $2)) "$4"
}

# Not over the page before the members, which kills whoever touches it.
@test "hostile: random bytes over the tables" {
	for seed in 1 2 3 4; do
		enter "b$seed" bad
		tell "b$seed" many 100
		tell "b$seed" pool p 1048576
		tell "b$seed" malloc 100000
		scribble_between "b$seed" "$(at events)" "$(at guard)" $seed
		tell "b$seed" scribble "$(at members)" 1000000 $seed
		tell "b$seed" scribble "$(at fields)" 20000 $seed
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

# Three members and two shells that hold skirmishes of bad and wait for them.
# The third is free to do harm.
tangle() {
	local name

	TANGLE=
	for name in x y z; do
		enter "$name$1" bad
		TANGLE="$TANGLE $(pid_of "$name$1")"
	done
	for name in r s t; do
		tell "x$1" skirmish $name
	done >"$BATS_TEST_TMPDIR/offsets"
	tell "x$1" prevail r
	tell "y$1" prevail s
	flock -F "$MNT/bad/skirmishes/t" sleep 1000 3>&- 4>&- &
	TANGLE="$TANGLE $!"
	disown
	wait_for has_line "$MNT/bad/skirmishes/t" "^owner shell"
	flock -F "$MNT/bad/skirmishes/s" sleep 1000 3>&- 4>&- &
	TANGLE="$TANGLE $!"
	disown
	MEMBERS="$MEMBERS $TANGLE"
	wait_for has_line "$MNT/bad/skirmishes/s" "^waiters 1"
	echo prevail s >"$BATS_TEST_TMPDIR/x$1.in"
	wait_for has_line "$MNT/bad/skirmishes/s" "^waiters 2"
	echo prevail r >"$BATS_TEST_TMPDIR/y$1.in"
	wait_for has_line "$MNT/bad/deadlocks" holds
}

# Random bytes over COUNT records from AT on, but for what all kinds have.
# behind_name NAME AT COUNT SEED
behind_name() {
	tell "$1" scribble $(($2 + $(at entry))) \
		$(($3 * $(at record) - $(at entry))) "$4"
}

# Where the record of its N-th skirmish is.
offset_of() {
	sed -n "${1}s/^ok //p" "$BATS_TEST_TMPDIR/offsets"
}

# It may be of no use to those inside; the daemon answers, and all of it ends.
untangle() {
	local name pid

	look_at_all
	for name in r s t new; do
		timeout 20 flock -w 0.05 "$MNT/bad/skirmishes/$name" true ||
			[ $? -ne 124 ]
	done 2>/dev/null
	look_at_all
	# shellcheck disable=SC2086  # a list
	kill_ours $TANGLE
	for pid in $TANGLE; do
		wait_for is_gone "$pid"
	done
	look_at_all
	wait_for rmdir "$MNT/bad"
	mkdir "$MNT/bad"
	good_is_well "$1"
}

@test "hostile: random bytes over skirmishes that are held and waited for" {
	for seed in 1 2 3 4; do
		tangle "$seed"
		tell "z$seed" scribble "$(offset_of 1)" $((3 * $(at record))) \
			"$seed"
		untangle "$seed"
	done
	for seed in 5 6 7 8; do
		tangle "$seed"
		behind_name "z$seed" "$(offset_of 2)" 1 "$seed"
		untangle "$seed"
	done
}

@test "hostile: random bytes over the records of threads" {
	for seed in 1 2 3 4; do
		tangle "$seed"
		tell "z$seed" scribble "$(at threads)" 16384 "$seed"
		untangle "$seed"
	done
}

@test "hostile: thread records that point out of their tables" {
	local n=0 first size word

	first=$(at threads)
	size=$(at thread_rec)
	for word in waits_for n_skirmishes 'skirmishes[0]' 'skirmishes[1]' \
		token; do
		n=$((n + 1))
		word=$(at "thread_rec.$word")
		tangle "$n"
		for i in 1 2 3 4 5 6 7 8; do
			tell "z$n" poke $((first + size * i + word)) 0xffffffff
		done
		untangle "$n"
	done
}

@test "hostile: chains that run in rings, and marks beyond the end" {
	tangle 1
	for i in 1 2 3; do
		tell z1 poke $(($(offset_of $i) + $(at entry.next))) "$i"
	done
	untangle 1
	# The mark of skirmishes, then that of threads.
	tangle 2
	tell z2 poke "$(at 'tables[KIND_SKIRMISH].hi')" 0xffffffff
	untangle 2
	tangle 3
	tell z3 poke "$(at superblock.threads_hi)" 0xffffffff
	untangle 3
}

# Two properties and two references of the third member, and shells at them.
belongings() {
	local name

	for name in p q; do
		tell "z$1" property $name
	done >"$BATS_TEST_TMPDIR/properties"
	for name in u v; do
		tell "z$1" ref $name
	done >"$BATS_TEST_TMPDIR/refs"
	mkfifo "$BATS_TEST_TMPDIR/fifo$1"
	# shellcheck disable=SC2016  # for the inner shell
	bash -c 'echo purchase >&7; read -r x <"$1"' sh \
		"$BATS_TEST_TMPDIR/fifo$1" 7<>"$MNT/bad/properties/p$1" \
		3>&- 4>&- &
	MEMBERS="$MEMBERS $!"
	TANGLE="$TANGLE $!"
	disown
}

first_of() {
	sed -n "1s/^ok //p" "$BATS_TEST_TMPDIR/$1"
}

@test "hostile: random bytes over properties, references and their rows" {
	for seed in 1 2 3 4; do
		tangle "$seed"
		belongings "$seed"
		behind_name "z$seed" "$(first_of properties)" 2 "$seed"
		behind_name "z$seed" "$(first_of refs)" 2 "$seed"
		for name in p q p1 new; do
			timeout 20 flock -w 0.05 "$MNT/bad/properties/$name" \
				true || [ $? -ne 124 ]
		done 2>/dev/null
		untangle "$seed"
	done
	# Rows.
	for seed in 5 6 7 8; do
		tangle "$seed"
		belongings "$seed"
		tell "z$seed" scribble "$(at rows)" 4096 "$seed"
		untangle "$seed"
	done
	# Their mark.
	tangle 9
	belongings 9
	tell z9 poke "$(at rows.hi)" 0xffffffff
	untangle 9
}

# Objects of the third member, in pool o: *_at are where the records are, `items`
# where the first item of the last one is.
objects() {
	local at

	at=$(tell "z$1" objects o)
	pool_at=$(echo "$at" | cut -d' ' -f2)
	object_at=$(echo "$at" | cut -d' ' -f3)
	first=$(says_at $((object_at + $(at object.items))))
	items=$((first - $(says_at "$(at superblock.base)")))
	grep -q "title o" "$MNT"/bad/pools/o/#*
}

@test "hostile: random bytes over objects, pools and properties" {
	for seed in 1 2 3 4; do
		tangle "$seed"
		objects "$seed"
		behind_name "z$seed" $((object_at - 2 * $(at record))) 3 "$seed"
		untangle "$seed"
	done
	for seed in 5 6; do
		tangle "$seed"
		objects "$seed"
		behind_name "z$seed" "$pool_at" 1 "$seed"
		untangle "$seed"
	done
	for seed in 7 8; do
		tangle "$seed"
		objects "$seed"
		tell "z$seed" scribble "$items" "$(at object_item)" "$seed"
		untangle "$seed"
	done
	# The map of the fallen.
	tangle 9
	objects 9
	tell z9 scribble "$(at fallen)" 264 9
	untangle 9
	# Items in a ring.
	tangle 10
	objects 10
	tell z10 poke "$items" $((first & 0xffffffff))
	look_at_all
	untangle 10
}

# Shells call, listen and send; the request is executed and not answered.
converse() {
	enter "x$1" bad
	enter "z$1" bad
	tell "x$1" call c
	mkdir "$MNT/bad/reactors/r"
	exec 8<>"$MNT/bad/calls/c" 9<"$MNT/bad/reactors/r/stream"
	# It listens from its first look on.
	read -r -t 0 -u 9 || :
	echo request >&8
	echo one >"$MNT/bad/reactors/r/dispatch"
	echo hello >"$MNT/bad/members/1/inbox"
}

# What is written is there, or an errno: nobody waits for room in what makes no
# sense.  What is read is, too.
talk_on() {
	local at

	for at in reactors/r/dispatch members/1/inbox members/2/inbox calls/c; do
		# shellcheck disable=SC2016  # for the inner shell
		timeout 10 sh -c 'echo again >"$1"' sh "$MNT/bad/$at" \
			2>/dev/null || [ $? -ne 124 ] || return 1
	done
	timeout 60 find "$MNT/bad" -type f ! -name stream ! -name text \
		! -path "*/calls/*" -exec cat {} + >/dev/null 2>&1 ||
		[ $? -lt 124 ]
}

# Once for what came before, and once for what cannot come.
hear_on() {
	[ "$what" = ring_mem:131072 ] || return 0
	for i in 1 2 3; do
		timeout 10 dd bs=100 count=1 <&9 >/dev/null 2>&1 ||
			[ $? -ne 124 ] || return 1
	done
}

part() {
	exec 8<&- 9<&-
	kill_visitor "x$1"
	kill_visitor "z$1"
	talk_on
	wait_for rmdir "$MNT/bad"
	mkdir "$MNT/bad"
	good_is_well "after$1"
}

@test "hostile: random bytes over what shells call, hear and send with" {
	# Where, and how much.
	for what in slots:8192 rings:2048 ring_mem:131072; do
		for seed in 1 2 3 4; do
			tag=${what%:*}_$seed
			converse "$tag"
			tell "z$tag" scribble "$(at "${what%:*}")" "${what#*:}" \
				"$seed"
			talk_on
			hear_on
			good_is_well "$tag"
			part "$tag"
		done
	done
}

@test "hostile: a member that sits on the life lock delays its arena only" {
	enter b bad
	enter c bad
	tell b hold "$BACKING/bad/heap"
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
	tell b hold "$BACKING/bad/heap"
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
