# SPDX-License-Identifier: GPL-2.0-or-later
"""A tiny program with tests that notice some faults and miss others.

All of scripts/mutate runs on it: trees, map, trials, results, report.
"""
import contextlib
import io
import tempfile
from pathlib import Path

from mutants.operators import OPERATORS, mutants_of

TINY = {
    "meson.build": "project('tiny', 'c')\nsubdir('libfusion')\n",
    "libfusion/meson.build": """
tiny = static_library('tiny', 'tiny.c')
foreach name : ['values', 'waits']
  test(name, executable(name, '../tests/' + name + '.c', link_with: tiny),
    suite: 'unit')
endforeach
""",
    "libfusion/tiny.c": r"""
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool ready;
int kept;

/* A comment with a < b and x = 1; is no code. */
int clamped(int value, int most)
{
	return value < most ? value : most;
}

int checked(const int *table, int index)
{
	if (index >= 4)
		return -ERANGE;
	return table[index];
}

const char *second(const char *text)
{
	return 1 + text;
}

bool twice(int n)
{
	return n > 0 && n > 0;
}

bool nobody_asks(int n)
{
	return n == 3 || n == 5;
}

unsigned joined(unsigned low, unsigned high)
{
	return low | high << 4;
}

int longest(const int *values, int n)
{
	int most = 0;

	for (int i = 0; i < n; i++) {
		if (values[i] < 0)
			break;
		if (!values[i] || values[i] < most)
			continue;
		most = values[i];
	}
	return most;
}

int keep(int n)
{
	int *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = n;
	kept = *copy;
	free(copy);
	return 0;
}

void rouse(void)
{
	pthread_mutex_lock(&lock);
	ready = true;
	pthread_cond_signal(&moved);
	pthread_mutex_unlock(&lock);
}

void await(void)
{
	pthread_mutex_lock(&lock);
	while (!ready)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}
""",
    "tests/values.c": r"""
#include <errno.h>
#include <stdbool.h>
int clamped(int, int), checked(const int *, int), keep(int);
int longest(const int *, int);
const char *second(const char *);
unsigned joined(unsigned, unsigned);
bool twice(int);
extern int kept;
int main(void)
{
	static const int table[5] = {1, 2, 3, 4, 5};
	static const int values[5] = {3, 0, 2, -1, 9};
	return !(clamped(3, 5) == 3 && clamped(9, 5) == 5 &&
		 checked(table, 3) == 4 && checked(table, 4) == -ERANGE &&
		 *second("ab") == 'b' && twice(1) && !twice(0) &&
		 joined(1, 2) == 33 && longest(values, 5) == 3 &&
		 longest(table, 2) == 2 && keep(7) == 0 && kept == 7);
}
""",
    "tests/waits.c": r"""
#include <pthread.h>
#include <unistd.h>
void rouse(void), await(void);
static void *sleeper(void *none)
{
	await();
	return none;
}
int main(void)
{
	pthread_t thread;

	pthread_create(&thread, 0, sleeper, 0);
	usleep(100000);
	rouse();
	return pthread_join(thread, 0);
}
""",
    "tests/mutants/equivalent": """# What changes nothing.
file: libfusion/tiny.c
function: longest
operator: boundary
line: if (!values[i] || values[i] < most)
change: < -> <=
reason: the same value is stored again
""",
}

# Function, operator, change, and what becomes of it.
EXPECTED = [
    ("clamped", "clamp", "value < most ? value : most -> value", "noticed"),
    ("clamped", "boundary", "< -> <=", "survived"),
    ("checked", "bound", "index >= 4 -> 0 && (index >= 4)", "noticed"),
    ("checked", "boundary", ">= -> >", "noticed"),
    ("checked", "error", "ERANGE -> EIO", "noticed"),
    ("second", "arithmetic", "+ -> -", "broken"),
    ("twice", "operand", "n > 0 && ->", "same"),
    ("twice", "logic", "&& -> ||", "same"),
    ("nobody_asks", "equality", "== -> !=", "survived"),
    ("nobody_asks", "result", "n == 3 || n == 5 -> !(n == 3 || n == 5)",
     "survived"),
    ("joined", "bits", "| -> &", "noticed"),
    ("longest", "condition", "values[i] < 0 -> !(values[i] < 0)", "noticed"),
    ("longest", "boundary", "< -> <=", "equivalent"),
    ("keep", "statement", "*copy = n; -> ;", "noticed"),
    ("keep", "cleanup", "free(copy); -> ;", "survived"),
    ("keep", "check", "!copy -> 0 && (!copy)", "survived"),
    ("rouse", "wake", "pthread_cond_signal(&moved); -> ;", "timed out"),
    ("rouse", "unlock", "pthread_mutex_unlock(&lock); -> ;", "timed out"),
]


def write_to(where):
    for name, text in TINY.items():
        path = Path(where) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def complaints_of(run):
    """What differs from EXPECTED."""
    states = {}
    for e in run.entries:
        _, function, operator, _, change = e["key"]
        states.setdefault((function, operator, change), set()).add(e["state"])
    for *key, wanted in EXPECTED:
        found = states.get(tuple(key), {"not made"})
        if wanted not in found:
            yield f"{': '.join(key)}: {', '.join(found)}, wanted: {wanted}"
    for source in run.sources.values():
        for name in OPERATORS:
            if not mutants_of(source, [name]):
                yield f"{name}: no mutant"


def self_test(run_class, options_of):
    class Quick(run_class):
        long_wait = 2

    with tempfile.TemporaryDirectory() as where:
        top, work = Path(where) / "top", Path(where) / "work"
        Path(where).chmod(0o755)
        write_to(top)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            run = Quick(top, options_of(["--work", str(work)]))
            run.prepare()
            reached = run.all()
            # The results are all there: nothing is built or run again.
            again = Quick(top, options_of(["--work", str(work), "--resume"]))
            again.plain, again.trial = [None, None], None
            again.all()
        found = list(complaints_of(run))
        if reached:
            found.append("the goal is said to be reached")
        if len(again.entries) != len(run.entries):
            found.append("--resume has other results")
        left = [w for w in ("run the line", "score", "folder")
                if w not in said.getvalue()]
        found += [f"the report has no {w!r}" for w in left]
    if found:
        print(said.getvalue())
    for line in found:
        print("MISSED  " + line)
    print(f"{len(run.entries)} mutants, {len(found)} not as expected")
    return 1 if found else 0
