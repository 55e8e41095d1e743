#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What stat(2) says of the tree, and what cannot be changed there.

load helpers

setup() {
	new_world
	mount_world
	mkdir "$MNT/a" "$MNT/a/reactors/r"
	: >"$MNT/a/skirmishes/s"
	: >"$MNT/a/properties/p"
	A=$MNT/a
}

teardown() {
	end_world
}

# Python, for what the shell has no command for, in the arena's directory.
python() {
	command -v python3 >/dev/null || skip "needs python3"
	(cd "$A" && python3 -c "$1")
}

@test "attributes: no time is 1970, all are stable" {
	now=$(date +%s)
	find "$MNT" -printf '%T@ %C@ %A@ %p\n' >"$BATS_TEST_TMPDIR/times"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/times")" -gt 30 ]
	while read -r m c a name; do
		for t in "$m" "$c" "$a"; do
			[ "${t%.*}" -ge $((now - 600)) ] || {
				echo "$name: $t"
				return 1
			}
		done
	done <"$BATS_TEST_TMPDIR/times"
	wait_for is_later "$(date +%s%N)"
	find "$MNT" -printf '%T@ %C@ %A@ %p\n' |
		diff "$BATS_TEST_TMPDIR/times" -
}

# The clock has gone on since.
is_later() {
	[ "$(date +%s%N)" -gt $(($1 + 10000000)) ]
}

@test "attributes: the directories of the server have the time of its start" {
	for file in "$MNT/.fusionfs" "$MNT/.fusionfs/version"; do
		age=$(($(date +%s) - $(stat -c %Y "$file")))
		[ "$age" -ge 0 ]
		[ "$age" -le $(($(cut -d. -f1 "$MNT/.fusionfs/uptime") + 2)) ]
	done
}

@test "attributes: directories count no links, so find looks everywhere" {
	[ -z "$(find "$MNT" -not -links 1)" ]
	[ "$(find "$MNT" | wc -l)" -eq "$(find "$MNT" -noleaf | wc -l)" ]
}

@test "attributes: inode numbers are unique, and those of stat(2) everywhere" {
	python '
import os
seen = {}
for dir, subdirs, files in os.walk(os.path.dirname(os.getcwd())):
    names = {e.name: e.inode() for e in os.scandir(dir)}
    for name, inode in names.items():
        path = os.path.join(dir, name)
        assert os.lstat(path).st_ino == inode, path
        assert seen.setdefault(inode, path) == path, (path, seen[inode])
assert len(seen) > 30
'
	find "$MNT" -mindepth 1 -type d -printf '%i %p\n' |
		while read -r inode dir; do
			# shellcheck disable=SC2012  # what the directory says
			[ "$(ls -ai1 "$dir" | awk '$2 == "." { print $1 }')" = \
				"$inode" ]
			# shellcheck disable=SC2012
			[ "$(ls -ai1 "$dir" | awk '$2 == ".." { print $1 }')" = \
				"$(stat -c %i "$dir/..")" ]
		done
	[ "$(find "$MNT" -inum "$(stat -c %i "$A/state")")" = "$A/state" ]
	# No two files are taken for links of one.
	tar -C "$MNT" --exclude heap --exclude stream --exclude text \
		--exclude dispatch -cf - . 2>/dev/null |
		tar -tvf - >"$BATS_TEST_TMPDIR/tar"
	not grep "link to" "$BATS_TEST_TMPDIR/tar"
}

@test "attributes: what cannot be made or moved says why" {
	: >"$BATS_TEST_TMPDIR/file"
	python '
import errno, os
def refused(what, *args):
    try:
        what(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "done"
def opened(name, flags):
    return refused(os.open, name, flags)
def is_(want, got):
    assert got == want, (want, got)
is_("EPERM", refused(os.rename, "state", "x"))
is_("EPERM", refused(os.rename, "../a", "../b"))
is_("EPERM", refused(os.link, "state", "x"))
is_("EPERM", refused(os.symlink, "state", "x"))
is_("EPERM", refused(os.symlink, "a", "../x"))
is_("EPERM", refused(os.mkfifo, "x"))
is_("EPERM", refused(os.mknod, "../x"))
for dir in (".", "..", "fields", "calls", "members", "refs", "../.fusionfs"):
    is_("EPERM", opened(dir + "/x", os.O_CREAT | os.O_WRONLY))
is_(errno.errorcode[errno.EOPNOTSUPP], opened(".", os.O_TMPFILE | os.O_RDWR))
for dir in ("x", "members/x", "skirmishes/x", "../.fusionfs/x"):
    is_("EPERM", refused(os.mkdir, dir))
is_("EPERM", refused(os.rmdir, "skirmishes"))
is_("EPERM", refused(os.rmdir, "../.fusionfs"))
is_("ENOTDIR", refused(os.rmdir, "state"))
is_("ENOENT", refused(os.rmdir, "nothing"))
is_("EPERM", refused(os.unlink, "state"))
is_("EISDIR", refused(os.unlink, "reactors/r"))
is_("ENOENT", refused(os.unlink, "nothing"))
'
}

@test "attributes: what is not kept is refused" {
	python '
import errno, os
def refused(what, *args, **kwargs):
    try:
        what(*args, **kwargs)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "done"
files = ["state", "limit", "skirmishes/s", "reactors/r/dispatch", "events",
         "../.fusionfs/version", "..", "skirmishes", "reactors/r"]
for name in files:
    before = os.stat(name)
    assert refused(os.chmod, name, 0o700) == "EPERM", name
    assert refused(os.chown, name, 1, 1) == "EPERM", name
    assert refused(os.utime, name, (1, 1)) == "EPERM", name
    # A touch asks for nothing that could be kept or not.
    os.utime(name)
    assert refused(os.setxattr, name, "user.x", b"y") == \
        errno.errorcode[errno.EOPNOTSUPP], name
    after = os.stat(name)
    assert (before.st_mode, before.st_uid, before.st_mtime) == \
        (after.st_mode, after.st_uid, after.st_mtime), name
for name in ("limit", "skirmishes/s", "reactors/r/dispatch"):
    os.truncate(name, 0)
    assert refused(os.truncate, name, 9) == "EINVAL", name
for name in ("state", "events", "../.fusionfs/version"):
    for size in (0, 9):
        assert refused(os.truncate, name, size) == "EACCES", name
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        assert refused(os.open, name, flags) == "EACCES", name
# What copies files asks for this, too.
for name in files:
    fd = os.open(name, os.O_WRONLY if "dispatch" in name else os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    assert os.statvfs(name).f_namemax == 63
'
}

@test "attributes: an arena keeps nine bits of its mode, and takes no more" {
	for mode in 0700 0755 0770 0777 0000 0711; do
		chmod "$mode" "$A"
		[ "0$(stat -c %03a "$A")" = "$mode" ]
	done
	for mode in 4755 2755 1755 6777 7777; do
		fails_with "not permitted" chmod "$mode" "$A"
		[ "$(stat -c %a "$A")" = 711 ]
	done
	fails_with "not permitted" chmod u+s "$A"
	fails_with "not permitted" chmod +t "$A"
	# The sticky bit asks for a transient one, at the beginning.
	mkdir -m 1770 "$MNT/t"
}

@test "attributes: df and du have figures" {
	[ "$(df --output=source "$MNT" | tail -n 1)" = fusionfs ]
	[ "$(df --output=size "$MNT" | tail -n 1)" -gt 0 ]
	du -s "$A"
}
