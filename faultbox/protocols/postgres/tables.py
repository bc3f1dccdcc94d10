"""Which tables a statement names, read from its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from faultbox.protocols.postgres.sql import CACHED, Token, bare, statements

_NAMED_AFTER = frozenset(("from", "join", "into", "update", "table", "truncate", "copy", "using", "on"))
_BEFORE_NAME = frozenset(("only", "lateral", "if", "not", "exists", "table"))
_NO_NAME = frozenset(("select", "set", "values", "where", "skip", "nowait", "of", "unnest", "with"))
_ENDS_LIST = frozenset(
    (
        "where", "on", "set", "using", "group", "order", "limit", "returning", "values", "select", "union", "having",
        "window", "offset", "fetch", "for", "except", "intersect", "join", "left", "right", "full", "inner", "cross",
        "natural", "when", "then", "default", "with", "to",
    )
)  # fmt: skip


_NOT_FROM = frozenset(("copy", "fetch", "move"))
"""What these have after FROM is a file or a cursor."""
_STANDS_ON = frozenset(("index", "trigger", "policy", "rule"))
"""What is made on a table."""


def tables(text: str) -> tuple[str, ...]:
    """The tables it names, each with its schema too where that is written: `public.users`, `users`."""
    return _tables(text) if len(text) <= CACHED else _tabled(text)


def _tabled(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for words in statements(text) for name in _Tables(words).names()))


_tables = lru_cache(maxsize=1024)(_tabled)


class _Tables:
    """Reads table names out of a statement's tokens."""

    def __init__(self, words: Sequence[Token]) -> None:
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
                within = expects  # a join may stand in parentheses, where a table may
            elif word == ")":
                expects, within = False, outer.pop()[1] if outer else False
            elif word in _NAMED_AFTER and kind == "word" and self._introduces(at, [is_call for is_call, _ in outer]):
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

    def _introduces(self, at: int, calls: Sequence[bool]) -> bool:
        """Whether a table may follow: not in `extract(year from x)`, `is distinct from x`, `for update`.

        `calls`: of each open parenthesis, whether it is a call's.
        """
        word = self._words[at].text
        before = self._words[at - 1].text if at else ""
        verb = self._words[0].text
        if word == "from":
            return not any(calls[-1:]) and before != "distinct" and (bool(calls) or verb not in _NOT_FROM)
        if word == "update":
            return before not in ("for", "do", "key", "on")
        if word == "using":
            return verb in ("delete", "merge")
        if word == "on":
            return verb == "create" and not calls and any(each.text in _STANDS_ON for each in self._words[1:4])
        return True

    def _name(self, at: int) -> tuple[tuple[str, ...], int]:
        """A name with its schemas, from that token on, and the last token of it. A function's is none."""
        parts = [bare(self._words[at])]
        while at + 2 < len(self._words) and self._words[at + 1].text == ".":
            parts.append(bare(self._words[at + 2]))
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
