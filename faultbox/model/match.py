"""Filters over events, as assert_eventually(type="syscall", decision="deny*") writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from faultbox.model.event import Event


def matches(event: Event, filters: Mapping[str, str]) -> bool:
    """Whether every filter agrees with the event; no filters agree with every event.

    A filter names `type`, `service`, `seq` or a field. In its value `*` stands for any run of
    characters (slashes included) and `?` for one; all else is literal and case counts. The value
    "" asks that the field is empty or absent; a field that is absent agrees with nothing else,
    not even `*`.
    """
    for name, pattern in filters.items():
        value = value_of(event, name)
        if value is None:
            if pattern:
                return False
        elif not fits(value, pattern):
            return False
    return True


def value_of(event: Event, name: str) -> str | None:
    """What a filter of this name is compared with; None where the event has no such field."""
    if name == "type":
        return event.type
    if name == "service":
        return event.service
    if name == "seq":
        return str(event.seq)
    return event.fields.get(name)


def fits(value: str, pattern: str) -> bool:
    """Whether all of `value` is described by a pattern with `*` and `?`."""
    if "*" not in pattern and "?" not in pattern:
        return value == pattern
    return _compiled(pattern).fullmatch(value) is not None


def describe(filters: Mapping[str, str]) -> str:
    """The filters as a spec would write them: `type="syscall", decision="deny*"`."""
    return ", ".join(f"{name}={_quoted(value)}" for name, value in filters.items()) or "any event"


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Runs of stars are one star: each further one would multiply the ways to fail.
    parts = re.split(r"(\*+|\?)", pattern)
    text = "".join(".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts)
    return re.compile(text, re.DOTALL)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
