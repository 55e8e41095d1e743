#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The options that mount(8) has for all filesystems, at the mount and later.
# shellcheck disable=SC2016,SC2154  # scripts for sh -c; what run sets

load helpers

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	new_world
}

teardown() {
	end_world
}

# Options of the mount, and of its filesystem.
has_option() {
	[[ ,$(findmnt -n -o OPTIONS "$MNT"), == *,"$1",* ]]
}

mount_with() {
	"$FUSIONFS" -o "backing=$BACKING,$1" "$MNT" 3>&- 4>&-
}

change() {
	"$FUSIONFS" -o "remount,$1" "$MNT"
}

state_of_mount() {
	cat "$MNT/.fusionfs/options"
	grep -F " $MNT " /proc/self/mountinfo
}

# One line says what is wrong, and nothing has changed.
refused() {
	local word=$1 before

	shift
	before=$(state_of_mount)
	run --separate-stderr "$@"
	echo "$* gave $status: $stderr"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$word"* ]]
	[ "$(state_of_mount)" = "$before" ]
}

@test "remount: general options are set, and the last of two holds" {
	local given want

	while read -r given want; do
		mount_with "$given"
		for option in ${want//,/ }; do
			case $option in
			-*) not has_option "${option#-}" ;;
			*) has_option "$option" ;;
			esac
		done
		has_option nosuid
		has_option nodev
		unmount_world
	done <<-EOF
		defaults rw,-noexec,relatime
		ro ro
		ro,rw rw,-ro
		rw,ro ro
		noexec noexec
		noexec,exec -noexec
		user noexec
		users,exec -noexec
		owner,group -noexec
		suid,dev nosuid,nodev
		noatime noatime
		noatime,relatime relatime,-noatime
		nodiratime nodiratime
		strictatime -relatime,-noatime
		sync sync
		sync,async -sync
		dirsync dirsync
		nosymfollow nosymfollow
		x-systemd.automount,X-mount.mkdir,comment=text,_netdev,nofail rw
	EOF
}

@test "remount: under noexec, nosymfollow, sync and noatime all works" {
	mount_with noexec,nosymfollow,sync,dirsync,noatime
	mkdir "$MNT/a" "$MNT/a/reactors/r"
	: >"$MNT/a/skirmishes/s"
	flock "$MNT/a/skirmishes/s" true
	echo hello >"$MNT/a/reactors/r/dispatch"
	echo 1G >"$MNT/a/limit"
	[ "$(cat "$MNT/a/limit")" = 1073741824 ]
	rmdir "$MNT/a/reactors/r" "$MNT/a"
}

@test "remount: read only and back, with arenas inside" {
	mount_world
	mkdir "$MNT/a"
	: >"$MNT/a/skirmishes/s"
	pid=$(daemon_pid)
	change ro
	has_option ro
	fails_with "Read-only" mkdir "$MNT/b"
	fails_with "Read-only" rmdir "$MNT/a"
	fails_with "Read-only" chmod 0700 "$MNT/a"
	fails_with "Read-only" touch "$MNT/a/skirmishes/t"
	fails_with "Read-only" rm "$MNT/a/skirmishes/s"
	fails_with "Read-only" dd if=/dev/null of="$MNT/a/limit" status=none
	[ "$(cat "$MNT/a/state")" = empty ]
	change rw
	mkdir "$MNT/b"
	change noexec,noatime
	has_option noexec
	has_option noatime
	has_option nosuid
	# One mount, of the same server.
	[ "$(grep -c " $MNT fuse" /proc/self/mounts)" -eq 1 ]
	[ "$(daemon_pid)" = "$pid" ]
}

@test "remount: the server gets what it can change" {
	mount_with allow_other,size=32M
	mkdir "$MNT/a"
	change "allow_other,backing=$BACKING,size=64M,span=128M,max_members=50"
	has_line "$MNT/.fusionfs/options" "^size 67108864"
	has_line "$MNT/.fusionfs/options" "^span 134217728"
	has_line "$MNT/.fusionfs/options" "^max_members 50"
	mkdir "$MNT/b"
	file_is "$MNT/a/limit" 33554432
	file_is "$MNT/b/limit" 67108864
	file_is "$MNT/b/span" 134217728
	# What is not named stays, whatever else is changed.
	change ro
	has_line "$MNT/.fusionfs/options" "^size 67108864"
	change rw,size=0
	has_line "$MNT/.fusionfs/options" "^size 0"
	echo size=1M >"$MNT/.fusionfs/options"
	has_line "$MNT/.fusionfs/options" "^size 1048576"
	for text in size=x "size=2M,span=1" allow_other backing=/x ro "" x; do
		fails_with "Invalid" bash -c 'echo "$1" >"$2"' bash "$text" \
			"$MNT/.fusionfs/options"
	done
	has_line "$MNT/.fusionfs/options" "^size 1048576"
	[ "$(stat -c %a "$MNT/.fusionfs/options")" = 644 ]
}

@test "remount: what cannot be changed is refused in one line" {
	refused_there=$(mktemp -d "$BATS_TEST_TMPDIR/x.XXXXXX")
	run --separate-stderr "$FUSIONFS" -o remount,ro "$refused_there"
	[ "$status" -ne 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$refused_there"*"no fusionfs"* ]]
	mount_world
	refused allow_other change allow_other
	refused backing change backing=/dev/shm/other
	refused nonsense change nonsense
	refused size change size=lots
	refused "max_members" change span=16M,max_members=8000
	refused "mounted here already" "$FUSIONFS" -o "backing=$BACKING" "$MNT"
}

@test "remount: by mount(8)" {
	unshare -m true 2>/dev/null ||
		skip "no mounts of its own, as in a chroot whose / is no mount"
	run unshare -m sh -c '
		set -e
		mnt=$2 backing=$3 bin=$4/bin
		mkdir -p "$bin"
		cp "$1" "$bin/fusionfs"
		for d in /usr/local/sbin /usr/local/bin; do
			mount --bind "$bin" "$d" 2>/dev/null || :
		done
		options() { findmnt -n -o OPTIONS "$mnt"; }
		mount -t fuse fusionfs "$mnt" -o "noexec,backing=$backing"
		mount -o remount,ro "$mnt"
		options
		mount -o remount,rw,size=5M "$mnt"
		options
		cat "$mnt/.fusionfs/options"
		mount -o remount,nonsense "$mnt" || echo refused
		grep -c " $mnt fuse" /proc/self/mounts
		pid=$(cat "$mnt/.fusionfs/pid")
		umount "$mnt"
		while kill -0 "$pid" 2>/dev/null; do :; done
	' sh "$FUSIONFS" "$MNT" "$BACKING" "$BATS_TEST_TMPDIR"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == ro,*noexec* ]]
	[[ ${lines[1]} == rw,*noexec* ]]
	[[ $output == *"size 5242880"* ]]
	[[ $output == *"bad option 'nonsense'"*refused* ]]
	[ "${lines[-1]}" = 1 ]
}
