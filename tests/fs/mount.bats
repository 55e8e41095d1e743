#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Mounting, in every form, and unmounting.

load helpers

setup() {
	new_world
}

teardown() {
	end_world
}

# The command fails with one line on stderr that has all of the words given.
one_line_about() {
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run --separate-stderr "$@"
	echo "$* gave $status: $stderr"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	for word in "${words[@]}"; do
		[[ $stderr == *"$word"* ]]
	done
	not is_mounted
}

# For tests that mount beside what others see.
need_namespace() {
	need_root
	unshare -m true 2>/dev/null ||
		skip "no mounts of its own, as in a chroot whose / is no mount"
}

# A private place for commands that look in /sbin: mount(8) finds fusionfs in
# the PATH that mount.fuse3 sets.
mount_by() {
	unshare -m sh -c '
		mkdir -p "$3/bin" && cp "$1" "$3/bin/fusionfs" &&
		for d in /usr/local/sbin /usr/local/bin; do
			mount --bind "$3/bin" "$d" 2>/dev/null
		done
		shift 3
		"$@"' sh "$FUSIONFS" "$MNT" "$BATS_TEST_TMPDIR" "$@"
}

@test "mount: the daemon is there when the command returns" {
	mount_world
	is_mounted
	[ -f "$MNT/.fusionfs/version" ]
	kill -0 "$(daemon_pid)"
	[ "$(readlink "/proc/$(daemon_pid)/cwd")" = / ]
}

@test "mount: the filesystem is of type fuse.fusionfs, nosuid and nodev" {
	mount_world
	[ "$(findmnt -n -o FSTYPE "$MNT")" = fuse.fusionfs ]
	[ "$(findmnt -n -o SOURCE "$MNT")" = fusionfs ]
	[[ $(findmnt -n -o OPTIONS "$MNT") == *nosuid* ]]
	[[ $(findmnt -n -o OPTIONS "$MNT") == *nodev* ]]
	[[ $(findmnt -n -o OPTIONS "$MNT") == *default_permissions* ]]
}

@test "mount: a source before the mountpoint is ignored" {
	"$FUSIONFS" none "$MNT" -o "rw,dev,suid,backing=$BACKING" 3>&-
	is_mounted
}

@test "mount: a relative mountpoint works" {
	cd "$(dirname "$MNT")"
	"$FUSIONFS" -o "backing=$BACKING" "$(basename "$MNT")" 3>&-
	is_mounted
	mkdir "$MNT/a"
	[ -d "$MNT/a" ]
}

@test "mount: -f stays in the foreground and ends cleanly with SIGTERM" {
	"$FUSIONFS" -f -o "backing=$BACKING" "$MNT" 3>&- &
	pid=$!
	wait_for is_mounted
	[ "$(daemon_pid)" -eq $pid ]
	mkdir "$MNT/a"
	kill "$pid"
	wait "$pid"
	not is_mounted
	[ -z "$(ls -A "$BACKING")" ]
}

@test "mount: -d prints requests" {
	"$FUSIONFS" -d -o "backing=$BACKING" "$MNT" \
		2>"$BATS_TEST_TMPDIR/log" 3>&- &
	wait_for is_mounted
	ls "$MNT"
	wait_for has_line "$BATS_TEST_TMPDIR/log" LOOKUP\\\|READDIR
	umount "$MNT"
	wait $!
}

@test "mount: --help and --version answer and end well" {
	run "$FUSIONFS" --help
	[ "$status" -eq 0 ]
	for word in Usage allow_other size= span= backing= max_members=; do
		[[ $output == *"$word"* ]]
	done
	run "$FUSIONFS" --version
	[ "$status" -eq 0 ]
	[[ $output == *fusionfs*[0-9].[0-9]* ]]
	not is_mounted
}

@test "mount: a bad option is one clear line" {
	one_line_about nonsense -- "$FUSIONFS" -o nonsense "$MNT"
	# A good option after it makes it no better.
	one_line_about nonsense -- "$FUSIONFS" -o "nonsense,backing=$BACKING" \
		"$MNT"
	one_line_about span -- "$FUSIONFS" -o span=5M -o "backing=$BACKING" \
		"$MNT"
	one_line_about span -- "$FUSIONFS" -o span=5M "$MNT"
	one_line_about span -- "$FUSIONFS" -o span=3G "$MNT"
	one_line_about size -- "$FUSIONFS" -o size=lots "$MNT"
	one_line_about size -- "$FUSIONFS" -o size= "$MNT"
	one_line_about size least -- "$FUSIONFS" -o size=100K "$MNT"
	one_line_about max_members -- "$FUSIONFS" -o max_members=0 "$MNT"
	one_line_about max_members -- "$FUSIONFS" -o max_members=9999999 "$MNT"
	one_line_about backing -- "$FUSIONFS" -o backing "$MNT"
	one_line_about -- "$FUSIONFS" --nonsense "$MNT"
	one_line_about -- "$FUSIONFS" -o
}

