"""SQL as rules see it: statements whatever their white space, case and comments; their shape and their tables.

No grammar: words, strings, numbers, placeholders and signs, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space> \s++ | --[^\n]*+ | /\*.*?\*/ )
    | (?P<string> [eE]'(?: [^'\\] | \\. | '' )*+' | (?:[bBxXnN]|[uU]&)?'(?: [^'] | '' )*+'
        | \$(?P<tag>[A-Za-z_]\w*+)?\$ .*? \$(?(tag)(?P=tag))\$ )
    | (?P<quoted> "(?: [^"] | "" )*+" )
    | (?P<open> [eE]?['"] .*+ )
    | (?P<hole> \$\d++ | \? )
    | (?P<number> (?: \d++ (?: \.\d*+ )? | \.\d++ ) (?: [eE][+-]?\d++ )? )
    | (?P<word> [^\W\d] [\w$]*+ )
    | (?P<sign> :: | := | (?: (?! --|/\* ) [<>=!~+\-*/|&#@%^] )++ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(
    r"""
      (?P<gap> \s++ | --[^\n]*+ | /\*.*?\*/ )
    | [eE]'(?: [^'\\] | \\. | '' )*+' | '(?: [^'] | '' )*+' | \$(?P<tag>[A-Za-z_]\w*+)?\$ .*? \$(?(tag)(?P=tag))\$
    | "(?: [^"] | "" )*+" (?P<name>)
    | \$\d++ | (?<! [\w$] ) (?: \d++ (?: \.\d*+ )? | \.\d++ ) (?: [eE][+-]?\d++ )?
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST = re.compile(r"\?(?: ?, ?\?)+")
_ROWS = re.compile(r"\( ?\? ?\)(?: ?, ?\( ?\? ?\))+")
_CACHED = 4096
"""Statements longer than that many characters are looked at anew each time."""


class Token(NamedTuple):
    kind: str
    text: str


def tokens(text: str) -> Iterator[Token]:
    """Words in lower case, placeholders as `?`; neither white space nor comments."""
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "sign"
        if kind == "word":
            yield Token(kind, found[0].lower())
        elif kind == "hole":
            yield Token(kind, "?")
        elif kind != "space":
            yield Token("string" if found["string"] else kind, found[0])


def normal(text: str) -> str:
    """A statement in the one form in which statements are compared: tokens with a space between them."""
    return _normal(text) if len(text) <= _CACHED else _normalised(text)


def shape(text: str) -> str:
    """What stays the same when values change: `insert into t values (?)`. Signs stay as they are written."""
    return _shape(text) if len(text) <= _CACHED else _shaped(text)


def command(text: str) -> str:
    """What a statement does, in capitals: SELECT, INSERT, BEGIN … Of WITH, what is done with it."""
    return _command(text) if len(text) <= _CACHED else _commanded(text)


def tables(text: str) -> tuple[str, ...]:
    """The tables it names, each with its schema too where that is written: `public.users`, `users`."""
    return _tables(text) if len(text) <= _CACHED else _tabled(text)


def _normalised(text: str) -> str:
    words = [token.text for token in tokens(text)]
    while words and words[-1] == ";":
        words.pop()
    return " ".join(words)


def _shaped(text: str) -> str:
    plain = " ".join(_VALUE.sub(_without_value, text).split()).rstrip(" ;").lower()
    return _ROWS.sub("(?)", _LIST.sub("?", plain))


