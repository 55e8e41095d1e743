#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fusion against its peers, in one interleaved run: a table and JSON.

Each side of a comparison is a worker, a process that works on command
(worker.h).  In every round each worker of a row gets one short slice, in an
order that turns from round to round, and the round gives one ratio.  What is
reported is the median of these ratios with its quartiles: times alone mean
little on a shared machine.  A row without a peer reports its time.

Targets are those of the design.  The exit status says whether the benchmarks
worked, never whether a target was met.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

FIELDS = 100_000

# Rows of one side against others.  Times are ours / peer's, so "20 times as
# fast" is a target of 1/20.  A target of None is only reported.
HEAP = (
    # row           what                              mimalloc  Boost
    ("random",      "random 16..1024, 10k live",      1.15,     1 / 20),
    ("touch",       "random 16..1024, block written", None,     None),
    ("lifo",        "pair of 64 bytes",               1.3,      1 / 20),
    ("batch-lifo",  "1000 of 64 bytes, newest first", 1.4,      1 / 20),
    ("batch-fifo",  "1000 of 64 bytes, oldest first", 1.4,      1 / 20),
    ("large",       "pair of 100 KB",                 None,     None),
    ("realloc",     "realloc 24, 32, 500, 3000",      None,     None),
)
PAIR = (
    ("pair-64",     "freed by another, 64 bytes"),
    ("pair-any",    "freed by another, 16..1024"),
)
# Of locks.  Targets against: a plain mutex, a robust recursive one.
LOCK = (
    # row       what                                    plain    recursive
    ("pair",    "lock, unlock",                         1.0,     None),
    ("nested",  "lock, unlock, held already",           None,    0.2),
    ("tiny-2",  "2 processes, a word",                  1 / 1.5, None),
    ("work-2",  "2 processes, 10 inside, 50 outside",   1 / 1.5, None),
    ("tiny-4",  "4 processes, a word",                  None,    None),
    ("work-4",  "4 processes, 10 inside, 50 outside",   None,    None),
)
# Of references.  Targets against two additions.
REF = (
    ("held",    "up, down, with a count held",          3.0),
    ("zero",    "0, 1, 0: a fall",                      None),
    ("global",  "0, 1, 0 of the global count",          None),
    ("family",  "0, 1, 0 of a reference with an heir",  None),
)
# Of objects, in an arena that has a million.
OBJECT = (
    ("many",   "lookup of an object, among a million"),
    ("absent", "of one that is not there"),
    ("get",    "get and unref"),
    ("make",   "create and destroy"),
)
# Of calls: whether both look for each other, and the peers with the targets of
# latency.  Those that sleep whatever we do are in both.
CALL = (
    ("running", {"raw ping-pong": 1.3, "unix socket": None, "ZeroMQ": None,
                 "sd-bus, direct": 1 / 50, "D-Bus": 1 / 50}),
    ("asleep",  {"futex": 1.15, "eventfd": None, "unix socket": None,
                 "ZeroMQ": None, "sd-bus, direct": 1.0, "D-Bus": 1.0}),
)
RING = (32, 1024, 65536)
LISTENERS = (1, 2, 4, 8, 64)
# Of containers of 100,000; then of hashes of other sizes.
CONTAINER = (
    ("int-hit",      "hash, integer keys: found"),
    ("int-miss",     "not found"),
    ("int-replace",  "replaced"),
    ("int-churn",    "inserted and removed"),
    ("walk",         "walked, each entry"),
    ("string-hit",   "string keys: found"),
    ("string-churn", "inserted and removed, with the key"),
    ("vector-at",    "vector: one of them"),
    ("vector-add",   "grown by one"),
    ("vector-walk",  "vector: walked, each element"),
    ("list-churn",   "list: one more, and the first goes"),
    ("list-walk",    "list: walked, each node"),
)
SIZES = (("100", "100"), ("1000000", "1,000,000"))
SIZED = (
    ("int-hit",      "integer keys: found"),
    ("int-miss",     "not found"),
    ("int-churn",    "inserted and removed"),
    ("walk",         "walked, each entry"),
)
# Of frames: a window of a client's, drawn, composed and seen.
FRAME = (
    ("small",   "a frame of 320x200"),
    ("large",   "a frame of 1280x720"),
)


class Failed(Exception):
    """A worker could not do what it was asked for."""


