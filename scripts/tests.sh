# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts that run tests share: a place to build, counts, and a look at
# what is left behind.  Needs lib.sh.

passed=0
failed=0
skipped=0

pass() {
	passed=$((passed + 1))
	printf 'ok    %s\n' "$*"
}

fail() {
	failed=$((failed + 1))
	printf 'FAIL  %s\n' "$*"
}

# Run a command as one test: its output is shown when it fails.
check() {
	local name=$1 log
	shift
	log=$(mktemp "$BUILD/check.XXXXXX")
	if "$@" >"$log" 2>&1; then
		pass "$name"
	else
		fail "$name"
		tail -n 40 "$log" | sed 's/^/      /'
		return 1
	fi
}

# A directory to build in: $FUSION_BUILD, or a temporary one that goes with us
# unless $keep is set.
begin_run() {
	if [ -n "${FUSION_BUILD-}" ]; then
		BUILD=$FUSION_BUILD
		mkdir -p "$BUILD"
	else
		BUILD=$(mktemp -d "${TMPDIR:-/tmp}/fusion-check.XXXXXX")
		[ -n "$keep" ] || trap remove_build EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM HUP
	fi
	# Temporary files have a place of their own, to see what is left of them.
	export TMPDIR=$BUILD/tmp
	mkdir -p "$TMPDIR"
	chmod 755 "$BUILD"
	chmod 1777 "$TMPDIR"
	export CHECK_MARK=$$-$RANDOM$RANDOM
	before=$(leftovers)
}

# The last line, and whether all is well.
end_run() {
	step "leftovers, after $((SECONDS / 60)) minutes"
	check "no mount, process or file is left behind" left_behind
	printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ]
}

configure() {
	local dir=$1 cc=$2
	shift 2
	[ -d "$dir" ] || CC=$cc meson setup --werror "$dir" "$TOP" "$@"
}

compile() {
	configure "$@" && ninja -C "$1"
}

build() {
	local name=$1 cc=$2
	shift 2
	check "build with $name" compile "$BUILD/$name" "$cc" "$@"
}

# Can we be root without asking again?
can_be_root() {
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

# Run suites of a build and count their single cases.  Those that mount, kill
# daemons and drop privileges run as root where that can be had; else they skip.
run_suites() {
	local name=$1 suite user=() root=()
	shift
	step "tests: $name ($*)"
	for suite in "$@"; do
		case $suite in
		unit | thread | abi) user+=(--suite "$suite") ;;
		*) root+=(--suite "$suite") ;;
		esac
	done
	[ ${#user[@]} -eq 0 ] || run_meson_test "$name" "${user[@]}"
	if [ ${#root[@]} -eq 0 ]; then
		return
	elif can_be_root; then
		run_meson_test "$name" "${root[@]}" -- as_root env \
			CHECK_MARK="$CHECK_MARK" TMPDIR="$TMPDIR" ASAN_OPTIONS="${ASAN_OPTIONS-}" \
			UBSAN_OPTIONS="${UBSAN_OPTIONS-}"
	else
		run_meson_test "$name" "${root[@]}"
	fi
}

# run_meson_test BUILD ARGUMENT... [-- COMMAND to run it with]
run_meson_test() {
	local dir=$BUILD/$1 log args=() counts status=0
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	log=$dir/meson-logs/testlog.json
	# All that root has written: it is not ours to write again.
	rm -f "${log%.json}".*
	"$@" meson test -C "$dir" --no-rebuild --print-errorlogs \
		--num-processes 2 "${args[@]}" || status=$?
	[ -e "$log" ] || {
		fail "no tests ran: ${args[*]}"
		return
	}
	counts=$("$TOP/scripts/count-tests" "$log") || counts="0 0 0"
	# shellcheck disable=SC2086
	set -- $counts
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	if [ "$status" -ne 0 ] && [ "$2" -eq 0 ]; then
		fail "meson test gave $status: ${args[*]}"
	elif [ $(($1 + $2 + $3)) -eq 0 ]; then
		fail "nothing was counted: ${args[*]}"
	fi
}

# Fusion's mounts and files, and the processes that this run has started: they
# carry its mark in their environment.  A zombie has none left: it is gone.
leftovers() (
	mark=CHECK_MARK=$CHECK_MARK
	unset CHECK_MARK
	{
		awk '/ fuse.fusionfs / { print "mount " $5 }' /proc/self/mountinfo
		find /dev/shm -maxdepth 1 -name 'fusion*'
		find "$TMPDIR" -mindepth 1 -maxdepth 1
		if can_be_root; then
			as_root grep -lzxs "$mark" /proc/[0-9]*/environ
		else
			grep -lzxs "$mark" /proc/[0-9]*/environ
		fi | while IFS=/ read -r _ _ pid _; do
			echo "process $pid $(cat "/proc/$pid/comm")"
		done
	} 2>/dev/null | sort
)

# What is here now and was not before; what is ending may take its time.
left_behind() {
	local i left now

	for ((i = 0; i < 100; i++)); do
		# Looked for first: what compares has the mark, too.
		now=$(leftovers)
		left=$(comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$now"))
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	printf '%s\n' "$left"
	return 1
}

# What root's tests have written in the build only root can remove.
remove_build() {
	rm -rf "$BUILD" 2>/dev/null || as_root rm -rf "$BUILD"
}
