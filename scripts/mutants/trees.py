# SPDX-License-Identifier: GPL-2.0-or-later
"""Where mutants are built and run.

Every worker has a copy of the sources with a build directory in it.  All
workers see their copy at the same path: each command runs in a mount namespace
of its own in which that path is the worker's copy.  So one build is copied, and
not made again for each worker.  What a mutant may do stays inside: a pid
namespace that ends with the command, a tmpfs on /dev/shm and one on /tmp.
While a test runs, the root file system is read-only but for the copy; other file
systems that are mounted stay writable.
"""
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

# $1 the copy, $2 where it is seen.
ENTER = '''mount --bind "$1" "$2" && cd "$2" || exit 99
shift 2
'''
# The copy may lie below /tmp, which becomes another: /mnt keeps it meanwhile.
# The last mount is read-only in this namespace, and in nobody else's.
SHUT = '''mount --bind "$1" /mnt &&
	mount -t tmpfs -o size=4g,mode=1777 none /dev/shm &&
	mount -t tmpfs -o size=1g,mode=1777 none /tmp &&
	mkdir -p "$2" && mount --move /mnt "$2" && cd "$2" &&
	mount -o remount,bind,ro / || exit 99
shift 2
'''


class Ended(Exception):
    """A command that must succeed has failed: its output is the text."""


def files_of(top):
    """What git knows or would take; all files where there is no git."""
    # (Root looks at a tree that is somebody else's.)
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", top,
                           "ls-files", "-z", "-co", "--exclude-standard"],
                          capture_output=True)
    if done.returncode:
        return [str(p.relative_to(top)) for p in Path(top).rglob("*")
                if p.is_file()]
    return [name for name in done.stdout.decode().split("\0") if name]


class Tree:
    """The copy that worker @name has, seen at @work/tree."""

    def __init__(self, work, name):
        self.work, self.name = Path(work), name
        self.copy = self.work / name
        self.seen = self.work / "tree"
        for path in (self.copy, self.seen):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def build(self):
        return self.seen / "build"

    @property
    def build_copy(self):
        return self.copy / "build"

    def sync(self, top, names):
        """Copy what differs from the tree at @top, and remove what is gone
        there."""
        wanted = set()
        for name in names:
            source, there = Path(top) / name, self.copy / name
            if not source.is_file():
                continue
            wanted.add(name)
            text = source.read_bytes()
            if there.is_symlink() or not there.is_file() or \
                    there.read_bytes() != text:
                there.parent.mkdir(parents=True, exist_ok=True)
                there.unlink(missing_ok=True)
                if source.is_symlink():
                    there.symlink_to(os.readlink(source))
                    continue
                there.write_bytes(text)
            if not there.is_symlink():
                there.chmod(source.stat().st_mode & 0o777 | 0o644)
        listed = self.copy / ".files"
        if listed.is_file():
            for name in set(listed.read_text().split("\n")) - wanted - {""}:
                (self.copy / name).unlink(missing_ok=True)
        listed.write_text("\n".join(sorted(wanted)))

    def like(self, other):
        """Become a copy of another worker's tree, build directory and all."""
        shutil.rmtree(self.copy, ignore_errors=True)
        subprocess.run(["cp", "-a", other.copy, self.copy], check=True)

    def inside(self, command, shut=False):
        script = (SHUT if shut else ENTER) + '"$@"; exit $?'
        # What runs ends with us, however we end.
        spaces = ["setpriv", "--pdeathsig", "KILL",
                  "unshare", "--mount", "--propagation", "private"]
        if shut:
            spaces += ["--pid", "--fork", "--kill-child", "--mount-proc"]
        return [*spaces, "sh", "-c", script, "sh", self.copy, self.seen,
                *command]

    def run(self, command, **more):
        return subprocess.run(self.inside(command), text=True, errors="replace",
                              stdin=subprocess.DEVNULL, capture_output=True,
                              **more)

    def must(self, command, **more):
        done = self.run(command, **more)
        if done.returncode:
            raise Ended(f"{' '.join(map(str, command))}: "
                        f"{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def configure(self, options, env=None):
        if not (self.build_copy / "build.ninja").exists():
            self.must(["meson", "setup", *options, "build"],
                      env={**os.environ, **(env or {})})

    def ninja(self, targets, check=True, jobs=1):
        """Build; the output on failure, or None."""
        done = self.run(["ninja", "-C", "build", f"-j{jobs}", *targets])
        if done.returncode and check:
            raise Ended((done.stdout + done.stderr)[-3000:])
        return (done.stdout + done.stderr) if done.returncode else None

    def objects(self, paths):
        """path: (target, its code) of each source: that of the product, where
        tests compile it once more."""
        found = {}
        for entry in json.loads((self.build_copy / "compile_commands.json")
                                .read_text()):
            path = os.path.normpath(f"build/{entry['file']}")
            if path in paths and entry["output"].startswith(
                    ("libfusion/", "fusionfs/")):
                found.setdefault(path, entry["output"])
        return {path: (output, (self.build_copy / output).read_bytes())
                for path, output in found.items()}

    def test(self, command, env, bound, log):
        """Run a test for at most @bound seconds: its status, or None, and the
        seconds it took."""
        inner = self.inside(command, shut=True)
        begun = time.monotonic()
        with open(log, "wb") as out:
            process = subprocess.Popen(
                inner, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
                env={**os.environ, "TMPDIR": "/tmp", **env})
            try:
                status = process.wait(bound)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                # With unshare goes the first process of the pid namespace,
                # and with that one all others.
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return status, time.monotonic() - begun
