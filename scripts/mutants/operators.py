# SPDX-License-Identifier: GPL-2.0-or-later
"""What is planted: each operator finds its places in a function.

An operator is a generator of (start, end, text): replace that part of the file.
No operator touches memory orders: the models and the drawings of docs/ are for
those.  docs/reliability.md has the list for readers.
"""
import errno
import hashlib
import re
from collections import Counter
from dataclasses import dataclass

# The word that says what a call does, wherever it stands in the name.
WAKES = re.compile(r"(^|_)(wake|notify|broadcast|signal|bell_ring|rouse|poke|"
                   r"kick|post|hang_up|tell|changed|look)(_|$)")
UNLOCKS = re.compile(r"(^|_)(unlock|give|turn_give|unpin|unpark)(_|$)")
CLEANUPS = re.compile(r"(^|_)?(free|close|closedir|fclose|munmap|unmap|destroy|"
                      r"finish|release|drop|remove|unlink|unlinkat|unref|clear|"
                      r"leave|depart|end|uncharge|forget|undo|strike|vanish|"
                      r"join|trim|reset|untrack|unbind|unmark|abandon)(_|$)")
# Accesses whose memory order is in their name release no resource.
ATOMICS = re.compile(r"^(load|store|add|sub|xchg|cas|or|and)_")
ORDERS = re.compile(r"(^|_)fence$")
# Marks for people and tools, which do nothing in the product.
MARKS = {"static_assert", "SEED_BUG", "assert", "va_end", "compiler_fence",
         "call_probe"}
RELATIONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
EQUALITIES = {"==": "!=", "!=": "=="}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "+=": "-=",
              "-=": "+="}
BITS = {"|": "&", "&": "|", "|=": "&=", "&=": "|=", "<<": ">>", ">>": "<<",
        "^": "&"}
VALIDITY = re.compile(r"valid|inside|within|in_range|fits|sane|beyond|"
                      r"outside|_ok$|^is_|_is_")
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$")


@dataclass
class Mutant:
    path: str
    function: str
    operator: str
    line: int
    text: str			# of the line, as it is
    before: str
    after: str
    start: int
    end: int
    nth: int = 0		# of those that have the same key

    @property
    def key(self):
        """What stays when lines move: see tests/mutants/equivalent."""
        return (self.path, self.function, self.operator, self.text,
                f"{squeezed(self.before)} -> {squeezed(self.after)}".strip())

    def apply(self, text):
        return text[:self.start] + self.after + text[self.end:]


def squeezed(text):
    return " ".join(text.split())


def same_lines(old, new):
    """The new text with as many line ends as the old has: no line moves."""
    return new + "\n" * (old.count("\n") - new.count("\n"))


