# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of the mounted tree share
#
# Each test has a mount and a backing directory of its own ($MNT, $BACKING) and
# finds nothing of another's.  FUSIONFS and MEMBER are the programs built.

bats_require_minimum_version 1.5.0

: "${FUSIONFS:?path of the fusionfs to test}"

# Seconds until a wait for something that must come is given up.
PATIENCE=${TEST_PATIENCE:-20}

new_world() {
	MNT=$(mktemp -d "${BATS_TEST_TMPDIR:?}/mnt.XXXXXX")
	BACKING=$(mktemp -d /dev/shm/fusion-test.XXXXXX)
	chmod 0711 "$BACKING"
	chmod 0755 "$BATS_TEST_TMPDIR" "$MNT"
	export MNT BACKING
	export FUSION_MOUNT=$MNT
}

# Mount $BACKING on $MNT; arguments are further options (-o ...).
mount_world() {
	"$FUSIONFS" -o "backing=$BACKING" "$@" "$MNT" 3>&- 4>&-
}

is_mounted() {
	mountpoint -q -- "${1:-$MNT}" 2>/dev/null ||
		grep -q " ${1:-$MNT} fuse" /proc/self/mountinfo
}

daemon_pid() {
	cat "$MNT/.fusionfs/pid"
}

# Unmount and wait until the daemon has cleaned up behind itself.
unmount_world() {
	local pid

	pid=$(daemon_pid)
	umount "$MNT"
	wait_for is_gone "$pid"
}

# A zombie is gone, too: whose child it was may take its time.
is_gone() {
	! kill -0 "$1" 2>/dev/null ||
		[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]
}

kill_daemon() {
	local pid

	pid=$(daemon_pid)
	kill -9 "$pid"
	wait_for is_gone "$pid"
}

# Kill -9 those of these processes that are this test's: others may have got
# the number of one that has ended.
kill_ours() {
	local pid

	for pid in "$@"; do
		if grep -qzx "FUSION_MOUNT=$MNT" "/proc/$pid/environ" \
			2>/dev/null; then
			kill -9 "$pid" 2>/dev/null || :
		fi
	done
}

# Whatever a test did, nothing of it stays.
end_world() {
	local pid

	# shellcheck disable=SC2086
	# shellcheck disable=SC2086  # a list
	kill_ours ${MEMBERS:-}
	pid=$(cat "$MNT/.fusionfs/pid" 2>/dev/null) || pid=
	umount "$MNT" 2>/dev/null || umount -l "$MNT" 2>/dev/null
	if [ -n "$pid" ]; then
		wait_for is_gone "$pid" || kill_ours "$pid"
	fi
	rm -rf "$BACKING" "$BACKING.bin"
	rmdir "$MNT"
	return 0
}

# Ask again and again until the command succeeds; fail after $PATIENCE seconds.
wait_for() {
	local end=$((SECONDS + PATIENCE))

	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		read -r -t 0.02 <> <(:) || :
	done
}

file_is() {
	[ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

has_line() {
	grep -q -- "$2" "$1" 2>/dev/null
}

has_no_line() {
	! has_line "$@"
}

exists() {
	[ -e "$1" ] || [ -L "$1" ]
}

is_absent() {
	! exists "$1"
}

# The value of `key value` in a status file.
value_of() {
	sed -n "s/^$2 //p" "$1"
}

# (A command after `!` never fails a test.)
not() {
	if "$@"; then
		echo "not wanted: $*" >&2
		return 1
	fi
}

# The command fails and says why with this errno's text.
fails_with() {
	local text=$1

	shift
	run "$@"
	# shellcheck disable=SC2154  # set by run
	if [ "$status" -eq 0 ] || [[ $output != *"$text"* ]]; then
		echo "'$*' gave $status: $output" >&2
		echo "wanted: $text" >&2
		return 1
	fi
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

# Run a command as another user with the groups given (default none).
as_user() {
	local uid=$1 groups=$2

	shift 2
	if [ -n "$groups" ]; then
		setpriv --reuid "$uid" --regid "$uid" --groups "$groups" -- "$@"
	else
		setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
	fi
}

# Everybody may pass through the directories above.
open_path() {
	local dir=$1

	while [ "$dir" != / ]; do
		# (They may be read-only, and open already.)
		[ "$dir" = "$MNT" ] ||
			[ -z "$(find "$dir" -maxdepth 0 ! -perm -a=x)" ] ||
			chmod a+x "$dir"
		dir=$(dirname "$dir")
	done
}

# Every user can get to the mount, and run member and visitor in $BIN.
open_to_all() {
	BIN=$BACKING.bin
	mkdir -m 0755 "$BIN"
	# shellcheck disable=SC2153 # both are given by meson
	cp "$VISITOR" "$MEMBER" \
		"$(ldd "$VISITOR" | sed -n 's/.*=> \(.*libfusion[^ ]*\).*/\1/p')" \
		"$BIN"
	chmod 0755 "$BIN"/*
	open_path "$MNT"
}

# Start a visitor under a name; further arguments are its own.
visit() {
	local name=$1 dir=${BATS_TEST_TMPDIR:?}

	shift
	mkfifo "$dir/$name.in"
	"${VISITOR:?}" "$@" <>"$dir/$name.in" >"$dir/$name.out" \
		2>"$dir/$name.err" 3>&- 4>&- &
	eval "PID_$name=$!"
	echo $! >"$dir/$name.pid"
	MEMBERS="${MEMBERS:-} $!"
	disown
}

# The same, and it is in.
enter() {
	visit "$@"
	says "$1" "^in "
}

pid_of() {
	cat "$BATS_TEST_TMPDIR/$1.pid"
}

# Wait until the visitor has said a line like this.
says() {
	wait_for has_line "$BATS_TEST_TMPDIR/$1.out" "$2" || {
		cat "$BATS_TEST_TMPDIR/$1.out" "$BATS_TEST_TMPDIR/$1.err" >&2
		return 1
	}
}

# Give it a command and wait for the answer, which is printed.
tell() {
	local name=$1 out=$BATS_TEST_TMPDIR/$1.out before

	shift
	before=$(wc -l <"$out")
	echo "$*" >"$BATS_TEST_TMPDIR/$name.in"
	wait_for has_more_lines "$out" "$before"
	tail -n +$((before + 1)) "$out"
}

has_more_lines() {
	[ "$(wc -l <"$1")" -gt "$2" ]
}

leave() {
	[ "$(tell "$1" exit)" = "ok " ]
	wait_for is_gone "$(pid_of "$1")"
}

# Its member id.
id_of() {
	sed -n 's/^in \([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/$1.out"
}

kill_visitor() {
	kill_ours "$(pid_of "$1")"
	wait_for is_gone "$(pid_of "$1")"
}
