# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts share: complaining, becoming root, installing packages.

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

step() {
	printf '\n== %s\n' "$*"
}

# Run as root: as it is, or through sudo.
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

# mount_fusion FUSIONFS DIRECTORY: as who we are, or as root, for all, where
# /dev/fuse is root's alone.
mount_fusion() {
	if [ "$(id -u)" -eq 0 ] || [ -w /dev/fuse ]; then
		"$1" "$2"
	else
		as_root "$1" "$2" -o allow_other
	fi
}

# It takes root where root has mounted it, and where there is no /etc/mtab, as
# in a bare chroot.
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

# Install what is missing of these sections of scripts/packages.
install_packages() {
	local section package missing=()

	command -v dpkg-query >/dev/null 2>&1 ||
		die "this is no Debian: install the packages of scripts/packages yourself"
	for section in "$@"; do
		while read -r package; do
			is_installed "$package" || missing+=("$package")
		done < <(packages_of "$section")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	step "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
		die "apt-get update failed: is the network there?"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		-o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}" >/dev/null ||
		die "cannot install ${missing[*]}"
}
