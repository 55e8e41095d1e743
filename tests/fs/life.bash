# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Members for the tests of an arena's life
#
# start M          a member program (tests/fs/member.c) called M
# tell M COMMAND   give it a command, do not wait
# hear M           its next line, in $REPLY
# ask M COMMAND    both
# expect M COMMAND PATTERN   ask; the answer must match the glob PATTERN
# Each test has a mount and a backing directory of its own.

: "${FUSIONFS:?path of the fusionfs to test}"
: "${MEMBER:?path of the member program, tests/fs/member.c}"

PATIENCE=${TEST_PATIENCE:-30}
declare -gA IN OUT PID

life_setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -w /dev/fuse ] || skip "needs /dev/fuse"
	MNT=$(mktemp -d "${BATS_TEST_TMPDIR:?}/mnt.XXXXXX")
	BACKING=$(mktemp -d /dev/shm/fusion-life.XXXXXX)
	export FUSION_MOUNT=$MNT
	life_mount
}

life_mount() {
	"$FUSIONFS" -o "backing=$BACKING" "$MNT" 3>&-
}

life_teardown() {
	local m

	[ -n "${MNT:-}" ] || return 0
	for m in "${!PID[@]}"; do
		kill -9 "${PID[$m]}" 2>/dev/null || :
	done
	eventually umount "$MNT" || umount -l "$MNT" || :
	rm -rf "$BACKING"
	rmdir "$MNT"
}

start() {
	local dir=$BATS_TEST_TMPDIR/$1 in out

	mkdir -p "$dir"
	rm -f "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	"$MEMBER" <>"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
	PID[$1]=$!
	disown $!
	exec {in}>"$dir/in" {out}<"$dir/out"
	IN[$1]=$in
	OUT[$1]=$out
	hear "$1"
	[ "$REPLY" = ready ]
}

tell() {
	local m=$1

	shift
	echo "$*" >&"${IN[$m]}"
}

hear() {
	if ! read -r -t "$PATIENCE" -u "${OUT[$1]}" REPLY; then
		echo "$1 said nothing (stderr: $(cat "$BATS_TEST_TMPDIR/$1/err"))"
		return 1
	fi >&2
}

ask() {
	tell "$@"
	hear "$1"
}

hears() {
	hear "$1"
	# shellcheck disable=SC2053  # a pattern is wanted
	if [[ $REPLY != $2 ]]; then
		echo "$1 said '$REPLY', wanted '$2'" >&2
		return 1
	fi
}

# Both lines, in either order: a notice comes from another thread than the
# answer.
hears_both() {
	hear "$1"
	case $REPLY in
	"$2") hears "$1" "$3" ;;
	"$3") hears "$1" "$2" ;;
	*)
		echo "$1 said '$REPLY', wanted '$2' and '$3'" >&2
		return 1
		;;
	esac
}

expect() {
	tell "$1" "$2"
	hears "$1" "$3" || {
		echo "after '$2'" >&2
		return 1
	}
}

# Kill and wait until it is gone.
slay() {
	kill -9 "${PID[$1]}"
	eventually gone "$1"
}

gone() {
	dead "${PID[$1]}"
}

# Again and again until it is so, or PATIENCE is over.
eventually() {
	local end=$((SECONDS + PATIENCE))

	until "$@" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		read -r -t 0.01 <> <(:) || :
	done
}

state_is() {
	[ "$(cat "$MNT/$1/state")" = "$2" ]
}

members_are() {
	[ "$(cd "$MNT/$1/members" && echo *)" = "$2" ]
}

absent() {
	! [ -e "$1" ]
}

event() {
	grep -q -- " $2" "$MNT/$1/events"
}

slay_daemon() {
	local pid

	pid=$(cat "$MNT/.fusionfs/pid")
	kill -9 "$pid"
	eventually dead "$pid"
}

# A zombie is dead: who reaps it may take its time.
dead() {
	! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# Members hold the dead mount: it goes with the last of them.
remount() {
	umount -l "$MNT"
	life_mount
}
