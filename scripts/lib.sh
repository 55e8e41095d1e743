# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts share: messages, becoming root, mounting, installing packages.

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

step() {
	printf '\n== %s\n' "$*"
}

# Show a line in the place of the last one, "" for none; on a terminal only.
show_progress() {
	[ ! -t 1 ] || printf '\r\033[K%.76s' "$1"
}

# Show the lines of standard input, each in the place of the last one.
progress() {
	local line

	while IFS= read -r line; do
		show_progress "$line"
	done
	show_progress ""
}

# Run as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo -n true 2>/dev/null || sudo true ||
			die "cannot become root to run $1: ask for sudo rights"
		sudo "$@"
	else
		die "needs root to run $1: run as root, or install sudo"
	fi
}

# Can we run a command as root?
can_become_root() {
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1
}

# mount_fusion FUSIONFS DIRECTORY: mount as the user that we are; or as root and
# for all users, where only root may open /dev/fuse.
mount_fusion() {
	if [ "$(id -u)" -eq 0 ] || [ -w /dev/fuse ]; then
		"$1" "$2"
	elif can_become_root; then
		as_root "$1" "$2" -o allow_other
	else
		die "cannot open /dev/fuse: run as root, or 'chmod 666 /dev/fuse' as root"
	fi
}

# Unmount.  That takes root where root has mounted, and where there is no
# /etc/mtab, as in a bare chroot.
unmount_fusion() {
	if [ "$(id -u)" -eq 0 ] || ! fusermount3 -u "$1" 2>/dev/null; then
		as_root umount "$1"
	fi
}

packages_of() {
	awk -v want="$1" '$1 == want { for (i = 2; i <= NF; i++) print $i }' \
		"$TOP/scripts/packages"
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Is every package of this section there?
all_installed() {
	local package

	while read -r package; do
		is_installed "$package" || return 1
	done < <(packages_of "$1")
}

# apt_get SUBCOMMAND...: run apt-get as root; a terminal sees how far it is.  On
# failure the last lines of its output are shown.
apt_get() {
	local log status

	log=$(mktemp) || return 1
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" 2>&1 |
		tee "$log" | progress
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || tail -n 5 "$log" >&2
	rm -f "$log"
	return "$status"
}

# Install what is missing of these sections of scripts/packages.
install_packages() {
	local section package missing=()

	command -v dpkg-query >/dev/null 2>&1 ||
		die "this is not Debian: install the packages of scripts/packages yourself"
	for section in "$@"; do
		while read -r package; do
			is_installed "$package" || missing+=("$package")
		done < <(packages_of "$section")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	can_become_root ||
		die "missing packages: as root, run: apt-get install --no-install-recommends ${missing[*]}"
	step "installing ${missing[*]}"
	as_root true
	apt_get update || die "apt-get update failed: is the network there?"
	apt_get install -o DPkg::Lock::Timeout=300 --no-install-recommends \
		"${missing[@]}" || die "cannot install ${missing[*]}"
}
