# SPDX-License-Identifier: GPL-2.0-or-later
"""A C file as mutants see it: its functions and their statements.

clang-format keeps every file in one form, which makes a whole parser
unnecessary: the braces of a function stand in the first column, and a binary
operator has a space on both sides, where a pointer or a sign has none after it.
Text that no mutant touches (comments, strings, lines of the preprocessor) is
blanked in a copy of equal length, so that an offset counts in both.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"[A-Za-z_]\w*|0[xX][0-9a-fA-F]+\w*|\d[\w.]*|"
                   r"<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||"
                   r"[-+*/%&|^]=|\S")
HEADERS = {"if", "while", "for", "switch"}
ENDS = {"return", "goto", "break", "continue"}


def blanked(text):
    """The text with spaces where no mutant may be."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + "_" * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)

    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", blank, text, flags=re.M)


@dataclass
class Token:
    text: str
    start: int
    end: int


@dataclass
class Statement:
    """@kind is the keyword that begins it, "loop" of a macro that is one,
    "block", "label", "declaration" or "expression".  Numbers are tokens."""
    kind: str
    first: int
    last: int = 0
    cond: tuple = None		# the tokens between the parentheses
    body: "Statement" = None
    otherwise: "Statement" = None
    inner: list = field(default_factory=list)

    def walk(self):
        yield self
        for child in (self.body, self.otherwise, *self.inner):
            if child:
                yield from child.walk()


class Function:
    """The body of one function: tokens and the tree of its statements."""

    def __init__(self, name, head, blank, start, end):
        self.name, self.head = name, head
        self.start, self.end = start, end
        self.tokens = [Token(m.group(0), m.start(), m.end())
                       for m in TOKEN.finditer(blank, start, end)]
        self.pairs = self.match_pairs()
        self.body = self.statement(0)

    def match_pairs(self):
        pairs, stack = {}, []
        for i, token in enumerate(self.tokens):
            if token.text in "([{":
                stack.append(i)
            elif token.text in ")]}":
                opened = stack.pop()
                pairs[opened], pairs[i] = i, opened
        return pairs

    def text(self, i):
        return self.tokens[i].text if i < len(self.tokens) else ""

    def to_semicolon(self, i):
        while self.text(i) != ";":
            i = self.pairs[i] + 1 if self.text(i) in ("(", "[", "{") else i + 1
        return i

    def statement(self, i):
        """The statement that begins at token @i."""
        text = self.text(i)
        if text == "{":
            found = Statement("block", i, self.pairs[i])
            at = i + 1
            while at < found.last:
                found.inner.append(self.statement(at))
                at = found.inner[-1].last + 1
            return found
        if text in HEADERS:
            return self.headed(text, i)
        if text == "do":
            found = Statement("do", i, body=self.statement(i + 1))
            opened = found.body.last + 2
            found.cond = (opened + 1, self.pairs[opened])
            found.last = self.to_semicolon(opened)
            return found
        if text in ("case", "default"):
            while self.text(i) != ":":
                i += 1
            return Statement("label", i, i)
        if re.match(r"[A-Za-z_]", text) and self.text(i + 1) == ":":
            return Statement("label", i, i + 1)
        if text in ENDS:
            return Statement(text, i, self.to_semicolon(i))
        if self.text(i + 1) == "(" and re.match(r"[A-Za-z]", text):
            after = self.text(self.pairs[i + 1] + 1)
            if after in HEADERS | {"{"} or re.match(r"[A-Za-z_]", after):
                return self.headed("loop", i)
        return Statement("declaration" if self.declares(i) else "expression",
                         i, self.to_semicolon(i))

    def headed(self, kind, i):
        closed = self.pairs[i + 1]
        found = Statement(kind, i, cond=(i + 2, closed))
        found.body = self.statement(closed + 1)
        found.last = found.body.last
        if kind == "if" and self.text(found.last + 1) == "else":
            found.otherwise = self.statement(found.last + 2)
            found.last = found.otherwise.last
        return found

    def declares(self, i):
        """Two names in a row, or a name, stars, and a name: a declaration."""
        if self.text(i) in ("struct", "union", "enum", "const", "static",
                            "static_assert", "va_list", "_Alignas"):
            return True
        if not re.match(r"[A-Za-z_]", self.text(i)):
            return False
        i += 1
        while self.text(i) == "*" and \
                self.tokens[i].end == self.tokens[i + 1].start:
            i += 1
        return bool(re.match(r"[A-Za-z_]", self.text(i)))


class Source:
    """One file: @path is relative to the top of the tree."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.blank = blanked(text)
        self.functions = list(self.find_functions())

    def find_functions(self):
        for match in re.finditer(r"^\{\n.*?^\}$", self.blank, re.M | re.S):
            head = self.blank[:match.start()]
            head = head[max(head.rfind(";\n"), head.rfind("}\n")) + 2:].strip()
            # A macro that stands alone in a line makes another function.
            head = re.sub(r"^[A-Z_]+\([^\n]*\)\n", "", head, flags=re.M)
            name = re.search(r"(\w+)\s*\(", head)
            if name:
                yield Function(name.group(1), head, self.blank,
                               match.start(), match.end())

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def line_at(self, offset):
        """The text of the line, without indentation."""
        start = self.text.rfind("\n", 0, offset) + 1
        return self.text[start:self.text.find("\n", offset)].strip()
