"""Positional arguments after named ones: allowed in specs, in neither Starlark nor Python.

Such an argument gets a name of its own inserted in front of it (`_p0=`), so that both parsers
accept the call; the compiler takes the name away again. Lines never move. Only files that Python
refuses for this very reason are looked at.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field

from faultbox.spec.source import Source

LATE_ARGUMENT = "positional argument follows keyword argument"
"""What Python says of a file that needs normalising (CPython 3.8 and later)."""
_TOKEN = r"""
    (?P<string>[rRbB]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |\"(?:[^\\\"\n]|\\.)*\"|'(?:[^\\'\n]|\\.)*'))
  | (?P<name>\w+)
  | (?P<space>(?:[ \t\r\f]|\\\r?\n|\n|\#[^\n]*)+)
  | (?P<mark>\*\*=?|[=!<>]=|.)
    """
_KEYWORDS = frozenset({"and", "or", "not", "in", "if", "else", "for", "return", "lambda"})


def normalise(text: str, file: str) -> Source:
    """The file with its late positional arguments named."""
    if not _needed(text):
        return Source(file, text, text)
    places = _late_arguments(text)
    prefix = "_p"
    while f"{prefix}0" in text:
        prefix = "_" + prefix
    return _insert(text, file, [(place, f"{prefix}{index}=") for index, place in enumerate(places)])


def _needed(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return LATE_ARGUMENT in error.msg
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


def _insert(text: str, file: str, names: list[tuple[int, str]]) -> Source:
    parts: list[str] = []
    insertions: dict[int, list[tuple[int, int]]] = {}
    done = 0
    for place, name in names:
        parts += [text[done:place], name]
        done = place
        start = text.rfind("\n", 0, place) + 1
        line = text.count("\n", 0, place) + 1
        before = sum(length for _, length in insertions.get(line, []))
        offset = len(text[start:place].encode("utf-8", "surrogateescape")) + before
        insertions.setdefault(line, []).append((offset, len(name)))
    parts.append(text[done:])
    return Source(file, text, "".join(parts), {line: tuple(each) for line, each in insertions.items()})


@dataclass
class _Bracket:
    """An open bracket: of a call, where arguments are told apart, or any other."""

    call: bool
    closing: str
    start: int = -1
    tokens: list[str] = field(default_factory=list)
    named: bool = False
    ended: bool = False
    lambdas: int = 0

    def begin(self) -> None:
        self.start = -1
        self.tokens = []
        self.lambdas = 0

    def late(self) -> bool:
        """Whether the argument that ends here is a positional one after a named one."""
        if not self.tokens:
            return False
        if self.tokens[0] in ("*", "**"):
            self.ended = True
            return False
        if len(self.tokens) > 1 and self.tokens[1] == "=":
            self.named = True
            return False
        return self.named and not self.ended


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _late_arguments(text: str) -> list[int]:
    """Where the arguments begin that need a name, in order."""
    found: list[int] = []
    stack = [_Bracket(call=False, closing="")]
    before, before_that = "", ""
    for match in re.finditer(_TOKEN, text, re.VERBOSE | re.DOTALL):
        kind, token = match.lastgroup, match.group()
        if kind == "space":
            continue
        top = stack[-1]
        if token == top.closing or (token == "," and not top.lambdas):
            if top.call and top.late():
                found.append(top.start)
            top.begin()
            if token == top.closing:
                stack.pop()
        else:
            _take(top, token, match.start())
            if token in _CLOSING:
                stack.append(_Bracket(_is_call(token, kind, before, before_that), _CLOSING[token]))
        before_that, before = before, token
    return sorted(found)


def _take(bracket: _Bracket, token: str, place: int) -> None:
    """Note a token of an argument; commas between a lambda and its colon separate parameters."""
    if bracket.start < 0:
        bracket.start = place
    if len(bracket.tokens) < 2:
        bracket.tokens.append(token)
    if token == "lambda":
        bracket.lambdas += 1
    elif token == ":" and bracket.lambdas:
        bracket.lambdas -= 1


def _is_call(token: str, kind: str | None, before: str, before_that: str) -> bool:
    if token != "(" or kind != "mark" or before_that == "def":
        return False
    return (
        before in (")", "]", "}") or (before[-1:] in ('"', "'")) or (before.isidentifier() and before not in _KEYWORDS)
    )
