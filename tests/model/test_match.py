from __future__ import annotations

import pytest

from faultbox.model.event import Event
from faultbox.model.match import describe, fits, matches, value_of

DENIED = Event(
    time_ns=5,
    type="syscall",
    service="db",
    fields={"syscall": "write", "path": "/data/wal/0001", "decision": "deny(EIO)", "label": ""},
    seq=17,
)


@pytest.mark.parametrize(
    ("filters", "agrees"),
    [
        ({}, True),
        ({"type": "syscall"}, True),
        ({"type": "sys*"}, True),
        ({"type": "stdout"}, False),
        ({"service": "db", "decision": "deny*"}, True),
        ({"service": "api", "decision": "deny*"}, False),
        ({"path": "/data/*"}, True),
        ({"path": "*/wal/????"}, True),
        ({"path": "/data/wal"}, False),
        ({"path": "/DATA/*"}, False),
        ({"seq": "17"}, True),
        ({"missing": "*"}, False),
        ({"missing": ""}, True),
        ({"label": ""}, True),
        ({"label": "*"}, True),
        ({"path": ""}, False),
    ],
)
def test_filters(filters: dict[str, str], agrees: bool) -> None:
    assert matches(DENIED, filters) is agrees


@pytest.mark.parametrize(
    ("value", "pattern", "agrees"),
    [
        ("a.b", "a?b", True),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("[x]", "[x]", True),
        ("x", "[x]", False),
        ("two\nlines", "two*lines", True),
        ("", "*", True),
        ("", "?", False),
        ("deny(EIO)", "deny(*)", True),
        ("a-b-c-b", "a*b*b", True),
        ("a-b-c", "a*b*b", False),
        ("abab", "*ab", True),
    ],
)
def test_only_star_and_question_mark_are_special(value: str, pattern: str, agrees: bool) -> None:
    assert fits(value, pattern) is agrees


def test_many_stars_do_not_explode() -> None:
    assert not fits("a" * 2000, "*" * 200 + "b")
    assert not fits("a" * 2000, "*a*a*a*a*a*a*b")


def test_value_of() -> None:
    assert value_of(DENIED, "type") == "syscall"
    assert value_of(DENIED, "syscall") == "write"
    assert value_of(DENIED, "nothing") is None


def test_describe() -> None:
    assert describe({"type": "syscall", "path": '/a"b\\*'}) == 'type="syscall", path="/a\\"b\\\\*"'
    assert describe({}) == "any event"
