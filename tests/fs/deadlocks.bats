#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who has what, who waits for whom, and who waits for ever.
# shellcheck disable=SC2030,SC2031,SC2154  # a subshell a test, as life.bash

load life

setup() {
	local name

	life_setup
	for name in m n o; do
		start $name
		expect $name "enter a" "entered * id *"
	done
	A=$MNT/a
	for name in r s t; do
		expect m "skirmish $name" ok
	done
}

teardown() {
	life_teardown
}

waits() {
	grep -q "^thread ${PID[$1]} skirmish $2 " "$A/members/$3/waiting"
}

has() {
	[ "$(cat "$1")" = "$2" ]
}

is_empty() {
	has "$1" ""
}

@test "held and waiting: what each member has and waits for" {
	is_empty "$A/members/1/held"
	is_empty "$A/members/1/waiting"
	expect m "prevail s" ok
	expect m "prevail s" ok
	expect m "prevail t" ok
	has "$A/members/1/held" "thread ${PID[m]} skirmish s depth 2
thread ${PID[m]} skirmish t depth 1"
	is_empty "$A/members/2/held"
	tell n "prevail t"
	eventually waits n t 2
	has "$A/members/2/waiting" \
		"thread ${PID[n]} skirmish t owner member 1 thread ${PID[m]}"
	# That is no deadlock.
	is_empty "$A/deadlocks"
	expect m "dismiss t" ok
	hears n ok
	is_empty "$A/members/2/waiting"
	has "$A/members/1/held" "thread ${PID[m]} skirmish s depth 2"
	has "$A/members/2/held" "thread ${PID[n]} skirmish t depth 1"
}

@test "deadlocks: a ring of three, until one of them dies" {
	is_empty "$A/deadlocks"
	expect m "prevail r" ok
	expect n "prevail s" ok
	expect o "prevail t" ok
	tell m "prevail s"
	eventually waits m s 1
	tell n "prevail t"
	eventually waits n t 2
	is_empty "$A/deadlocks"
	tell o "prevail r"
	eventually waits o r 3
	has "$A/deadlocks" "member 1 thread ${PID[m]} holds skirmish r waits skirmish s \
member 2 thread ${PID[n]} holds skirmish s waits skirmish t \
member 3 thread ${PID[o]} holds skirmish t waits skirmish r"
	slay n
	hears m "error EOWNERDEAD"
	is_empty "$A/deadlocks"
	expect m "dismiss r" ok
	hears o ok
}

@test "deadlocks: who waits for one in a ring is not in it" {
	expect m "prevail r" ok
	expect n "prevail s" ok
	tell m "prevail s"
	tell n "prevail r"
	eventually waits m s 1
	eventually waits n r 2
	tell o "prevail r"
	eventually waits o r 3
	has "$A/deadlocks" "member 1 thread ${PID[m]} holds skirmish r waits skirmish s \
member 2 thread ${PID[n]} holds skirmish s waits skirmish r"
}

@test "deadlocks: two rings are two lines" {
	start p
	expect p "enter a" "entered 0 id 4"
	expect m "skirmish u" ok
	expect m "prevail r" ok
	expect n "prevail s" ok
	expect o "prevail t" ok
	expect p "prevail u" ok
	tell m "prevail s"
	tell n "prevail r"
	tell o "prevail u"
	tell p "prevail t"
	eventually waits m s 1
	eventually waits n r 2
	eventually waits o u 3
	eventually waits p t 4
	[ "$(wc -l <"$A/deadlocks")" -eq 2 ]
	grep -q "^member 1 .* member 2 .* waits skirmish r$" "$A/deadlocks"
	grep -q "^member 3 .* member 4 .* waits skirmish t$" "$A/deadlocks"
}

@test "deadlocks: a wait that ends by itself is none any more" {
	expect m "prevail r" ok
	expect n "prevail s" ok
	tell m "prevail s 300"
	eventually waits m s 1
	tell n "prevail r"
	hears m "error ETIMEDOUT"
	is_empty "$A/deadlocks"
	expect m "dismiss r" ok
	hears n ok
}

@test "deadlocks: between a shell and a member" {
	exec 7<"$A/skirmishes/r" 8<"$A/skirmishes/s"
	flock 7
	expect m "prevail s" ok
	tell m "prevail r"
	eventually waits m r 1
	is_empty "$A/deadlocks"
	flock 8 3>&- &
	PID[flock]=$!
	eventually grep -q "^waiters 1" "$A/skirmishes/s"
	[[ $(cat "$A/deadlocks") == "member 1 thread ${PID[m]} holds skirmish s waits skirmish r \
shell "*" holds skirmish r waits skirmish s" ]]
	kill "${PID[flock]}"
	wait "${PID[flock]}" || :
	eventually is_empty "$A/deadlocks"
	flock -u 7
	hears m ok
	exec 7<&- 8<&-
}

@test "deadlocks: of properties, and of a property and a skirmish" {
	for name in p q; do
		expect m "property $name 1000000 1000000" ok
	done
	expect m "lease p" ok
	expect n "lease q" ok
	tell m "lease q"
	eventually has "$A/members/1/waiting" \
		"thread ${PID[m]} property q owner member 2 thread ${PID[n]}"
	is_empty "$A/deadlocks"
	tell n "lease p 500"
	eventually has "$A/deadlocks" \
		"member 1 thread ${PID[m]} holds property p waits property q \
member 2 thread ${PID[n]} holds property q waits property p"
	hears n "error ETIMEDOUT"
	is_empty "$A/deadlocks"
	expect o "prevail r" ok
	tell o "purchase p"
	eventually grep -q "property p" "$A/members/3/waiting"
	tell n "prevail r"
	eventually has "$A/deadlocks" \
		"member 1 thread ${PID[m]} holds property p waits property q \
member 2 thread ${PID[n]} holds property q waits skirmish r \
member 3 thread ${PID[o]} holds skirmish r waits property p"
	slay n
	hears m ok
}

@test "deadlocks: ERRORCHECK refuses to close a ring" {
	expect m "skirmish x errorcheck" ok
	expect m "skirmish y errorcheck" ok
	expect m "prevail x" ok
	expect n "prevail y" ok
	tell m "prevail y"
	eventually waits m y 1
	expect n "prevail x" "error EDEADLK"
	is_empty "$A/deadlocks"
	expect n "dismiss y" ok
	hears m ok
}