@test "mount: options that mount(8) knows are taken" {
	"$FUSIONFS" -o "rw,relatime,nodiratime,sync,noexec,x-a.b=c,backing=$BACKING" \
		"$MNT" 3>&-
	is_mounted
	[[ $(findmnt -n -o OPTIONS "$MNT") == *noexec* ]]
}

@test "mount: read only, nothing is made" {
	"$FUSIONFS" -o "ro,backing=$BACKING" "$MNT" 3>&-
	fails_with "Read-only" mkdir "$MNT/a"
}

@test "mount: no mountpoint, a missing one, a file: one clear line" {
	one_line_about mountpoint -- "$FUSIONFS"
	cd "$MNT" || return # which no name is not
	one_line_about mountpoint -- "$FUSIONFS" ""
	cd "$BATS_TEST_TMPDIR" || return
	one_line_about "$MNT/no" "No such file" -- \
		"$FUSIONFS" -o "backing=$BACKING" "$MNT/no"
	touch "$BATS_TEST_TMPDIR/file"
	one_line_about file "irectory" -- \
		"$FUSIONFS" -o "backing=$BACKING" "$BATS_TEST_TMPDIR/file"
	one_line_about -- "$FUSIONFS" "$MNT" "$MNT" "$MNT"
	[ -z "$(ls -A "$BACKING")" ]
}

@test "mount: a directory with something in it is not hidden unasked" {
	touch "$MNT/file"
	one_line_about "$MNT" nonempty -- \
		"$FUSIONFS" -o "backing=$BACKING" "$MNT"
	not is_mounted
	[ -z "$(ls -A "$BACKING")" ]
	mount_world -o nonempty
	is_mounted
	is_absent "$MNT/file"
	unmount_world
	rm "$MNT/file"
}

@test "mount: a second mount on the same place is refused" {
	mount_world
	other=$(mktemp -d /dev/shm/fusion-test.XXXXXX)
	run --separate-stderr "$FUSIONFS" -o "backing=$other" "$MNT"
	rm -rf "$other"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$MNT"*mounted* ]]
	[ "$(grep -c " $MNT fuse" /proc/self/mounts)" -eq 1 ]
	[ -f "$MNT/.fusionfs/version" ]
}

@test "mount: a backing directory in use is refused, by whom is said" {
	mount_world
	other=$(mktemp -d "$BATS_TEST_TMPDIR/other.XXXXXX")
	run --separate-stderr "$FUSIONFS" -o "backing=$BACKING" "$other"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$BACKING"*"$(daemon_pid)"* ]]
	not is_mounted "$other"
}

@test "mount: the backing directory must be on a tmpfs" {
	one_line_about /proc tmpfs -- "$FUSIONFS" -o backing=/proc "$MNT"
}

