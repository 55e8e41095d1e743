# SPDX-License-Identifier: GPL-2.0-or-later
"""The map: which piece of the tests runs which lines, and how long it takes.

It is made by a build with gcov, and the times are of a build without.  Sources
that have changed since are compared with those of the map, line by line, so
that a map lasts for more than one commit.  A piece that is not in the map yet
is added when a run begins.
"""
import difflib
import hashlib
import json
import os
import re
from pathlib import Path

from mutants.tests import reason

HEADER = Path(__file__).with_name("covered.h")
# (Threads that count at once lose some of the counts, and none is lost to 0.)
OPTIONS = ["-Db_coverage=true", "-Doptimization=1", "-Ddebug=true",
           "-Dc_args=-include {}"]
MOST_KNOWN = 20000
# Beyond this a piece is not for mutants; usual pieces take a second.
LONGEST = 300
PRODUCT = ("libfusion/", "fusionfs/")
# The same operations with other limits run the same lines.
TWINS = ("crash/step-small-limits:", "crash/step:")
# Those fork at each instruction.
FORKS_MUCH = re.compile(r"crash/(step|delay|pairs|sleepers)")


def is_product(path):
    return path.startswith(PRODUCT) and path.endswith(".c")


class Coverage:
    """@now: the sources, path: text.  @pieces: name: {"seconds": of a usual run,
    "lines": {path: set of numbers}}, and "why" if mutants are not tried by it.
    """

    def __init__(self, where, now):
        self.now, self.moved = now, {}
        self.where = Path(where)
        self.file = self.where / "map.json"
        self.pieces, self.texts, self.known, self.sets = {}, {}, {}, {}
        if self.file.exists():
            self.load(json.loads(self.file.read_text()))

    def load(self, data):
        sets = [frozenset(lines) for lines in data["sets"]]
        self.sets = {found: found for found in sets}
        self.texts = data["texts"]
        for name, piece in data["pieces"].items():
            piece["lines"] = {p: sets[n] for p, n in piece["lines"].items()}
            self.pieces[name] = piece

    def save(self):
        """Most pieces run the same lines of most files: each set is written
        once."""
        numbers = {found: n for n, found in enumerate(self.sets)}
        pieces = {name: {**piece, "lines": {p: numbers[found] for p, found in
                                            piece["lines"].items()}}
                  for name, piece in self.pieces.items()}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({
            "sets": [sorted(found) for found in self.sets],
            "texts": self.texts, "pieces": pieces}))
        new.replace(self.file)

    # --- Making it ------------------------------------------------------------

    def lines_of(self, tree):
        """What the counts in the build directory of @tree say; they go."""
        counts, lines = [], {}
        for path in tree.build_copy.rglob("*.gcda"):
            name = str(path.relative_to(tree.build_copy))
            if not name.startswith(PRODUCT) and "_libfusion_" not in name and \
                    "_fusionfs_" not in name:
                path.unlink()
                continue
            # The counts of most objects are those of a program that has only
            # begun.
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in self.known:
                for source, found in self.known[digest].items():
                    lines.setdefault(source, set()).update(found)
                path.unlink()
            else:
                counts.append((name, digest))
        for i in range(0, len(counts), 100):
            self.ask_gcov(tree, counts[i:i + 100], lines)
        return lines

    def ask_gcov(self, tree, counts, lines):
        # (A process that was killed may leave half a file, which gcov skips.)
        done = tree.run(["sh", "-c", 'cd build && exec gcov -j -t "$@"',
                         "sh", *(name for name, _ in counts)])
        digests = dict(counts)
        for text in done.stdout.splitlines():
            data, own = json.loads(text), {}
            digest = digests[data["data_file"]]
            base = data["current_working_directory"]
            for entry in data["files"]:
                path = os.path.normpath(entry["file"])
                # With -ffile-prefix-map they are named from the top.
                if not is_product(path):
                    path = os.path.normpath(os.path.join(base, path)) \
                        .removeprefix(f"{tree.seen}/")
                found = {line["line_number"] for line in entry["lines"]
                         if line["count"]}
                if found and is_product(path):
                    own.setdefault(path, set()).update(found)
            if len(self.known) < MOST_KNOWN:
                self.known[digest] = own
            for path, found in own.items():
                lines.setdefault(path, set()).update(found)
        for name in digests:
            (tree.build_copy / name).unlink(missing_ok=True)

    def measure(self, tree, piece, log):
        """The usual time of a piece, or why mutants are not tried by it."""
        status, seconds = tree.test(piece.command, piece.env, LONGEST, log)
        if status is None:
            return seconds, f"takes more than {LONGEST} s"
        if status:
            return seconds, f"fails without a mutant: {reason(log)}"
        text = log.read_text(errors="replace")
        if re.search(r"^ok\b.*# skip", text, re.M) and \
                not re.search(r"^ok\b(?!.*# skip)", text, re.M):
            return seconds, "is skipped here"
        return seconds, None

    def cover(self, tree, piece, log):
        twin = self.pieces.get(piece.name.replace(*TWINS))
        if twin and twin["lines"]:
            return twin["lines"]
        env = dict(piece.env)
        if FORKS_MUCH.match(piece.name):
            env["COVERED_ONE_IN"] = "40"
        tree.test(piece.command, env, 2 * LONGEST, log)
        return {path: self.in_map(path, found)
                for path, found in self.lines_of(tree).items()}

    def in_map(self, path, lines):
        """Lines of the sources as they are now, as numbers of the map's."""
        if path not in self.moved:
            self.moved[path] = self.then(path, self.now[path])
        return {self.moved[path][n] for n in lines}

    def add(self, piece, seconds, why, lines):
        shared = {}
        for path, found in lines.items():
            found = frozenset(found)
            shared[path] = self.sets.setdefault(found, found)
        self.pieces[piece.name] = {"seconds": round(seconds, 2),
                                   "lines": shared}
        if why:
            self.pieces[piece.name]["why"] = why

    # --- Asking it ------------------------------------------------------------

    def then(self, path, text):
        """The lines of the file as it is now, as numbers of the map's."""
        old = self.texts.get(path, "").split("\n")
        new = text.split("\n")
        if old == new:
            return {n: n for n in range(1, len(new) + 1)}
        same = {}
        for tag, i, i2, j, j2 in difflib.SequenceMatcher(
                None, old, new, autojunk=False).get_opcodes():
            for n in range(j, j2):
                # A new line is run by whatever runs the line there before.
                same[n + 1] = min(i + n - j, max(i2 - 1, i)) + 1
        return same

    def order(self, path, lines, function_lines):
        """Names of pieces for a mutant: those that run its lines, and those
        that run its function or its file."""
        exact, wide = [], []
        for name, piece in self.pieces.items():
            run = piece["lines"].get(path)
            if not run or "why" in piece:
                continue
            # Cheap first; of equal cost, the one that is about this file.
            cost = round(max(piece["seconds"], 0.1), 1)
            total = sum(map(len, piece["lines"].values()))
            rank = (cost * (1 - min(len(run) / total * 5, 0.9)), name)
            if not run.isdisjoint(lines):
                exact.append(rank)
            else:
                wide.append((run.isdisjoint(function_lines), *rank))
        return [r[-1] for r in sorted(exact)], [r[-1] for r in sorted(wide)]
