"""SQL as rules see it: statements whatever their white space, case, comments and needless quotes; their shape.

No grammar: words, strings, numbers, placeholders and signs, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

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
_NEEDLESS = re.compile(r'"([a-z_][a-z0-9_$]*)"')
"""A quoted name that means the same without its quotes."""
CACHED: Final = 4096
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


def forms(text: str) -> tuple[str, ...]:
    """A statement in the forms in which statements are compared: tokens with a space between them.

    Names are without quotes that they don't need; where there are such quotes, the second form has them. Of several
    statements in one text each is found, and the text as a whole.
    """
    return _forms(text) if len(text) <= CACHED else _formed(text)


def shape(text: str) -> str:
    """What stays the same when values change: `insert into t values (?)`. Signs stay as they are written."""
    return _shape(text) if len(text) <= CACHED else _shaped(text)


def commands(text: str) -> tuple[str, ...]:
    """What a text does, in capitals: SELECT, INSERT, BEGIN … Of several statements, what each does; of WITH, what is
    done with it, and then what its queries change. At least one, which may be empty."""
    return _commands(text) if len(text) <= CACHED else _commanded(text)


def statements(text: str) -> list[list[Token]]:
    """The tokens of each statement of a text; none of nothing."""
    found: list[list[Token]] = [[]]
    for token in tokens(text):
        if token.text == ";":
            found.append([])
        else:
            found[-1].append(token)
    return [each for each in found if each]


def bare(token: Token) -> str:
    """A name without its quotes."""
    return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text


def _formed(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for spell in (_unquoted, _written) if _NEEDLESS.search(text) else (_written,):
        each = [" ".join(map(spell, words)) for words in statements(text)]
        found += (" ; ".join(each), *each)
    return tuple(dict.fromkeys(found))


def _written(token: Token) -> str:
    return token.text


def _unquoted(token: Token) -> str:
    return token.text[1:-1] if token.kind == "quoted" and _NEEDLESS.fullmatch(token.text) else token.text


def _shaped(text: str) -> str:
    plain = " ".join(_VALUE.sub(_without_value, text).split()).rstrip(" ;").lower()
    return _ROWS.sub("(?)", _LIST.sub("?", plain))


def _without_value(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return " " if kind == "gap" else found[0] if kind == "name" else "?"


_CHANGES = frozenset(("insert", "update", "delete", "merge"))
_VERBS = _CHANGES | {"select", "table", "values"}


def _commanded(text: str) -> tuple[str, ...]:
    each = [verb.upper() for words in statements(text) for verb in _verbs(words)]
    return tuple(dict.fromkeys(each)) or ("",)


def _verbs(words: Sequence[Token]) -> tuple[str, ...]:
    """What one statement does; of WITH, what is done with it and what its queries change."""
    first = next((place for place, token in enumerate(words) if token.kind == "word"), None)
    if first is None or words[first].text != "with":
        return () if first is None else (words[first].text,)
    depth, main, changes = 0, "with", []
    for before, (kind, word) in pairwise(words[first:]):
        depth += (word == "(") - (word == ")")
        if kind == "word" and word in _VERBS and depth <= 0:
            main = word
            break
        if kind == "word" and word in _CHANGES and before.text == "(":
            changes.append(word)
    return (main, *changes)


def glob(pattern: str) -> Callable[[str], bool]:
    """A statement's glob as a predicate: it meets a text of which it meets any form, and `*` crosses anything.

    A star beside white space stands for whole words (or none); one that touches a word continues it.
    """
    pieces = pattern.split("*")
    needed = {token.text for piece in pieces for token in tokens(piece) if token.kind == "word"}
    if len(pieces) == 1:
        exact = forms(pattern)[0]
        return lambda text: _has(needed, text) and exact in forms(text)
    spelt = [_parts(pieces, spell) for spell in ((_unquoted, _written) if '"' in pattern else (_written,))]
    return lambda text: _has(needed, text) and any(_meets(parts, form) for parts in spelt for form in forms(text))


def _parts(pieces: Sequence[str], spell: Callable[[Token], str]) -> list[_Piece]:
    parts = [_Piece.of(piece, spell) for piece in pieces]
    parts[-1] = parts[-1]._replace(words=parts[-1].words.removesuffix(" ;").removesuffix(";"))
    return parts


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
    def of(cls, text: str, spell: Callable[[Token], str]) -> _Piece:
        words = " ".join(map(spell, tokens(text)))
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


_forms = lru_cache(maxsize=1024)(_formed)
_shape = lru_cache(maxsize=1024)(_shaped)
_commands = lru_cache(maxsize=1024)(_commanded)
