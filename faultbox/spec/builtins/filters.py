"""Filters over events: type="syscall", decision="deny*", where=lambda e: ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faultbox.model import event_types
from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.match import describe, fits, matches
from faultbox.model.syscalls import UnknownSyscall, expand
from faultbox.model.topology import Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.values import invoke, is_function, nearest_name
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
        """Raises Wrong for what no event can be: a type, a field, an op, a signal or a system call that is none."""
        kind = fields.get("type", "")
        _check_type(kind)
        _check_shape(kind, fields)
        if kind in event_types.SIGNALLED:
            fields = _numbered(fields)
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


def _check_type(pattern: str) -> None:
    if event_types.known(pattern) or event_types.known_elsewhere(pattern) or not pattern:
        return
    message, accepted = f"there are no events of type {pattern!r}", ", ".join(sorted(event_types.TYPES))
    near = nearest_name(pattern, sorted(event_types.TYPES))
    raise Wrong("UNKNOWN_EVENT_TYPE", message, accepted=accepted, nearest=near, at="type")


def _check_shape(kind: str, fields: Mapping[str, str]) -> None:
    if not kind and fields.get("syscall"):
        kind = "syscall"
    if kind == "syscall":
        _check_names(kind, fields, sorted(event_types.CALL_FIELDS))
    elif kind in event_types.FIELDS:
        _check_names(kind, fields, event_types.FIELDS[kind])
        _check_op(kind, fields.get("op", "*"))


def _check_names(kind: str, fields: Mapping[str, str], known: Sequence[str]) -> None:
    for name in fields:
        if name not in known:
            message, near = f"{kind} events have no field {name!r}", nearest_name(name, list(known))
            raise Wrong("UNKNOWN_FIELD", message, accepted=", ".join(known), nearest=near, at=name, naming=True)


def _check_op(kind: str, op: str) -> None:
    ops = event_types.OPS[kind]
    if op and not any(fits(each, op) for each in ops):
        message, near = f"{kind} events have no op {op!r}", nearest_name(op, list(ops))
        raise Wrong("UNKNOWN_OP", message, accepted=", ".join(ops), nearest=near, at="op")


def _numbered(fields: Mapping[str, str]) -> Mapping[str, str]:
    """With the number of a signal that is named, as events have it."""
    signal = fields.get("signal", "")
    if signal.isdigit() or not signal.isalnum():  # its number, or a pattern
        return fields
    return {**fields, "signal": str(kinds.signal_number(signal, "signal"))}


def filter_or_function(given: Any, label: str) -> Filter:
    """a dict of filters, or a function of one event"""
    if is_function(given):
        return Filter({}, given)
    fields = kinds.dict_of(kinds.text, value)(given, label)
    try:
        return Filter.of(fields)
    except Wrong as wrong:
        wrong.at = None  # it stands in the dict, not in an argument of that name
        raise