class Places:
    """A function as the operators ask for it."""

    def __init__(self, source, function):
        self.source, self.function = source, function
        self.tokens = function.tokens
        self.statements = list(function.body.walk())
        self.skipped = self.skip()

    def skip(self):
        """Tokens that no operator touches."""
        skipped, f = set(), self.function
        for i, token in enumerate(self.tokens):
            if (token.text in MARKS or ORDERS.search(token.text)) and \
                    f.text(i + 1) == "(":
                skipped.update(range(i, f.pairs[i + 1] + 1))
        return skipped

    def text(self, first, last):
        """The text from the first to behind the last token."""
        return self.source.text[self.tokens[first].start:
                                self.tokens[last].end]

    def at(self, first, last, new):
        if self.skipped.isdisjoint((first, last)):
            yield self.tokens[first].start, self.tokens[last].end, new

    def is_binary(self, i):
        """A space on both sides: no pointer, no sign."""
        t = self.tokens
        return i and t[i - 1].end < t[i].start and t[i].end < t[i + 1].start

    def callee(self, statement):
        """The function that a statement calls and does nothing else."""
        f, i = self.function, statement.first
        if f.text(i) == "(" and f.text(i + 1) == "void":
            i += 3
        if statement.kind == "expression" and f.text(i + 1) == "(" and \
                f.pairs[i + 1] == statement.last - 1:
            return f.text(i)
        return None

    def conditions(self, kinds=("if", "while", "do")):
        for s in self.statements:
            if s.kind in kinds and s.cond:
                yield s, s.cond[0], s.cond[1] - 1

    def split(self, first, last, word):
        """The operands between @word at the top of tokens first to last."""
        f, parts, begin, i = self.function, [], first, first
        while i <= last:
            if f.text(i) in ("(", "[", "{"):
                i = f.pairs[i]
            elif f.text(i) == word:
                parts.append((begin, i - 1))
                begin = i + 1
            i += 1
        return parts + [(begin, last)]

    def top(self, first, last):
        """The tokens that stand in no parentheses."""
        f, i = self.function, first
        while i <= last:
            yield i, f.text(i)
            i = f.pairs[i] + 1 if f.text(i) in ("(", "[", "{") else i + 1

    def ends(self, statement):
        """Does it do nothing but leave: an error, a jump?"""
        while statement.kind == "block" and len(statement.inner) == 1:
            statement = statement.inner[0]
        if statement.kind == "block" and statement.inner:
            return statement.inner[-1].kind in ("return", "goto")
        return statement.kind in ("return", "goto", "break", "continue")

    def ternaries(self):
        """(first of the condition, "?", ":", last) of each that has no other
        inside."""
        f = self.function
        for i, token in enumerate(self.tokens):
            if token.text != "?":
                continue
            first = i
            while f.text(first - 1) not in (
                    "=", "(", ",", "return", ";", "{", "?", ":", "+=", "-=",
                    "[", "|=", "&="):
                first -= 1
                if f.text(first) in (")", "]", "}"):
                    first = f.pairs[first]
            middle = i
            while f.text(middle) != ":":
                middle = f.pairs[middle] if f.text(middle) in ("(", "[", "{") \
                    else middle
                middle += 1
            last = middle
            while f.text(last + 1) not in (")", ",", ";", "]", "}", ":", "?"):
                last += 1
                if f.text(last) in ("(", "[", "{"):
                    last = f.pairs[last]
            if f.text(last + 1) != "?" and "?" not in [
                    t.text for t in self.tokens[i + 1:middle]]:
                yield first, i, middle, last


def drop(p, statement):
    old = p.text(statement.first, statement.last)
    yield from p.at(statement.first, statement.last, same_lines(old, ";"))


def dropped_calls(p, pattern, but=()):
    for s in p.statements:
        name = p.callee(s)
        if name and name not in MARKS and pattern.search(name) and \
                not any(b.search(name) for b in but):
            yield from drop(p, s)


# --- The operators ------------------------------------------------------------

def condition(p):
    """A condition is negated."""
    for _, first, last in p.conditions():
        if last == first and p.function.text(first) in ("true", "1"):
            continue
        yield from p.at(first, last, f"!({p.text(first, last)})")
    for first, mark, _, _ in p.ternaries():
        yield from p.at(first, mark - 1, f"!({p.text(first, mark - 1)})")


def operand(p):
    """One operand of && or || is dropped."""
    spans = [(first, last) for _, first, last in p.conditions()]
    spans += [(s.first + 1, s.last - 1) for s in p.statements
              if s.kind == "return" and s.last > s.first + 1]
    for first, last in spans:
        word = "||" if len(p.split(first, last, "||")) > 1 else "&&"
        parts = p.split(first, last, word)
        if len(parts) < 2 or any(t == "?" for _, t in p.top(first, last)):
            continue
        for n, (begin, end) in enumerate(parts):
            if n:
                begin -= 1
            else:
                end += 1
            old = p.text(begin, end)
            yield from p.at(begin, end, same_lines(old, ""))


def logic(p):
    """&& for ||, or || for &&."""
    for i, token in enumerate(p.tokens):
        if token.text in ("&&", "||"):
            yield from p.at(i, i, "||" if token.text == "&&" else "&&")


