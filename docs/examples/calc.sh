#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# calc.sh ARENA [TEXT]...: ask the service of calc.c, with nothing but files
#
# Each TEXT, or else each line of the input, is one call, all of them over one
# descriptor.
set -eu
arena=${1:?usage: calc.sh /run/fusion/ARENA [TEXT]...}
shift

[ -e "$arena/calls/calc" ] || {
	echo "calc.sh: $arena: nobody serves there (calc serve)" >&2
	exit 1
}
exec 3<>"$arena/calls/calc"

# The answer ends as a file does.  An error of the call is cat's.
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
