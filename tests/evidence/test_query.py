"""Filters over a bundle's events: what they mean, and what is no filter."""

from __future__ import annotations

import pytest

from faultbox.evidence.query import BadFilter, parse
from faultbox.model.event import Event

DENIED = Event(1, "syscall", "db", {"syscall": "fdatasync", "decision": "deny(EIO)", "path": "/data/wal"})
LINE = Event(2, "stdout", "api", {"raw": "could not write: EIO"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        ("type=syscall", True),
        ("type=sys*", True),
        ("service=d?", True),
        ("service=api", False),
        ("decision=deny*", True),
        ("type=syscall service=db decision=deny* path=/data/*", True),
        ("type=syscall service=db decision=allow", False),
        ("syscall=fsync", True),
        ("syscall=fdatasync", True),
        ("syscall=write", False),
        ("syscall=*sync", True),
        ("label=", True),
        ("label=*", False),
    ],
)
def test_what_matches(text: str, *, wanted: bool) -> None:
    assert parse(text)(DENIED) is wanted


def test_a_line_is_passed_over_only_if_it_can_t_match() -> None:
    wanted = parse("type=syscall decision=deny* path=/data/w?l raw='a b'")
    line = b'{"type":"syscall","fields":{"decision":"deny(EIO)","path":"/data/wal"}}'
    assert wanted.may_match(line)
    assert not wanted.may_match(line.replace(b"deny", b"allow"))
    assert wanted.may_match(b'{"type":"s\\u0079scall"}'), "spelt otherwise"
    assert parse("").may_match(b"anything")
    assert parse("label= seq=3").may_match(b"anything")


def test_blanks_are_quoted_as_in_a_shell() -> None:
    assert parse("raw='could not*'")(LINE)
    assert not parse("raw='could not*'")(DENIED)


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("syscall", "'syscall' is no filter", "write name=value"),
        ("=x", "'=x' is no filter", "write name=value"),
        ("type==x", "'type==x' is no filter", "write name=value"),
        ("type!=x", "'type!=x' is no filter", "write name=value"),
        ("type='x", "No closing quotation", "with quotes around"),
        ("type=a type=b", "type is there twice", "one value of a name"),
        ("syscall=fsynk", "'fsynk' is no known system call", "did you mean fsync?"),
    ],
)
def test_what_is_no_filter(text: str, message: str, advice: str) -> None:
    with pytest.raises(BadFilter, match=message) as caught:
        parse(text)
    assert advice in caught.value.advice
