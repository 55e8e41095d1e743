#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a file of one user takes to read while another user is a nuisance.

usage: attacked.py [--load LOAD] [--sessions users|each|one] BUILD [ARENAS]

Meanwhile one process opens, reads and closes `state` of an arena that nobody
attacks, 100 times, with 10 ms in between.  LOAD is what the other user does:

  attacks  each of ARENAS (33) has a member that does one harm to it without
           end, and a shell that asks for what that harm makes slow
  looks    the same attacks, and shells that list and read everything
  crowd    256 processes that ask for the same file
  habits   all at once, in 4 arenas: `ls -lR`, 1000 files opened and closed, 16
           threads that write, directories made and removed, members that come
           and go
  listing  one `ls -l` after another of 20,000 fields
  waits    512 threads that all wait for locks that are held, each request of
           which is tried again and again
  deaths   members that harm the tables and are killed, one after another
  none     nothing

As root the two are different users (1001, 1002); otherwise they are the same,
which the server cannot tell apart.

The kernel shares the processors between sessions (autogroup).  --sessions says
who has one: `users` the server, the reader and the other user each, as is usual;
`each` also each shell of the other user, so that each gets as much as the
server; `one` all together, so that the server gets as much as each process, as
it is everywhere where autogroup is off.

The figures: median and longest of the reads, in ms, and those of the same
number of questions to a process that only answers, in the server's place; no
server is faster than that.
"""

import argparse
import ctypes
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ATTACKS = ["wake-all", "hold-as-myself", "flip-locks", "flip-slots",
           "ring-bells", "close-rings", "raise-marks", "announce",
           "hold-life", "scribble", "cut-and-grow"]
ASK = """cd "$1" || exit
while :; do
	cat members/*/held members/*/waiting deadlocks status memory/status
	mkdir reactors/x; rmdir reactors/x
	flock -w 0.1 skirmishes/t0 true
	timeout 0.1 dd if=reactors/t0/stream count=1
done >/dev/null 2>&1
"""
COME_AND_GO = """while :; do echo "enter $2"; echo exit; done | "$1"
"""
LOOK = """cd "$1" || exit
while :; do
	find . -type f ! -name stream ! -name text ! -path "*/calls/*" \
		-exec timeout 20 cat {} +
	ls -lR .
