# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests, in pieces that are as small as can be run alone.

What `meson test` runs as one may be hundreds of cases: a .bats file, all
operations of crash-step, all scenes of crash-delay.  A piece is one case of
them, so that a mutant is tried by the cases that run its line, and by no other.
"""
import json
import re
from dataclasses import dataclass

# They show that a planted bug is found: tests of the tests.
SKIPPED = re.compile(r"bug-\d+$")
SUITES = ("unit", "fs", "crash", "hostile", "stress")
# Programs that name their cases with --list, and the option that picks one.
LISTED = {"step": "--op", "step-small-limits": "--op", "delay": "--scene"}


@dataclass
class Piece:
    name: str			# suite/test, or suite/test: case
    command: list
    env: dict
    targets: list		# what ninja has to make
    suite: str


def short(path, tree):
    """A path of meson's as one below the build directory."""
    return str(path).removeprefix(f"{tree.build}/")


def of_bats(tree, name, test, targets):
    path = next(a for a in test["cmd"] if a.endswith(".bats"))
    inside = tree.copy / path.split(f"{tree.seen}/build/../")[-1] \
        .removeprefix(f"{tree.seen}/")
    for title in re.findall(r'^@test "((?:[^"\\]|\\.)*)"', inside.read_text(),
                            re.M):
        pattern = re.sub(r"([][.*^$+?(){}|])", r"\\\1",
                         title.replace('\\"', '"'))
        command = [*test["cmd"][:-1], "--filter", f"^{pattern}$",
                   test["cmd"][-1]]
        yield f"{name}: {title}", command, targets


def of_list(tree, name, test, targets, option):
    """The cases that a program lists, each alone."""
    tree.ninja(targets)
    for case in tree.must([test["cmd"][0], "--list"]).split():
        yield f"{name}: {case}", [*test["cmd"], option, case], targets


def pieces_of(tree):
    """All pieces, in the order of meson's tests."""
    targets = {t["id"]: [short(f, tree) for f in t["filename"]] for t in
               json.loads(tree.must(["meson", "introspect", "--targets",
                                     "build"]))}
    found = []
    for test in json.loads(tree.must(["meson", "introspect", "--tests",
                                      "build"])):
        # "project:suite" each.
        suites = [s.split(":")[-1] for s in test["suite"]]
        suite = next((s for s in SUITES if s in suites), None)
        if not suite or SKIPPED.match(test["name"]):
            continue
        needed = sorted({f for i in test["depends"] for f in targets[i]})
        name = f"{suite}/{test['name']}"
        if any(a.endswith(".bats") for a in test["cmd"]):
            cases = of_bats(tree, name, test, needed)
        elif test["name"] in LISTED and suite == "crash":
            cases = of_list(tree, name, test, needed, LISTED[test["name"]])
        else:
            cases = [(name, test["cmd"], needed)]
        for title, command, wanted in cases:
            found.append(Piece(title, command, test["env"], wanted, suite))
    return found


def reason(log):
    """The line that says what a test found wrong."""
    lines = [x.strip() for x in log.read_text(errors="replace").split("\n")
             if x.strip()]
    for line in lines:
        if re.match(r"not ok|Bail out|# .*fail|.*AddressSanitizer", line):
            return line[:200]
    return lines[-1][:200] if lines else "it says nothing"
