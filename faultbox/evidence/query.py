"""Asking a bundle for events: `type=syscall service=db decision=deny*`, as a spec's assertions name them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cached_property

from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.match import matches
from faultbox.model.syscalls import UnknownSyscall, expand

_PLAIN = re.compile(r"[A-Za-z0-9_.:/()-]+")
"""Text that JSON has only one way to write where nothing is escaped."""
COMMON = ("type", "service", "seq")
"""What every event has beside its own fields."""


class BadFilter(Exception):
    """The filter can't be read, or can match nothing; `advice` says what would be right."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@frozen
class Where:
    """Which events are meant. The name of a family of system calls means every call of it."""

    fields: Mapping[str, str]
    family: frozenset[str] = frozenset()

    def may_match(self, line: bytes) -> bool:
        """Whether a line of a trace is worth parsing: it has what the filter says literally, or something escaped."""
        return b"\\" in line or all(word in line for word in self._words)

    @cached_property
    def _words(self) -> tuple[bytes, ...]:
        """What must be in the line of an event that matches, letter by letter."""
        literal = (re.split(r"[*?]", value) for name, value in self.fields.items() if name != "seq")
        return tuple(max(parts, key=len).encode() for parts in literal if _PLAIN.fullmatch(max(parts, key=len)))

    def __call__(self, event: Event) -> bool:
        if self.family and event.fields.get("syscall") not in self.family:
            return False
        return matches(event, self.fields)


def parse(text: str) -> Where:
    """`name=value` words, quoted as in a shell; `*` and `?` in a value stand for anything. Raises BadFilter."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadFilter(f"{text}: {error}", "write name=value, with quotes around what has blanks") from None
    fields: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name or name.endswith(("!", "<", ">", "~")) or value.startswith("="):
            raise BadFilter(f"{word!r} is no filter", "write name=value; * and ? in the value stand for anything")
        if name in fields:
            raise BadFilter(f"{name} is there twice", "an event has one value of a name: use * or ? in it")
        fields[name] = value
    return _with_family(fields)


def _with_family(fields: dict[str, str]) -> Where:
    name = fields.get("syscall", "")
    if not name or {"*", "?"} & set(name):
        return Where(fields)
    try:
        family = expand(name)
    except UnknownSyscall as error:
        advice = f"did you mean {error.nearest}?" if error.nearest else "see docs/reference/syscalls.md"
        raise BadFilter(f"{name!r} is no known system call", advice) from None
    return Where({key: value for key, value in fields.items() if key != "syscall"}, family)
