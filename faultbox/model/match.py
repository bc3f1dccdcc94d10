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
    # Between two stars the earliest fit is as good as any later one, and the atomic group holds on to
    # it: without that, every star would multiply the ways to fail.
    first, *rest = (
        "".join("." if char == "?" else re.escape(char) for char in part) for part in re.split(r"\*+", pattern)
    )
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}", re.DOTALL)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