@test "mount: the backing directory must be ours alone" {
	chmod 0777 "$BACKING"
	one_line_about "$BACKING" -- "$FUSIONFS" -o "backing=$BACKING" "$MNT"
	chmod 0711 "$BACKING"
	ln -s "$BACKING" "$BACKING.link"
	run --separate-stderr "$FUSIONFS" -o "backing=$BACKING.link" "$MNT"
	rm "$BACKING.link"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "mount: somebody else's backing directory is refused" {
	need_root
	chown 1 "$BACKING"
	one_line_about "$BACKING" -- "$FUSIONFS" -o "backing=$BACKING" "$MNT"
}

@test "mount: a backing directory that is not there is made, and removed" {
	rmdir "$BACKING"
	mount_world
	[ "$(stat -c %a "$BACKING")" = 700 ]
	unmount_world
	[ ! -e "$BACKING" ]
	mkdir "$BACKING"
}

@test "mount: without backing= the place follows from the mountpoint" {
	"$FUSIONFS" "$MNT" 3>&-
	mkdir "$MNT/a"
	place=$(value_of "$MNT/.fusionfs/options" backing)
	[[ $place == "/dev/shm/fusionfs.$(id -u)."* ]]
	[ "$(stat -c %a "$place")" = 700 ]
	[ -d "$place/a" ]
	unmount_world
	[ ! -e "$place" ]
}

# Any user can make a file in /dev/shm; the next daemon finds the place again.
@test "mount: a place that somebody else has taken is no obstacle" {
	need_root
	"$FUSIONFS" "$MNT" 3>&-
	taken=$(value_of "$MNT/.fusionfs/options" backing)
	unmount_world
	for what in "touch" "mkdir" "ln -s /etc"; do
		wait_for is_absent "$taken"
		as_user 1001 "" $what "$taken"
		"$FUSIONFS" "$MNT" 3>&-
		place=$(value_of "$MNT/.fusionfs/options" backing)
		[[ $place == "$taken:"?????? ]]
		mkdir "$MNT/a"
		kill_daemon
		"$FUSIONFS" "$MNT" 3>&-
		[ "$(value_of "$MNT/.fusionfs/options" backing)" = "$place" ]
		[ -d "$MNT/a" ]
		unmount_world
		wait_for is_absent "$place"
		rm -r "$taken"
	done
}

@test "mount: a full tmpfs is one clear line" {
	need_root
	mkdir "$BACKING/full"
	mount -t tmpfs -o size=16k,mode=0711 full "$BACKING/full"
	dd if=/dev/zero of="$BACKING/full/x" bs=4k count=100 2>/dev/null || :
	run --separate-stderr "$FUSIONFS" -o "backing=$BACKING/full" "$MNT"
	umount "$BACKING/full"
	echo "$stderr"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$BACKING/full"* ]]
}

@test "mount: an arena for which the tmpfs has no room is ENOSPC" {
	need_root
	mkdir "$BACKING/small"
	mount -t tmpfs -o size=64k,mode=0711 small "$BACKING/small"
	"$FUSIONFS" -o "backing=$BACKING/small" "$MNT" 3>&-
	fails_with "No space left" mkdir "$MNT/a"
	[ -z "$(ls "$MNT")" ]
	unmount_world
	umount "$BACKING/small"
}

@test "mount: a missing /dev/fuse is one clear line" {
	need_namespace
	run --separate-stderr unshare -m sh -c '
		mkdir "$3/dev" && mount -t tmpfs none "$3/dev" &&
		mkdir "$3/dev/shm" && mount --bind /dev/shm "$3/dev/shm" &&
		touch "$3/dev/null" && mount --bind /dev/null "$3/dev/null" &&
		mount --move "$3/dev" /dev &&
		exec "$1" -o "backing=$2" "$4"' \
		sh "$FUSIONFS" "$BACKING" "$BATS_TEST_TMPDIR" "$MNT"
	echo "$stderr"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"/dev/fuse"* ]]
	[ -z "$(ls -A "$BACKING")" ]
}

@test "mount: mount -t fuse and -t fuse.fusionfs, with and without source" {
	need_namespace
	[ -x /sbin/mount.fuse3 ] || [ -x /sbin/mount.fuse ] ||
		skip "no mount.fuse"
	mount_by sh -c '
		set -e
		mnt=$1 backing=$2
		each() {
			"$@"
			test -f "$mnt/.fusionfs/version"
			mkdir "$mnt/a"
			umount "$mnt"
			while test -e "$backing/.lock"; do :; done
		}
		each mount -t fuse fusionfs "$mnt" -o "backing=$backing"
		each mount -t fuse "fusionfs#none" "$mnt" \
			-o "backing=$backing,allow_other"
		each mount -t fuse.fusionfs none "$mnt" -o "backing=$backing"
	' sh "$MNT" "$BACKING"
}

@test "mount: both fstab forms" {
	need_namespace
	[ -x /sbin/mount.fuse3 ] || [ -x /sbin/mount.fuse ] ||
		skip "no mount.fuse"
	mount_by sh -c '
		set -e
		mnt=$1 backing=$2 fstab=$3
		mount --bind "$fstab" /etc/fstab
		for line in \
			"fusionfs $mnt fuse allow_other,size=64M,backing=$backing 0 0" \
			"none $mnt fuse.fusionfs defaults,allow_other,noauto,size=64M,backing=$backing 0 0"
		do
			echo "$line" >"$fstab"
			mount "$mnt"
			mkdir "$mnt/a"
			test "$(cat "$mnt/a/limit")" = 67108864
			umount "$mnt"
			while test -e "$backing/.lock"; do :; done
		done
	' sh "$MNT" "$BACKING" "$(mktemp "$BATS_TEST_TMPDIR/fstab.XXXXXX")"
}

@test "mount: options become an arena's" {
	mount_world -o size=32M,span=64M,max_members=100
	mkdir "$MNT/a"
	file_is "$MNT/a/limit" 33554432
	file_is "$MNT/a/span" 67108864
	has_line "$MNT/.fusionfs/options" max_members.*100
}

@test "umount: nothing stays in the backing directory" {
	mount_world
	mkdir "$MNT/a" "$MNT/b"
	[ -d "$BACKING/a" ]
	unmount_world
	[ -z "$(ls -A "$BACKING")" ]
}

