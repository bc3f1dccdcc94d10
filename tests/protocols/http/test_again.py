"""Requests that are asked twice: how, when, and what the caller hears of it."""

from __future__ import annotations

from functools import partial

import pytest

from faultbox.protocols.http import faults
from faultbox.proxy.playbook import Play, a_rule

rule = partial(a_rule, protocol="http")
POST = b"POST /notes HTTP/1.1\r\nHost: db\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nmilk"
AGAIN = ("again", b"POST /notes HTTP/1.1\r\nHost: db\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmilk")
GET = b"GET /notes HTTP/1.0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b"0\r\n\r\n"]


@pytest.fixture
def talk() -> Play:
    return Play(faults.dialogue, rule("duplicate", match={"method": "POST"}), protocol="http")


def test_the_caller_hears_the_first_answer_once_the_second_has_come(talk: Play) -> None:
    assert talk.caller(POST) == [("service", POST)]
    assert talk.service(OK) == [AGAIN]
    assert talk.caller(POST + GET) == [("service", POST + GET)]
    assert talk.timer("response") == [("caller", OK)]
    assert talk.service(OK) == [AGAIN]
    assert talk.service(OK) == []
    assert talk.timer("response") == [("caller", OK + OK)]
    assert talk.counts() == (3, 2, 2, 0)


def test_only_the_end_of_a_long_answer_waits(talk: Play) -> None:
    talk.caller(POST)
    assert talk.service(CHUNKS[0]) == [("caller", CHUNKS[0])]
    assert talk.service(CHUNKS[1]) == [AGAIN]
    assert talk.timer("response") == [("caller", CHUNKS[1])]


def test_an_answer_may_end_with_its_connection(talk: Play) -> None:
    head = b"HTTP/1.0 200 OK\r\n\r\nok"
    talk.caller(POST)
    assert talk.service(head) == [("caller", head)]
    assert talk.ended("response") == [(*AGAIN, "ends")]
    assert talk.timer("response") == [("finish", "response")]
    assert talk.counts()[2:] == (1, 0)


def test_a_service_that_ends_the_connection_is_let_go_before_it_is_asked_again(talk: Play) -> None:
    """One that serves a connection at a time waits for the end of this one."""
    talk.caller(POST)
    assert talk.service(OK.replace(b"Content", b"Connection: close\r\nContent")) == [(*AGAIN, "ends")]


def test_what_is_not_answered_once_is_not_asked_twice(talk: Play) -> None:
    talk.caller(POST)
    talk.ended("response")
    assert talk.counts() == (1, 1, 0, 1)
    assert talk.ledger.report().notes[0] == ("the connection ended before it was answered once (1 message)",)


def test_nor_is_what_nobody_waits_for_any_more(talk: Play) -> None:
    talk.caller(POST)
    talk.service(CHUNKS[0])
    talk.talk.gone()
    assert talk.counts() == (1, 1, 0, 1)


def test_what_is_changed_of_the_answer_is_changed_all_the_same() -> None:
    rules = rule("duplicate"), rule("rewrite", side="response", status=503, slot=1)
    talk = Play(faults.dialogue, *rules, protocol="http")
    talk.caller(POST)
    assert talk.service(OK) == [AGAIN]
    assert talk.timer("response") == [("caller", OK.replace(b"200 OK", b"503 Service Unavailable"))]


def test_it_is_asked_again_though_the_rule_is_gone_by_then(talk: Play) -> None:
    talk.caller(POST)
    talk.rules()
    assert talk.service(OK) == [AGAIN]
    assert talk.timer("response") == [("caller", OK)]
    assert talk.caller(POST) == [("service", POST)]
    assert talk.service(OK) == [("caller", OK)]


def test_it_is_asked_again_though_the_rule_goes_within_the_answer(talk: Play) -> None:
    talk.caller(POST)
    talk.service(CHUNKS[0])
    talk.rules()
    assert talk.service(CHUNKS[1]) == [("caller", CHUNKS[1]), AGAIN]


def test_released_it_is_asked_all_the_same(talk: Play) -> None:
    talk.caller(POST)
    talk.service(OK)
    assert talk.release() == [("caller", OK)]