def checks(p):
    for s, first, last in p.conditions(("if",)):
        if s.otherwise or not p.ends(s.body):
            continue
        words = [t.text for t in p.tokens[first:last + 1]]
        failed = words[-2:] == ["<", "0"]	# r < 0: a call has failed
        yield first, last, not failed and any(
            w in RELATIONS or VALIDITY.search(w) for w in words)


def bound(p):
    """A check of bounds, or of validity, is dropped."""
    for first, last, bounds in checks(p):
        if bounds:
            yield from p.at(first, last, f"0 && ({p.text(first, last)})")


def check(p):
    """Another check that leaves the function or the loop is dropped."""
    for first, last, bounds in checks(p):
        if not bounds:
            yield from p.at(first, last, f"0 && ({p.text(first, last)})")


def clamp(p):
    """A value is no longer clamped, by a ? of two or by an if."""
    for first, mark, middle, last in p.ternaries():
        left, right = p.text(mark + 1, middle - 1), p.text(middle + 1, last)
        both = {squeezed(left), squeezed(right)}
        if any({squeezed(p.text(*part)) for part in parts} == both
               for sign in RELATIONS
               if len(parts := p.split(first, mark - 1, sign)) == 2):
            yield from p.at(first, last, left)
            yield from p.at(first, last, right)
    for s, first, last in p.conditions(("if",)):
        body = s.body
        while body.kind == "block" and len(body.inner) == 1:
            body = body.inner[0]
        if s.otherwise or body.kind != "expression":
            continue
        target = p.split(body.first, body.last - 1, "=")
        if len(target) == 2 and any(
                squeezed(p.text(*target[0])) == squeezed(p.text(*side))
                for sign in RELATIONS for side in p.split(first, last, sign)
                if len(p.split(first, last, sign)) == 2):
            yield from p.at(first, last, f"0 && ({p.text(first, last)})")


def statement(p):
    """A statement is dropped."""
    for s in p.statements:
        if s.kind != "expression" or s.first == s.last:
            continue
        name = p.callee(s) or ""
        words = [t.text for t in p.tokens[s.first:s.first + 3]]
        if name in MARKS or words == ["(", "void", ")"] or \
                any(c.search(name) for c in (WAKES, UNLOCKS, ORDERS)) or \
                CLEANUPS.search(name) and not ATOMICS.search(name):
            continue
        yield from drop(p, s)


def wake(p):
    """A wake, a signal or a message to another party is dropped."""
    yield from dropped_calls(p, WAKES)


def unlock(p):
    """A lock, a turn or a charge is not given back."""
    yield from dropped_calls(p, UNLOCKS, (WAKES,))


def cleanup(p):
    """A clean-up is dropped: free, close, unmap, leave."""
    yield from dropped_calls(p, CLEANUPS, (WAKES, UNLOCKS, ATOMICS))


def jump(p):
    """A goto, break or continue is dropped."""
    for s in p.statements:
        if s.kind in ("goto", "break", "continue"):
            yield from drop(p, s)


def boundary(p):
    """< for <=, > for >=."""
    for i, token in enumerate(p.tokens):
        if token.text in RELATIONS and p.is_binary(i):
            yield from p.at(i, i, RELATIONS[token.text])


def equality(p):
    """== for !=, where that is not the whole condition."""
    whole = {i for _, first, last in p.conditions()
             for i, text in p.top(first, last) if text in EQUALITIES
             if not any(t in ("&&", "||", "?") for _, t in p.top(first, last))}
    for i, token in enumerate(p.tokens):
        if token.text in EQUALITIES and i not in whole:
            yield from p.at(i, i, EQUALITIES[token.text])


def exchanged(p, table):
    for i, token in enumerate(p.tokens):
        if token.text in table and p.is_binary(i):
            yield from p.at(i, i, table[token.text])


def arithmetic(p):
    """+ for -, * for /."""
    yield from exchanged(p, ARITHMETIC)