done >/dev/null 2>&1
"""
IS_ROOT = os.geteuid() == 0
OTHER, READER = (1001, 1002) if IS_ROOT else (None, None)
READS = 100


def become(user):
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


class Place:
    """Where processes run, and who ends them."""

    def __init__(self, build, mount, options):
        self.build = build
        self.mount = mount
        self.spread = options.sessions == "each"
        self.started = []
        self.forks = []

    def run(self, argv, spread=False, **more):
        """A process of the other user."""
        own = {"start_new_session": True} if spread else {"process_group": 0}
        p = subprocess.Popen(
            argv, user=OTHER, group=OTHER, extra_groups=[] if OTHER else None,
            env=dict(os.environ, FUSION_MOUNT=self.mount),
            stderr=subprocess.DEVNULL, **own, **more)
        self.started.append(p)
        return p

    def shell(self, script, *args):
        return self.run(["sh", "-c", script, "sh", *args], self.spread,
                        stdout=subprocess.DEVNULL)

    def forked(self, function, *args):
        """The same, as a process that never comes back from a function."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                become(OTHER)
                function(*args)
            finally:
                os._exit(1)
        self.forks.append(pid)

    def member(self, *commands):
        p = self.run([self.build + "/tests/fs/member"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        for c in commands:
            p.stdin.write(c + "\n")
            p.stdin.flush()
            p.stdout.readline()
        return p

    def end(self):
        for p in self.started:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for pid in self.forks:
            os.kill(pid, signal.SIGKILL)  # a child of ours, not waited for yet
            os.waitpid(pid, 0)
        for p in self.started:
            p.wait()


# --- What the other user does -----------------------------------------------


def load_attacks(place, arenas, shell=ASK):
    for i in range(arenas):
        arena = "%s/bad%d" % (place.mount, i)
        place.run(["mkdir", arena]).wait()
        attacker = place.run(
            [place.build + "/tests/hostile/attacker", "bad%d" % i,
             ATTACKS[i % len(ATTACKS)]], stdout=subprocess.PIPE)
        attacker.stdout.readline()
        place.shell(shell, arena)
    return "%d arenas attacked" % arenas


def load_looks(place, arenas):
    return load_attacks(place, arenas, LOOK) + ", all is read"


def stat_for_ever(path):
    while True:
        os.stat(path)


def load_crowd(place, _):
    place.run(["mkdir", place.mount + "/bad"]).wait()
    for _ in range(256):
        place.forked(stat_for_ever, place.mount + "/bad/status")
    return "256 processes ask"


def open_many(arena):
    """Open 1000 files, and close them again."""
    names = [arena + "/" + n for n in ("status", "used", "deadlocks")]
    while True:
        opened = [os.open(names[i % 3], os.O_RDONLY) for i in range(1000)]
        for fd in opened:
            os.close(fd)


def write_much(arena):
    """16 threads that send."""
    def send():
        fd = os.open(arena + "/reactors/r/dispatch", os.O_WRONLY)
        while True:
            try:
                os.write(fd, b"x" * 100)
            except OSError:
                pass
    for _ in range(16):
        threading.Thread(target=send).start()


def remake(arena):
    """Make and remove."""
    name = "%s/reactors/m%d" % (arena, os.getpid())
    while True:
        for change in (os.mkdir, os.rmdir):
            try:
                change(name)
            except OSError:
                pass


def load_habits(place, _):
    for i in range(4):
        arena = "%s/bad%d" % (place.mount, i)
        place.run(["mkdir", arena]).wait()
        place.member("enter bad%d" % i, *["field f%d 8" % n
                                          for n in range(500)])
        place.run(["mkdir", arena + "/reactors/r"]).wait()
        for _ in range(4):
            place.shell('while :; do ls -lR "$1"; done', arena)
        for what in (open_many, write_much, remake):
            place.forked(what, arena)
        place.shell(COME_AND_GO, place.build + "/tests/fs/member", "bad%d" % i)
    return "habits of 4 arenas"


def load_listing(place, _):
    place.run(["mkdir", place.mount + "/big"]).wait()
    place.member("enter big", *["field f%d 8" % n for n in range(20000)])
    place.shell('while :; do ls -l "$1"; done', place.mount + "/big/fields")
    return "ls -l of 20,000 fields"


def wait_for_locks(arena):
    """128 threads."""
    def wait(i):
        while True:
            try:
                os.mkdir("%s/reactors/%d.%d" % (arena, os.getpid(), i))
            except OSError:
                pass
    for i in range(128):
        threading.Thread(target=wait, args=[i]).start()


def load_waits(place, _):
    for i in range(4):
        arena = "%s/bad%d" % (place.mount, i)
        place.run(["mkdir", arena]).wait()
        attacker = place.run(
            [place.build + "/tests/hostile/attacker", "bad%d" % i,
             "hold-as-myself"], stdout=subprocess.PIPE)
        attacker.stdout.readline()
        place.forked(wait_for_locks, arena)
    return "512 threads wait"


DIE = """while :; do timeout -s KILL 0.05 "$1" "$2" "$3"; done"""


def load_deaths(place, _):
    for i in range(6):
        place.run(["mkdir", "%s/bad%d" % (place.mount, i)]).wait()
        # One stays, or the arena would begin anew each time.
        place.member("enter bad%d" % i)
        for _ in range(2):
            place.shell(DIE, place.build + "/tests/hostile/attacker",
                        "bad%d" % i, ["raise-marks", "announce"][i % 2])
    return "deaths in 6 arenas"


def load_none(_place, _):
    return "nothing else"


LOADS = {"attacks": load_attacks, "looks": load_looks, "crowd": load_crowd,
         "habits": load_habits,
         "listing": load_listing, "waits": load_waits, "deaths": load_deaths,
         "none": load_none}


# --- What is measured -------------------------------------------------------


def alone(user, function, session=True):
    """Run it as this user, in a session of its own: an open file of what it
    prints, and the process."""
    from_child, to_us = os.pipe()
    pid = os.fork()
    if pid == 0:
        # Ours ends with us, whatever ends us.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if session:
            os.setsid()
        os.close(from_child)
        become(user)
        try:
            with os.fdopen(to_us, "w") as out:
                function(out)
        finally:
            os._exit(0)
    os.close(to_us)
    return os.fdopen(from_child), pid


def run_alone(user, function, session=True):
    out, pid = alone(user, function, session)
    with out:
        text = out.read()
    os.waitpid(pid, 0)
    return text


def measure(function):
    times = []
    for _ in range(READS):
        start = time.monotonic()
        function()
        times.append((time.monotonic() - start) * 1000)
        time.sleep(0.01)
    return times


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def requests_of_a_read(mount):
    count = mount + "/.fusionfs/requests"
    for _ in range(3):
        before = int(read_file(count))
        between = int(read_file(count)) - before
        read_file(mount + "/good/state")
        # The last look is one more look, and we look at what it was before.
        both = int(read_file(count)) - before - between
    return both - between


def answering(niceness, session):
    """A process in the server's place that only answers."""
    question, ask = os.pipe()
    answer, reply = os.pipe()

    def serve(_):
        os.close(ask)
        os.close(answer)
        if IS_ROOT:
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
        while os.read(question, 1):
            os.write(reply, b"x")
    alone(None, serve, session)
    os.close(question)
    os.close(reply)

    def round_trip():
        os.write(ask, b"x")
        os.read(answer, 1)
    return round_trip


def report(what, times):
    print("%s: median %.1f ms, longest %.1f ms" %
          (what, statistics.median(times), max(times)), flush=True)


def compare(mount, daemon, what, requests, session):
    round_trip = answering(os.getpriority(os.PRIO_PROCESS, daemon.pid), session)

    def reads(out):
        times = measure(lambda: read_file(mount + "/good/state"))
        out.write(" ".join(map(str, times)))

    def questions(out):
        times = measure(lambda: [round_trip() for _ in range(requests)])
        out.write(" ".join(map(str, times)))
    report(what, list(map(float, run_alone(READER, reads, session).split())))
    report("  %d questions to a process that only answers" % requests,
           list(map(float, run_alone(READER, questions, session).split())))


def begin(build, mount, backing, arenas, session):
    options = "backing=" + backing
    if IS_ROOT:
        options += ",allow_other,user_arenas=%d,user_span=1T" % (arenas + 9)
    daemon = subprocess.Popen([build + "/fusionfs/fusionfs", "-f", "-o",
                               options, mount], start_new_session=session)
    while not os.path.ismount(mount):
        time.sleep(0.01)
    run_alone(READER, lambda _: os.mkdir(mount + "/good"))
    return daemon


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--load", choices=LOADS, default="attacks")
    p.add_argument("--sessions", choices=["users", "each", "one"],
                   default="users")
    p.add_argument("build", type=os.path.abspath)
    p.add_argument("arenas", type=int, nargs="?", default=33)
    return p.parse_args()


def main():
    # Whatever ends this, ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    mount = tempfile.mkdtemp()
    os.chmod(mount, 0o755)
    backing = tempfile.mkdtemp(prefix="fusion-attacked.", dir="/dev/shm")
    session = options.sessions != "one"
    place = Place(options.build, mount, options)
    daemon = begin(options.build, mount, backing, options.arenas, session)
    try:
        requests = requests_of_a_read(mount)
        what = LOADS[options.load](place, options.arenas)
        compare(mount, daemon, what, requests, session)
        if daemon.poll() is not None:
            sys.exit("the daemon has ended")
    finally:
        place.end()
        daemon.terminate()
        daemon.wait()
        if os.path.ismount(mount):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(backing, ignore_errors=True)
        os.rmdir(mount)


if __name__ == "__main__":
    main()
