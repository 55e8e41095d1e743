#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# calc.sh ARENA [TEXT]...: ask the service of calc.c with files only
#
# Each TEXT is one call.  Without TEXT, each line of the standard input is one.
# All calls use one descriptor.
set -eu
arena=${1:?usage: calc.sh /run/fusion/ARENA [TEXT]...}
shift

[ -e "$arena/calls/calc" ] || {
	echo "calc.sh: $arena: nobody serves it: start calc serve ARENA" >&2
	exit 1
}
exec 3<>"$arena/calls/calc"

# cat reads the answer to its end.  If the call fails, cat prints the error.
calculate() {
	printf '%s\n' "$1" >&3
	cat <&3
}

for text; do
	calculate "$text"
done
if [ $# -eq 0 ]; then
	while read -r text; do
		calculate "$text"
	done
fi