def bits(p):
    """| for &, << for >>."""
    yield from exchanged(p, BITS)


def following(digits):
    """The number after this one, in the same base; 0 after 1."""
    if digits[:2].lower() == "0x":
        return hex(int(digits, 16) + 1)
    if digits[0] == "0" and len(digits) > 1:
        return f"0{int(digits, 8) + 1:o}"
    return "0" if digits == "1" else str(int(digits) + 1)


def constant(p):
    """A number is one more, or 0 for 1; true for false."""
    endless = {first for _, first, last in p.conditions() if first == last}
    sizes = {i for s in p.statements if s.kind == "declaration"
             for i in range(s.first, s.last)
             if p.function.text(i - 1) == "[" or p.function.text(i + 1) == "]"}
    for i, token in enumerate(p.tokens):
        if i in endless or i in sizes:
            continue
        if token.text in ("true", "false"):
            if p.function.text(i - 1) == "return":
                continue	# result does that
            yield from p.at(i, i, "false" if token.text == "true" else "true")
        match = NUMBER.match(token.text)
        if match and not (p.function.text(i - 1) == "return" and
                          p.function.text(i + 1) == ";"):
            yield from p.at(i, i, following(match.group(1)) + match.group(2))


def error(p):
    """Another errno."""
    known = set(errno.errorcode.values())
    for i, token in enumerate(p.tokens):
        if token.text in known:
            yield from p.at(i, i, "EINVAL" if token.text == "EIO" else "EIO")


def result(p):
    """Another result: 0, NULL, or the opposite."""
    head = p.function.head
    before = re.split(r"\b" + p.function.name + r"\s*\(", head)[0]
    for s in p.statements:
        if s.kind != "return" or s.last == s.first + 1:
            continue
        first, last = s.first + 1, s.last - 1
        old = p.text(first, last)
        if before.rstrip().endswith("*"):
            new = None if old == "NULL" else "NULL"
        elif re.search(r"\bbool\b", before):
            new = {"true": "false", "false": "true"}.get(old, f"!({old})")
        elif re.match(r"-E[A-Z0-9]+$", old) or re.search(r"struct", before):
            new = None
        elif old == "0":
            new = "1"
        else:
            new = "0"
        if new:
            yield from p.at(first, last, same_lines(old, new))


OPERATORS = {f.__name__: f for f in (
    condition, operand, logic, check, bound, clamp, statement, wake, unlock,
    cleanup, jump, boundary, equality, arithmetic, bits, constant, error,
    result)}


def mutants_of(source, operators=None):
    """All mutants of a file, in the order of its text."""
    found = {}
    for function in source.functions:
        places = Places(source, function)
        for name in operators or OPERATORS:
            for start, end, after in OPERATORS[name](places):
                m = Mutant(source.path, function.name, name,
                           source.line_of(start), source.line_at(start),
                           source.text[start:end], after, start, end)
                found.setdefault((start, end, after), m)
    mutants = sorted(found.values(), key=lambda m: (m.start, m.end, m.operator))
    seen = Counter()
    for m in mutants:
        m.nth = seen[m.key]
        seen[m.key] += 1
    return mutants


def number_of(mutant, seed):
    """Where the mutant stands in the order that belongs to this seed."""
    text = "\n".join((str(seed), *mutant.key, str(mutant.nth)))
    return hashlib.sha256(text.encode()).hexdigest()


def spread(mutants, seed):
    """All mutants, so that any number of the first are spread: the operators in
    turn, and of each the mutant whose file has had the fewest so far."""
    left = {}
    for m in sorted(mutants, key=lambda m: number_of(m, seed)):
        left.setdefault(m.operator, {}).setdefault(m.path, []).append(m)
    uses = Counter()
    while left:
        for operator in sorted(left):
            files = left[operator]
            path = min(files, key=lambda p: (uses[p], number_of(
                files[p][-1], seed)))
            uses[path] += 1
            yield files[path].pop()
            if not files[path]:
                del files[path]
            if not files:
                del left[operator]
