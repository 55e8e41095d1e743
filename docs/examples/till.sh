#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# till.sh ARENA: use the locks of an arena from the shell, without a program
#
# Creates the arena if necessary, and in it a skirmish and a property.  Uses both
# as a member of the arena would.
set -eu
arena=${1:?usage: till.sh /run/fusion/ARENA}

[ -e "$(dirname "$arena")/.fusionfs" ] || {
	echo "till.sh: $arena: no fusionfs is mounted there (fusionfs DIR)" >&2
	exit 1
}
[ -d "$arena" ] || mkdir "$arena"
[ -e "$arena/skirmishes/till" ] || : >"$arena/skirmishes/till"
[ -e "$arena/properties/counter" ] || : >"$arena/properties/counter"

# Run one command with the lock held; wait for it one second at most.
flock -w 1 "$arena/skirmishes/till" echo "the till is ours"

# Run several commands: the lock is held as long as descriptor 9 is open.
# shellcheck disable=SC2094  # its text, not its content, is read
(
	flock 9
	echo "and shows who has it:"
	grep -E '^(owner|depth) ' "$arena/skirmishes/till"
) 9<"$arena/skirmishes/till"

# Lease the property while the command runs; all others have to wait.
flock "$arena/properties/counter" \
	grep -E '^state ' "$arena/properties/counter"

# Purchase it as long as descriptor 8 is open: others are told that it is busy.
(
	echo purchase >&8
	grep -E '^state ' "$arena/properties/counter"
	flock -n "$arena/properties/counter" true ||
		echo "nobody else can have it now"
	echo cede >&8
) 8<>"$arena/properties/counter"
grep -E '^state ' "$arena/properties/counter"
