"""Turns of bytes, as scripts."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.protocols.tcp import faults
from faultbox.proxy.playbook import Play, a_rule

rule = partial(a_rule, protocol="tcp")


def play(*rules: Any) -> Play:
    return Play(faults.dialogue, *rules, protocol="tcp")


def test_a_server_may_speak_first() -> None:
    talk = play(rule("response", match={"data": "STAT*"}, body="-ERR no\r\n"))
    assert talk.service(b"+OK hello\r\n") == [("caller", b"+OK hello\r\n")]
    assert talk.caller(b"STAT 1\r\n") == [("caller", b"-ERR no\r\n")]
    assert talk.caller(b"QUIT\r\n") == [("service", b"QUIT\r\n")]
    assert talk.service(b"+OK\r\n") == [("caller", b"+OK\r\n")]
    assert talk.counts()[:3] == (2, 1, 1)


def test_what_follows_shares_the_fate_of_its_turn() -> None:
    talk = play(rule("truncate", side="response", after_bytes=6))
    talk.caller(b"a\n")
    assert talk.service(b"1234") == [("caller", b"1234")]
    assert talk.service(b"5678") == [("caller", b"56"), ("close",)]


def test_a_turn_is_counted_once_however_it_is_cut() -> None:
    talk = play(rule("delay", delay_ms=5, trigger={"nth": 2}))
    assert talk.caller(b"a") + talk.caller(b"b\n") == [("service", b"a"), ("service", b"b\n")]
    assert talk.service(b"c\n") == [("caller", b"c\n")]
    assert talk.caller(b"d\n") == [("wait", "request", 5)]
    assert talk.counts()[:3] == (2, 2, 1)


def test_the_first_word_is_the_method() -> None:
    talk = play(rule("drop", match={"method": "set"}))
    assert talk.caller(b"SETX 1\n") == [("service", b"SETX 1\n")]
    assert talk.service(b"ok\n") == [("caller", b"ok\n")]
    assert talk.caller(b"SET 1\n") == [("close",)]


def test_corrupt_changes_a_byte() -> None:
    talk = play(rule("corrupt", side="response", offset=1))
    ((_, data),) = talk.service(b"abc")
    assert data[:1] + data[2:] == b"ac"
    assert data != b"abc"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["request", "response"]), st.binary(min_size=1, max_size=20)), max_size=20))
def test_bytes_pass_as_they_came(pieces: list[tuple[Any, bytes]]) -> None:
    talk = play(rule("drop", match={"data": "never said by anybody at all"}))
    for side, data in pieces:
        said = talk.caller(data) if side == "request" else talk.service(data)
        assert said == [("service" if side == "request" else "caller", data)]