class Worker:
    """One side: a process that is sent rows and answers with times."""

    def __init__(self, path, *args, env=None):
        self.name = os.path.basename(path)
        self.process = subprocess.Popen(
            [path, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, env={**os.environ, **(env or {})})

    def run(self, row, count=1, arg=""):
        try:
            self.process.stdin.write(f"{row} {count} {arg}\n")
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer or answer.startswith("error"):
            raise Failed(f"{self.name}: {row}: {answer or 'it died'}")
        return float(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    def __init__(self, options):
        self.options = options
        self.rounds = 2 if options.smoke else options.rounds
        self.slice_ns = 0.2e6 if options.smoke else options.slice * 1e6
        self.rows = []
        self.stack = contextlib.ExitStack()

    # --- What the workers need ------------------------------------------

    def worker(self, name, *args, **env):
        w = Worker(os.path.join(self.options.workers, name), *args, env=env)
        self.stack.callback(w.close)
        return w

    def missing(self, peer, package):
        print(f"bench: {package} is not installed: nothing is measured "
              f"against {peer}", file=sys.stderr)

    def directory(self, where=None):
        path = tempfile.mkdtemp(prefix="fusion-bench-", dir=where)
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path

    def mount(self):
        """A fusionfs of our own; returns its mount point."""
        backing = self.directory("/dev/shm")
        mount = self.directory()
        subprocess.run([self.options.fusionfs, "-o", f"backing={backing}",
                        mount], check=True)
        unmount = (["umount", mount] if os.geteuid() == 0
                   else ["fusermount3", "-u", mount])
        self.stack.callback(subprocess.run, unmount, check=False)
        return mount

    def bus(self):
        """A message bus of our own; returns its address."""
        where = self.directory()
        config = os.path.join(where, "bus.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"""<busconfig>
  <listen>unix:path={where}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow eavesdrop="false"/>
  </policy>
</busconfig>
""")
        daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork",
             "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.stack.callback(daemon.stdout.close)
        self.stack.callback(daemon.wait)
        self.stack.callback(daemon.terminate)
        address = daemon.stdout.readline().strip()
        if not address:
            raise Failed("dbus-daemon did not start")
        return address, daemon.pid

    # --- Measuring ------------------------------------------------------

    def count_for(self, worker, row, arg):
        """So many operations that a slice is filled."""
        count = 1
        while True:
            ns = worker.run(row, count, arg)
            if ns * count >= self.slice_ns / 4 or count > 1e9:
                return max(1, int(self.slice_ns / max(ns, 0.1)))
            count *= 4

    def interleave(self, sides, after=lambda at, worker: None):
        """Times of each side, one a round: [(worker, row, arg)] -> lists."""
        counts = [self.count_for(*side) for side in sides]
        times = [[] for _ in sides]
        for r in range(self.rounds):
            for i in range(len(sides)):
                at = (i + r) % len(sides)
                worker, row, arg = sides[at]
                worker.run(row, max(1, counts[at] // 10), arg)
                times[at].append(worker.run(row, counts[at], arg))
                after(at, worker)
        return times

    def add(self, group, what, peer, ours, theirs, target):
        # A short run beside others may have had no turn at all: 0 ns.
        ratios = sorted(a / max(b, 0.01) for a, b in zip(ours, theirs))
        q1, median, q3 = statistics.quantiles(ratios, n=4,
                                              method="inclusive")
        self.report({
            "group": group, "what": what, "peer": peer, "unit": "ns",
            "ours": statistics.median(ours),
            "theirs": statistics.median(theirs),
            "ratio": median, "q1": q1, "q3": q3,
            "min": ratios[0], "max": ratios[-1], "target": target,
            "met": None if target is None else median <= target,
        })

    def add_alone(self, group, what, values, target, unit="ns"):
        value = statistics.fmean(values)
        self.report({
            "group": group, "what": what, "peer": None, "unit": unit,
            "ours": value, "theirs": None, "ratio": None,
            "median": statistics.median(values),
            "min": min(values), "max": max(values), "target": target,
            "met": None if target is None else value <= target,
        })

    def report(self, row):
        if self.options.smoke:
            row["target"] = row["met"] = None
        self.rows.append(row)
        print(line(row), flush=True)

    # --- The groups -----------------------------------------------------

    def heap(self):
        mount = self.mount()
        workers = {
            "fusion": self.worker("heap_fusion", BENCH_ARENA=f"{mount}/heap"),
            "mimalloc": self.worker("heap_mimalloc"),
            "glibc": self.worker("heap_glibc"),
            "boost": self.worker("heap_boost"),
        }
        for row, what, mimalloc, boost in HEAP:
            times = dict(zip(workers, self.interleave(
                [(w, row, "") for w in workers.values()])))
            for peer, most in (("mimalloc", mimalloc), ("glibc", None),
                               ("boost", boost)):
                self.add("heap", what, peer, times["fusion"], times[peer],
                         most)
        del workers["boost"]  # it never gives memory back
        times = dict(zip(workers, self.interleave(
            [(w, "pages", "") for w in workers.values()])))
        for peer in ("mimalloc", "glibc"):
            self.add("heap", "a page of 64 MiB, got, touched, given back",
                     peer, times["fusion"], times[peer], None)

    def pair(self):
        mount = self.mount()
        workers = {
            "fusion": self.worker("heap_fusion", "pair",
                                  BENCH_ARENA=f"{mount}/pair"),
            "mimalloc": self.worker("heap_mimalloc", "pair"),
            "glibc": self.worker("heap_glibc", "pair"),
            "boost": self.worker("heap_boost", "pair"),
        }
        for row, what in PAIR:
            times = dict(zip(workers, self.interleave(
                [(w, row, "") for w in workers.values()])))
            for peer, most in (("mimalloc", 0.5), ("glibc", None),
                               ("boost", 1 / 20)):
                self.add("pair", what, peer, times["fusion"], times[peer],
                         most)

    def lock(self):
        mount = self.mount()
        ours = self.worker("lock_fusion", BENCH_ARENA=f"{mount}/lock")
        peers = {
            "pthread": self.worker("lock_pthread", "normal"),
            "pthread robust": self.worker("lock_pthread", "robust"),
            "robust recursive": self.worker("lock_pthread", "recursive"),
            "Boost": self.worker("lock_boost"),
            "semop": self.worker("lock_kernel", "semop"),
            "flock": self.worker("lock_kernel", "flock"),
        }
        for row, what, plain, recursive in LOCK:
            of = {name: w for name, w in peers.items() if row != "nested"
                  or name in ("robust recursive", "Boost")}
            times = self.interleave([(w, row, "")
                                     for w in (ours, *of.values())])
            for i, name in enumerate(of):
                target = {"pthread": plain,
                          "robust recursive": recursive}.get(name)
                self.add("lock", what, name, times[0], times[i + 1], target)
            if row != "pair" and row != "nested":
                self.fairness(what, ours, peers["pthread"], row)
        self.add_alone("lock", "lease, cede of a property",
                       self.interleave([(ours, "lease", "")])[0], None)
        n = 2 if self.options.smoke else 50
        self.add_alone("death", "kill -9 of an owner to the next one",
                       self.owners_die(ours, n), None)
        self.shell(mount)
        self.without_daemon()

    def fairness(self, what, ours, peer, row):
        """The smallest share of a rival, 1 is its due; the longest wait."""
        n = 1000 if self.options.smoke else 1000000
        found = {"ours": [], "pthread": []}
        for _ in range(self.rounds):
            for name, worker in (("ours", ours), ("pthread", peer)):
                worker.run(row, n)
                found[name].append((worker.run("share"),
                                    worker.run("longest")))
        for name, values in found.items():
            self.add_alone("lock", f"{what}: least share, {name}",
                           [share for share, _ in values], None, "")
            self.add_alone("lock", f"{what}: longest wait, {name}",
                           [longest for _, longest in values], None)

    def owners_die(self, worker, n, before=lambda: None):
        """Times from a death to the lock, @before() when @n are inside."""
        for _ in range(n):
            worker.run("hire")
        before()
        return [worker.run("died") for _ in range(n)]

    def without_daemon(self):
        """The same when nobody tells: the waiter looks for itself."""
        mount = self.mount()
        worker = self.worker("lock_fusion", BENCH_ARENA=f"{mount}/lock")
        with open(f"{mount}/.fusionfs/pid", encoding="ascii") as f:
            daemon = int(f.read())
        self.add_alone(
            "death", "kill -9 of an owner to the next one, no daemon",
            self.owners_die(worker, 2 if self.options.smoke else 20,
                            lambda: os.kill(daemon, signal.SIGKILL)), None)

    def shell(self, mount):
        """flock(1) as scripts use it."""
        tmpfs = os.path.join(self.directory("/dev/shm"), "lock")
        with open(tmpfs, "w", encoding="ascii"):
            pass
        times = {f"{mount}/lock/skirmishes/lock": [], tmpfs: []}
        for _ in range(2 if self.options.smoke else 50):
            for path, list_ in times.items():
                start = time.perf_counter_ns()
                subprocess.run(["flock", path, "true"], check=True)
                list_.append(time.perf_counter_ns() - start)
        self.add("lock", "flock FILE true", "tmpfs", *times.values(), None)

    def ref(self):
        mount = self.mount()
        worker = self.worker("ref", BENCH_ARENA=f"{mount}/ref")
        rows = [row for row, _, _ in REF] + ["atomic"]
        times = dict(zip(rows, self.interleave(
            [(worker, row, "") for row in rows])))
        for row, what, target in REF:
            self.add("ref", what, "2 atomic adds", times[row],
                     times["atomic"], target)

    def object(self):
        mount = self.mount()
        worker = self.worker(
            "object", BENCH_ARENA=f"{mount}/object",
            BENCH_OBJECTS="10000" if self.options.smoke else "1000000")
        rows = [row for row, _ in OBJECT] + ["few"]
        times = dict(zip(rows, self.interleave(
            [(worker, row, "") for row in rows])))
        for row, what in OBJECT:
            self.add("object", what, "among 1,000", times[row], times["few"],
                     None)

    def container(self):
        mount = self.mount()
        for how in ("plain", "locked"):
            ours = self.worker("hash_fusion", how,
                               BENCH_ARENA=f"{mount}/{how}")
            peers = {"Boost": self.worker("hash_boost", how)}
            if os.path.exists(os.path.join(self.options.workers, "hash_glib")):
                peers["GLib, private"] = self.worker("hash_glib", how)
            else:
                self.missing("GLib", "libglib2.0-dev")
            for row, what in CONTAINER:
                what += ", its own lock" if how == "locked" else ""
                self.contain(ours, peers, row, "100000", what)
            if how == "plain":
                for size, name in SIZES[:1] if self.options.smoke else SIZES:
                    for row, what in SIZED:
                        self.contain(ours, peers, row, size,
                                     f"of {name}: {what}")
            else:
                self.beside(ours, peers)

    def contain(self, ours, peers, row, size, what):
        times = self.interleave([(w, row, size)
                                 for w in (ours, *peers.values())])
        for name, theirs in zip(peers, times[1:]):
            self.add("container", what, name, times[0], theirs, None)

    def beside(self, ours, peers):
        """One looks up what another replaces, each under the own lock."""
        written = [[] for _ in range(1 + len(peers))]
        times = self.interleave(
            [(w, "beside", "100000") for w in (ours, *peers.values())],
            lambda at, w: written[at].append(w.run("written")))
        for i, name in enumerate(peers):
            self.add("container", "found, beside a writer", name, times[0],
                     times[i + 1], None)
        for i, name in enumerate(peers):
            self.add("container", "replaced, beside a reader", name,
                     written[0], written[i + 1], None)

    def callees(self):
        """The peers of our calls, by name."""
        peers = {name: self.worker("call_kernel", how) for name, how in (
            ("raw ping-pong", "raw"), ("futex", "futex"),
            ("eventfd", "eventfd"), ("unix socket", "unix"))}
        if os.path.exists(os.path.join(self.options.workers, "call_zmq")):
            peers["ZeroMQ"] = self.worker("call_zmq")
        else:
            self.missing("ZeroMQ", "libzmq3-dev")
        peers["sd-bus, direct"] = self.worker("call_sdbus")
        if shutil.which("dbus-daemon"):
            address, pid = self.bus()
            peers["D-Bus"] = self.worker("call_sdbus", BENCH_BUS=address,
                                         BENCH_BUS_PID=str(pid))
        else:
            self.missing("D-Bus", "dbus-daemon")
        return peers

    def call(self):
        mount = self.mount()
        peers = self.callees()
        for how, targets in CALL:
            ours = self.worker(
                "call_fusion", BENCH_ARENA=f"{mount}/{how}",
                FUSION_SPIN_NS="50000" if how == "running" else "0")
            sides = {"ours": ours, **{name: peers[name] for name in targets
                                      if name in peers}}
            cpu = [[] for _ in sides]
            times = self.interleave(
                [(w, "trip", "") for w in sides.values()],
                lambda at, w, cpu=cpu: cpu[at].append(w.run("cpu")))
            for i, name in enumerate(sides):
                if i:
                    self.add("call", f"round trip, {how}", name, times[0],
                             times[i], targets[name])
            for i, name in enumerate(sides):
                if i:
                    self.add("call", f"round trip, {how}: CPU of both", name,
                             cpu[0], cpu[i], None)

    def ring(self):
        mount = self.mount()
        ours = self.worker("ring_fusion", BENCH_ARENA=f"{mount}/ring")
        peer = self.worker("ring_unix")
        for size in RING:
            a, b = self.interleave([(ours, f"size-{size}", ""),
                                    (peer, f"size-{size}", "")])
            self.add("ring", f"one way, {size} bytes", "unix seqpacket", a, b,
                     None)

    def reactor(self):
        mount = self.mount()
        most = str(max(LISTENERS))
        ours = self.worker("reactor_fusion", most,
                           BENCH_ARENA=f"{mount}/reactor")
        peer = self.worker("ring_unix", most)
        for row, what, target in (("stream", "streaming", 1 / 5),
                                  ("step", "in lockstep", None)):
            for n in LISTENERS:
                a, b = self.interleave([(ours, f"{row}-{n}", ""),
                                        (peer, f"{row}-{n}", "")])
                self.add("reactor", f"64 bytes to {n}, {what}",
                         "unix seqpacket", a, b, target if n <= 8 else None)

    def compositor(self):
        if not os.path.exists(os.path.join(self.options.workers,
                                           "frame_fusion")):
            print("bench: libpng-dev, libjpeg-dev, libfreetype-dev or "
                  "libfontconfig-dev is not installed: no compositor",
                  file=sys.stderr)
            return
        mount = self.mount()
        sides = (self.worker("frame_fusion", BENCH_ARENA=f"{mount}/frame"),
                 self.worker("frame_unix"))
        for row, what in FRAME:
            cpu, copied = [[], []], [[], []]

            def after(at, worker, cpu=cpu, copied=copied):
                cpu[at].append(worker.run("cpu"))
                copied[at].append(worker.run("bytes"))

            times = self.interleave([(w, row, "") for w in sides], after)
            self.add("compositor", what, "unix socket", *times, None)
            self.add("compositor", f"{what}: CPU of both", "unix socket",
                     *cpu, None)
            for side, ns, count in zip(("ours", "unix socket"), times, copied):
                self.add_alone("compositor",
                               f"{what}: frames a second, {side}",
                               [1e9 / t for t in ns], None, "")
                self.add_alone("compositor", f"{what}: bytes copied, {side}",
                               count, None, "")

    def enter(self):
        mount = self.mount()
        arena = f"{mount}/enter"
        holder = self.worker("enter_fusion", BENCH_ARENA=arena)
        holder.run("hold")
        ours = self.worker("enter_fusion", BENCH_ARENA=arena)
        peer = self.worker("enter_dbus", BENCH_BUS=self.bus()[0])
        for row, what, target in (("enter", "enter / connect", 1.0),
                                  ("round", "and leave", None)):
            a, b = self.interleave([(ours, row, ""), (peer, row, "")])
            self.add("enter", what, "D-Bus", a, b, target)
        self.add_alone("death", "kill -9 to the line in events",
                       [ours.run("notice", 1, f"{arena}/events")
                        for _ in range(2 if self.options.smoke else 50)],
                       None)

    def files(self):
        n = 1000 if self.options.smoke else FIELDS
        mount = self.mount()
        arena = f"{mount}/files"
        tmpfs = self.directory("/dev/shm")
        holder = self.worker("enter_fusion", BENCH_ARENA=arena)
        holder.run("hold")
        holder.run("fields", n)
        worker = self.worker("files")
        worker.run("fill", n, tmpfs)
        for path in (tmpfs, f"{arena}/fields"):
            found = worker.run("count", 1, path)
            if found != n + 2:
                raise Failed(f"{found:.0f} entries in {path}, not {n + 2}")
        a, b = self.interleave([(worker, "ls", f"{arena}/fields"),
                                (worker, "ls", tmpfs)])
        self.add("files", f"ls of {n} fields", "tmpfs", a, b, 1.0)
        a, b = self.interleave([(worker, "cat", f"{arena}/status"),
                                (worker, "cat", "/proc/1/status")])
        self.add("files", "cat status", "/proc/PID/status", a, b, None)
        a, b = self.interleave([(worker, "again", f"{arena}/status"),
                                (worker, "again", "/proc/1/status")])
        self.add("files", "read of it again", "/proc/PID/status", a, b, None)
        self.requests(worker, mount, f"{arena}/status")

    def requests(self, worker, mount, path):
        """How often the daemon is asked for one cat when the file is found:
        open, read, end of file, close (which nobody waits for)."""
        counter = f"{mount}/.fusionfs/requests"

        def asked():
            with open(counter, encoding="ascii") as f:
                return int(f.read().split()[-1])

        def asked_for(row, n):
            worker.run(row, 10, path)
            before = asked()
            worker.run(row, n, path)
            return asked() - before

        n = 1000
        self.add_alone("files", "requests for it, once found",
                       [(asked_for("cat", n) - asked_for("walk", n)) / n],
                       4.0, "")

    def recover(self):
        worker = self.worker("recover")
        n = 3 if self.options.smoke else 200
        worker.run("recover", 2 if self.options.smoke else 10)
        for row, what in (("recover", "recovery of a dead member"),
                          ("heap", "of it, heap and locks")):
            self.add_alone("death", what, [worker.run(row) for _ in range(n)],
                           50e3 if row == "recover" else None)


GROUPS = ("heap", "pair", "lock", "ref", "object", "call", "ring", "reactor",
          "container", "compositor", "enter", "files", "recover")


def figure(value, unit="ns"):
    if value is None:
        return "-"
    if unit != "ns":
        return f"{value:.2f}"
    for limit, scale, name in ((1e3, 1, "ns"), (1e6, 1e3, "us"),
                               (1e9, 1e6, "ms")):
        if value < limit:
            break
    return f"{value / scale:.3g} {name}"


def ratio(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


HEADER = ("what", "against", "ours", "theirs", "ratio", "quartiles",
          "target", "")
WIDTHS = (42, 17, 9, 9, 7, 15, 9, 6)


def cells(row):
    unit = row["unit"]
    met = {True: "met", False: "MISSED", None: ""}[row["met"]]
    if row["peer"] is None:
        spread = f"{figure(row['min'], unit)}..{figure(row['max'], unit)}"
        target = figure(row["target"], unit) if row["target"] else ""
        return (row["what"], "", figure(row["ours"], unit), "", "", spread,
                target and "<= " + target, met)
    target = ratio(row["target"]) if row["target"] else ""
    return (row["what"], row["peer"], figure(row["ours"]),
            figure(row["theirs"]), ratio(row["ratio"]),
            f"{ratio(row['q1'])}..{ratio(row['q3'])}",
            target and "<= " + target, met)


def text(columns):
    return "  ".join(c.ljust(w) if i < 2 else c.rjust(w)
                     for i, (c, w) in enumerate(zip(columns, WIDTHS))).rstrip()


def line(row):
    return text(cells(row))


def markdown(rows):
    out = ["| what | against | ours | theirs | ratio | quartiles | target | |",
           "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    out += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join(out) + "\n"


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for row in f:
            if row.startswith("model name"):
                model = row.split(":", 1)[1].strip()
                break
    return {
        "cpu": model, "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(), "arch": platform.machine(),
        "load": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(
            timespec="seconds"),
    }


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    p.add_argument("--markdown", metavar="FILE", help="and a table there")
    p.add_argument("--only", metavar="GROUP", action="append",
                   choices=GROUPS, help=f"of: {', '.join(GROUPS)}")
    p.add_argument("--rounds", type=int, default=21, metavar="N",
                   help="ratios a row (21)")
    p.add_argument("--slice", type=float, default=20, metavar="MS",
                   help="length of a worker's turn (20)")
    p.add_argument("--smoke", action="store_true",
                   help="only see that all of it works")
    p.add_argument("--build", metavar="DIR", default=here,
                   help="meson's build directory")
    p.add_argument("--check-options", action="store_true",
                   help="only see that the options are good")
    options = p.parse_args()
    options.workers = os.path.join(options.build, "tests/bench")
    options.fusionfs = os.path.join(options.build, "fusionfs/fusionfs")
    return options


def main():
    options = arguments()
    if options.check_options:
        return
    # Ended by somebody else, too, nothing stays mounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine()
    print(f"{about['cpus']} x {about['cpu']}, Linux {about['kernel']}, "
          f"load {about['load']:.2f}")
    print(text(HEADER))
    rows = []
    for group in options.only or GROUPS:
        bench = Bench(options)
        try:
            with bench.stack:
                getattr(bench, group)()
        except (Failed, OSError, subprocess.SubprocessError) as e:
            print(f"bench: {group}: {e}", file=sys.stderr)
            return 1
        rows += bench.rows
    judged = [row for row in rows if row["met"] is not None]
    met = sum(row["met"] for row in judged)
    if not options.smoke:
        print(f"{met} of {len(judged)} targets met")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"machine": about, "rows": rows}, f, indent=1)
            f.write("\n")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as f:
            f.write(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