@test "umount: mounting again at once works" {
	for n in 1 2 3 4 5; do
		mount_world
		mkdir "$MNT/a"
		umount "$MNT"
	done
	mount_world
}

@test "mount: a mountpoint with a blank in its name" {
	mkdir "$BATS_TEST_TMPDIR/a b"
	"$FUSIONFS" -o "backing=$BACKING" "$BATS_TEST_TMPDIR/a b" 3>&-
	run --separate-stderr "$FUSIONFS" "$BATS_TEST_TMPDIR/a b"
	[[ $stderr == *mounted* ]]
	kill -9 "$(cat "$BATS_TEST_TMPDIR/a b/.fusionfs/pid")"
	wait_for fails_with "not connected" ls "$BATS_TEST_TMPDIR/a b"
	cd "$BATS_TEST_TMPDIR"
	"$FUSIONFS" -o "backing=$BACKING" "a b/" 3>&-
	[ -f "a b/.fusionfs/pid" ]
	cd /
	umount "$BATS_TEST_TMPDIR/a b"
}

@test "umount: SIGINT and SIGHUP unmount, too" {
	for signal in INT HUP; do
		mount_world
		mkdir "$MNT/a"
		pid=$(daemon_pid)
		kill -$signal "$pid"
		wait_for is_gone "$pid"
		not is_mounted
		[ -z "$(ls -A "$BACKING")" ]
	done
}

@test "umount: other files in the backing directory are left alone" {
	echo mine >"$BACKING/mine"
	mkdir "$BACKING/directory"
	ln -s /etc/passwd "$BACKING/link"
	mount_world
	mkdir "$MNT/a"
	[ "$(cat "$BACKING/mine")" = mine ]
	fails_with "File exists" mkdir "$MNT/mine"
	unmount_world
	[ "$(ls -A "$BACKING" | tr '\n' ' ')" = "directory link mine " ]
	[ "$(cat "$BACKING/mine")" = mine ]
}

@test "mount: a killed daemon's mount is cleaned away by the next" {
	mount_world
	mkdir "$MNT/a"
	kill_daemon
	fails_with "not connected" ls "$MNT"
	mount_world
	[ "$(grep -c " $MNT fuse" /proc/self/mounts)" -eq 1 ]
	[ -f "$MNT/.fusionfs/version" ]
}

@test "mount: what fusermount3 refuses is one clear line" {
	need_root
	command -v fusermount3 >/dev/null || skip "no fusermount3"
	[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not setuid"
	old=$(stat -c %a /dev/fuse)
	[ "$old" = 666 ] || chmod 0666 /dev/fuse
	chown 65534 "$BACKING"
	chmod 0711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || :
	run --separate-stderr as_user 65534 "" \
		"$FUSIONFS" -o "backing=$BACKING" "$MNT" 3>&-
	chmod "$old" /dev/fuse
	chown root "$BACKING"
	echo "$stderr"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"cannot mount on $MNT"*"no write access"* ]]
	not is_mounted
}

@test "mount: a user mounts with fusermount3" {
	need_root
	command -v fusermount3 >/dev/null || skip "no fusermount3"
	[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not setuid"
	old=$(stat -c %a /dev/fuse)
	[ "$old" = 666 ] || chmod 0666 /dev/fuse
	chown 65534 "$MNT" "$BACKING"
	chmod 0711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || :
	run as_user 65534 "" sh -c '
		set -e
		"$1" -o "backing=$2" "$3"
		mkdir "$3/a"
		cat "$3/a/state"
		stat -c %u "$3/a"' \
		sh "$FUSIONFS" "$BACKING" "$MNT" 3>&-
	# It wants an /etc/mtab, which a bare chroot does not have.
	if [ -e /etc/mtab ]; then
		as_user 65534 "" fusermount3 -u "$MNT" || status=1
	else
		umount "$MNT" || status=1
	fi
	chmod "$old" /dev/fuse
	chown root "$BACKING"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = empty ]
	[ "${lines[1]}" = 65534 ]
	wait_for is_absent "$BACKING/.lock"
	[ -z "$(ls -A "$BACKING")" ]
}

@test "mount: a limit on the size of files ends no daemon" {
	local pid

	# shellcheck disable=SC2016  # another shell expands it
	bash -c 'ulimit -f 64 && exec "$0" -o "backing=$1" "$2"' \
		"$FUSIONFS" "$BACKING" "$MNT" 3>&- 4>&-
	pid=$(daemon_pid)
	fails_with "File too large" mkdir "$MNT/a"
	[ "$(daemon_pid)" = "$pid" ]
}
