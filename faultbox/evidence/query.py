"""Asking a bundle for events: `type=syscall service=db decision=deny*`, as a spec's assertions name them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.match import matches
from faultbox.model.syscalls import UnknownSyscall, expand

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
