# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of each mutant: a file of results, and the score.

noticed	   a test failed
timed out  no test failed, and one did not end: that is counted apart
survived   all its tests passed
same	   its object code is that of the product, or of another mutant
broken	   it does not compile
The last two do not count, nor do those of tests/mutants/equivalent.
"""
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

COUNTED = ("noticed", "timed out", "survived")
EQUIVALENT = "tests/mutants/equivalent"
# The goal: of all, and of each operator.
WANTED, WANTED_EACH = 85, 75


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Results:
    """One line of JSON for each mutant, written as soon as it is known."""

    def __init__(self, file, resume):
        self.file, self.old = Path(file), {}
        if resume and self.file.exists():
            for line in self.file.read_text().splitlines():
                entry = json.loads(line)
                self.old[self.name(entry)] = entry
        else:
            self.file.write_text("")

    @staticmethod
    def name(entry):
        return (*entry["key"], entry["nth"], entry["of"])

    def of(self, mutant, text):
        """The result of an earlier run for the same text of the file."""
        return self.old.get((*mutant.key, mutant.nth, digest_of(text)))

    def add(self, mutant, text, state, **more):
        entry = {"key": mutant.key, "nth": mutant.nth, "of": digest_of(text),
                 "line": mutant.line, "state": state, **more}
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")
        return entry


def read_equivalent(top):
    """The list of mutants that change nothing, each with its reason."""
    path, found, entry = Path(top) / EQUIVALENT, {}, {}
    if not path.exists():
        return found
    for n, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            word, _, rest = line.partition(":")
            entry[word.strip()] = rest.strip()
            continue
        if not entry:
            continue
        try:
            key = tuple(entry[w] for w in ("file", "function", "operator",
                                           "line", "change"))
            found[key] = entry["reason"]
        except KeyError as missing:
            raise SystemExit(f"{EQUIVALENT}:{n}: the entry has no {missing}")
        entry = {}
    return found


def shown(mutant):
    """A mutant as the list of equivalent ones has it."""
    words = ("file", "function", "operator", "line", "change")
    return "\n".join(f"{w}: {v}" for w, v in zip(words, mutant.key)) + "\n"


def folder_of(path):
    return path.rsplit("/", 1)[0]


def percent(counts):
    total = sum(counts[state] for state in COUNTED)
    return 100 * counts["noticed"] / total if total else 100.0


def table(title, rows):
    print(f"\n{title:<24}{'mutants':>9}{'noticed':>9}{'timed out':>11}"
          f"{'survived':>10}{'score':>8}")
    for name, counts in rows:
        total = sum(counts[state] for state in COUNTED)
        if total:
            print(f"{name:<24}{total:>9}{counts['noticed']:>9}"
                  f"{counts['timed out']:>11}{counts['survived']:>10}"
                  f"{percent(counts):>7.0f}%")


def report(entries):
    """Survivors and scores; true if the goal is reached."""
    counted = [e for e in entries if e["state"] in COUNTED]
    for state in ("survived", "timed out"):
        lost = [e for e in counted if e["state"] == state]
        if lost:
            print(f"\n{len(lost)} {state}:")
        for e in sorted(lost, key=lambda e: (e["key"][0], e["line"])):
            path, function, operator, _, change = e["key"]
            print(f"{path}:{e['line']}: {operator} in {function}(): {change}\n"
                  f"    {e.get('why', '')}")
    folders, operators = defaultdict(Counter), defaultdict(Counter)
    total = Counter(e["state"] for e in entries)
    for e in counted:
        folders[folder_of(e["key"][0])][e["state"]] += 1
        operators[e["key"][2]][e["state"]] += 1
    table("folder", sorted(folders.items()))
    table("operator", sorted(operators.items()))
    table("all", [("", total)])
    print(f"\nnot counted: {total['broken']} that do not compile, "
          f"{total['same']} with the same code, "
          f"{total['equivalent']} of {EQUIVALENT}")
    low = [name for name, c in operators.items() if percent(c) < WANTED_EACH]
    if percent(total) < WANTED or low:
        print(f"The goal is {WANTED} % of all and {WANTED_EACH} % of each "
              f"operator; below that: {', '.join(sorted(low)) or 'all'}")
        return False
    return True