def _without_value(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return " " if kind == "gap" else found[0] if kind == "name" else "?"


_VERBS = frozenset(("select", "insert", "update", "delete", "merge", "table", "values"))


def _commanded(text: str) -> str:
    depth, first = 0, ""
    for kind, word in tokens(text):
        depth += (word == "(") - (word == ")")
        if kind != "word":
            continue
        if first != "with":
            first = word
            if first != "with":
                break
        elif depth <= 0 and word in _VERBS:
            return word.upper()
    return first.upper()


_NAMED_AFTER = frozenset(("from", "join", "into", "update", "table", "truncate", "copy", "using"))
_BEFORE_NAME = frozenset(("only", "lateral", "if", "not", "exists", "table"))
_NO_NAME = frozenset(("select", "set", "values", "where", "skip", "nowait", "of", "unnest", "with"))
_ENDS_LIST = frozenset(
    (
        "where", "on", "set", "using", "group", "order", "limit", "returning", "values", "select", "union", "having",
        "window", "offset", "fetch", "for", "except", "intersect", "join", "left", "right", "full", "inner", "cross",
        "natural", "when", "then", "default", "with", "to",
    )
)  # fmt: skip


def _tabled(text: str) -> tuple[str, ...]:
    reader = _Tables(list(tokens(text)))
    return tuple(dict.fromkeys(reader.names()))


class _Tables:
    """Reads table names out of a statement's tokens."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._common = {
            word.text
            for word, following, opening in zip(words, words[1:], words[2:], strict=False)
            if word.kind in ("word", "quoted")
            and following.text == "as"
            and opening.text in ("(", "materialized", "not")
        }
        """Names that WITH gives to queries."""

    def names(self) -> Iterator[str]:
        outer: list[tuple[bool, bool]] = []
        """Of each open parenthesis: whether it is a call's, and whether it stands in a list of tables."""
        expects = within = False
        at = 0
        while at < len(self._words):
            kind, word = self._words[at]
            if word == "(":
                outer.append((not self._begins_query(at + 1), within))
                expects = within = False
            elif word == ")":
                expects, within = False, outer.pop()[1] if outer else False
            elif (
                word in _NAMED_AFTER
                and kind == "word"
                and self._introduces(at, inside_call=bool(outer) and outer[-1][0])
            ):
                expects = within = True
            elif expects and word in _BEFORE_NAME:
                pass
            elif expects and kind in ("word", "quoted") and word not in _NO_NAME:
                name, at = self._name(at)
                yield from name
                expects = False
            elif word == "," and within:
                expects = True
            else:
                expects = False
                within = within and not (kind == "word" and word in _ENDS_LIST)
            at += 1

    def _begins_query(self, at: int) -> bool:
        return at < len(self._words) and self._words[at].text in (
            "select",
            "with",
            "values",
            "insert",
            "update",
            "delete",
            "(",
        )

    def _introduces(self, at: int, *, inside_call: bool) -> bool:
        """Whether a table may follow: not in `extract(year from x)`, `is distinct from x`, `for update`."""
        word = self._words[at].text
        before = self._words[at - 1].text if at else ""
        verb = self._words[0].text
        if word == "from":
            return not inside_call and before != "distinct" and verb != "copy"
        if word == "update":
            return before not in ("for", "do", "key", "on")
        if word == "using":
            return verb in ("delete", "merge")
        return True

    def _name(self, at: int) -> tuple[tuple[str, ...], int]:
        """A name with its schemas, from that token on, and the last token of it. A function's is none."""
        parts = [_bare(self._words[at])]
        while at + 2 < len(self._words) and self._words[at + 1].text == ".":
            parts.append(_bare(self._words[at + 2]))
            at += 2
        called = (
            at + 1 < len(self._words)
            and self._words[at + 1].text == "("
            and self._words[0].text not in ("insert", "copy", "create")
        )
        if called or (len(parts) == 1 and parts[0] in self._common):
            return (), at
        whole = ".".join(parts)
        return (whole,) if len(parts) == 1 else (whole, parts[-1]), at


def _bare(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text


def glob(pattern: str) -> Callable[[str], bool]:
    """A statement's glob as a predicate: both are compared in their normal form, and `*` crosses anything.

    A star beside white space stands for whole words (or none); one that touches a word continues it.
    """
    pieces = pattern.split("*")
    needed = {token.text for piece in pieces for token in tokens(piece) if token.kind == "word"}
    if len(pieces) == 1:
        exact = normal(pattern)
        return lambda text: _has(needed, text) and normal(text) == exact
    parts = [_Piece.of(piece) for piece in pieces]
    parts[-1] = parts[-1]._replace(words=parts[-1].words.removesuffix(" ;").removesuffix(";"))
    return lambda text: _has(needed, text) and _meets(parts, normal(text))


def _has(words: set[str], text: str) -> bool:
    """Whether all of them are somewhere in it: what most statements that don't match can be told by."""
    lower = text.lower()
    return all(word in lower for word in words)


class _Piece(NamedTuple):
    """What stands between two stars. `begins` and `ends`: with a word of its own."""

    words: str
    begins: bool
    ends: bool

    @classmethod
    def of(cls, text: str) -> _Piece:
        words = " ".join(token.text for token in tokens(text))
        return cls(words, text[:1].isspace(), text[-1:].isspace())

    def find(self, text: str, start: int) -> int:
        """Where it stands first from there on; -1 if nowhere."""
        at = text.find(self.words, start)
        while at >= 0 and not self.fits(text, at):
            at = text.find(self.words, at + 1)
        return at

    def fits(self, text: str, at: int) -> bool:
        """Whether words begin and end there as they should."""
        end = at + len(self.words)
        alone = not self.begins or at == 0 or text[at - 1] == " "
        return alone and (not self.ends or end == len(text) or text[end] == " ")


def _meets(pieces: list[_Piece], text: str) -> bool:
    first, *between, last = pieces
    if not text.startswith(first.words) or not first._replace(begins=False).fits(text, 0):
        return False
    at = len(first.words)
    for piece in between:
        found = piece.find(text, at)
        if found < 0:
            return False
        at = found + len(piece.words)
    start = len(text) - len(last.words)
    return start >= at and text.endswith(last.words) and last._replace(ends=False).fits(text, start)


_normal = lru_cache(maxsize=1024)(_normalised)
_shape = lru_cache(maxsize=1024)(_shaped)
_command = lru_cache(maxsize=1024)(_commanded)
_tables = lru_cache(maxsize=1024)(_tabled)
