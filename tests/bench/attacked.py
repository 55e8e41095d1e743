#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a file of one arena takes to read while others are attacked.

usage: attacked.py BUILD [ARENAS]

Each of ARENAS (33) has a member that does one harm to it without end, and a
shell that asks the daemon for what that harm makes slow.  Meanwhile one more
process opens, reads and closes `state` of an arena that nobody attacks, 100
times, with 10 ms in between.  The figures: median and longest, in ms.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
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


def read_ms(path):
    start = time.monotonic()
    with open(path, "rb") as f:
        f.read()
    return (time.monotonic() - start) * 1000


def attack(build, mount, i, started):
    arena = "bad%d" % i
    os.mkdir(os.path.join(mount, arena))
    env = dict(os.environ, FUSION_MOUNT=mount)
    attacker = subprocess.Popen(
        [build + "/tests/hostile/attacker", arena, ATTACKS[i % len(ATTACKS)]],
        env=env, stdout=subprocess.PIPE)
    started.append(attacker)
    attacker.stdout.readline()
    started.append(subprocess.Popen(
        ["sh", "-c", ASK, "sh", os.path.join(mount, arena)],
        start_new_session=True, stdout=subprocess.DEVNULL))


def end(started):
    for p in started:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        p.kill()
        p.wait()


def main():
    # Whatever ends this, ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = os.path.abspath(sys.argv[1])
    arenas = int(sys.argv[2]) if len(sys.argv) > 2 else 33
    started = []
    mount = tempfile.mkdtemp()
    backing = tempfile.mkdtemp(prefix="fusion-attacked.", dir="/dev/shm")
    daemon = subprocess.Popen([build + "/fusionfs/fusionfs", "-f", "-o",
                               "backing=" + backing, mount])
    try:
        while not os.path.ismount(mount):
            time.sleep(0.01)
        os.mkdir(mount + "/good")
        for i in range(arenas):
            attack(build, mount, i, started)
        times = []
        for _ in range(100):
            times.append(read_ms(mount + "/good/state"))
            time.sleep(0.01)
        print("%d arenas attacked: median %.1f ms, longest %.1f ms" %
              (arenas, statistics.median(times), max(times)))
        if daemon.poll() is not None:
            sys.exit("the daemon has ended")
    finally:
        end(started)
        subprocess.run(["umount", mount], check=False)
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(backing, ignore_errors=True)
        os.rmdir(mount)


if __name__ == "__main__":
    main()
