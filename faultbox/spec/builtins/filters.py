"""Filters over events: type="syscall", decision="deny*", where=lambda e: ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.match import describe, matches
from faultbox.model.syscalls import UnknownSyscall, expand
from faultbox.model.topology import Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.values import invoke, is_function
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.values import truth


def value(given: Any, label: str) -> str:
    """a string in which "*" stands for anything; fields are strings, so a number means its digits"""
    if isinstance(given, Service):
        return given.name
    if isinstance(given, bool) or not isinstance(given, str | int):
        kinds.refuse(label, "a string (fields of events are strings)", given)
    return str(given)


@frozen
class Filter:
    """Which events are meant. A syscall filter that names a family means every call of it."""

    fields: Mapping[str, str]
    where: Callable[..., Any] | None = None
    family: frozenset[str] = frozenset()

    @classmethod
    def of(cls, fields: Mapping[str, str], where: Callable[..., Any] | None = None) -> Filter:
        """Raises Wrong for a system call that does not exist."""
        name = fields.get("syscall", "")
        if not name or "*" in name or "?" in name:
            return cls(fields, where)
        try:
            return cls(fields, where, expand(name))
        except UnknownSyscall as error:
            message = f"{name!r} is no known system call"
            raise Wrong("UNKNOWN_SYSCALL", message, nearest=error.nearest, at="syscall") from None

    def __call__(self, event: Event) -> bool:
        fields = self.fields
        if self.family:
            if event.fields.get("syscall") not in self.family:
                return False
            fields = {name: each for name, each in fields.items() if name != "syscall"}
        if not matches(event, fields):
            return False
        return self.where is None or truth(invoke(self.where, event))

    def __str__(self) -> str:
        if self.where is None:
            return describe(self.fields)
        return f"{describe(self.fields)}, where=..." if self.fields else "where=..."


def filter_or_function(given: Any, label: str) -> Filter:
    """a dict of filters, or a function of one event"""
    if is_function(given):
        return Filter({}, given)
    return Filter.of(kinds.dict_of(kinds.text, value)(given, label))
