"""The law of shortcuts: what is taken at a glance is decided, counted and passed on as by the long way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.model.message import MessageRule
from faultbox.protocols.contract import Dialogue, dialogue
from faultbox.protocols.redis.values import command
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.playbook import Play, a_rule

Exchange = tuple[bytes, bytes]


def http(status: int, body: bytes, *heads: bytes, path: bytes = b"/data/a", method: bytes = b"GET") -> Exchange:
    lines = b"".join(b"%s\r\n" % each for each in (heads or (b"Content-Length: %d" % len(body),)))
    return b"%s %s HTTP/1.1\r\nHost: x\r\n\r\n" % (method, path), b"HTTP/1.1 %d X\r\n%s\r\n" % (status, lines) + body


CHUNKED = b"Transfer-Encoding: chunked"
HTTP = (
    http(200, b"ok"),
    http(503, b"no", path=b"/other"),
    http(200, b'{"a": 1}', path=b"/json"),
    http(200, b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n', CHUNKED, path=b"/json"),
    http(200, b"2\r\nok\r\n0\r\nTrailer: x\r\n\r\n", CHUNKED),
    http(200, b"", b"Content-Length: 9", method=b"HEAD"),
    http(204, b"", b"X: y"),
)
REDIS = tuple(
    (command(*asked), answer)
    for asked, answer in (
        ((b"GET", b"a"), b"$1\r\nx\r\n"),
        ((b"GET", b"gone"), b"$-1\r\n"),
        ((b"SET", b"a", b"1"), b"+OK\r\n"),
        ((b"INCR", b"a"), b":2\r\n"),
        ((b"INCR", b"list"), b"-WRONGTYPE no\r\n"),
        ((b"LRANGE", b"l", b"0", b"-1"), b"*2\r\n$1\r\na\r\n:1\r\n"),
    )
)
RULES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "http": [
        ("error", {"match": {"path": "/other"}, "status": 418}),
        ("truncate", {"side": "response", "match": {"status": "5*"}}),
        ("rewrite", {"side": "response", "match": {"json.a": "1"}, "json": {"a": 2}}),
        ("delay", {"side": "response", "match": {"path": "/data/*", "method": "GET"}, "delay_ms": 0, "nth": 2}),
        ("rewrite", {"side": "response", "match": {"body": "never"}, "status": 500}),
    ],
    "redis": [
        ("error", {"match": {"command": "SET"}}),
        ("rewrite", {"side": "response", "match": {"status": "nil"}, "value": "made up"}),
        ("rewrite", {"side": "response", "match": {"value": "x"}, "value": "y"}),
        ("delay", {"side": "response", "match": {"key": "a"}, "delay_ms": 0, "nth": 2}),
        ("truncate", {"side": "response", "match": {"status": "WRONGTYPE"}}),
    ],
}


class LongWay(Conversation):
    def passes(self, *_: object) -> bool:
        return False


def played(protocol: str, rules: Sequence[MessageRule], asked: Sequence[Exchange], *, long: bool) -> tuple[Any, ...]:
    """What is said, noted, counted and reported."""
    talk = Play(_made(protocol), *rules, protocol=protocol)
    if long:
        talk.talk = LongWay(dialogue(protocol), talk.book)
    said = list(spoken(talk, asked))
    notes = [{name: value for name, value in each.items() if name != "duration_ms"} for each in talk.notes]
    return said, notes, [talk.counts(slot) for slot in range(len(rules))], talk.ledger.report()


def spoken(talk: Play, asked: Sequence[Exchange]) -> Iterator[Any]:
    for request, answer in asked:
        yield (said := talk.caller(request))
        if any(each[0] == "service" for each in said):
            yield talk.service(answer)


@pytest.mark.parametrize(("protocol", "exchanges"), [("http", HTTP), ("redis", REDIS)])
@given(data=st.data())
def test_the_shortcut_does_as_the_long_way(protocol: str, exchanges: tuple[Exchange, ...], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(RULES[protocol]), max_size=3))
    asked = data.draw(st.lists(st.sampled_from(exchanges), max_size=8))
    rules = [a_rule(action, protocol=protocol, slot=slot, **how) for slot, (action, how) in enumerate(chosen)]
    assert played(protocol, rules, asked, long=False) == played(protocol, rules, asked, long=True)


@given(data=st.data())
def test_pipelines_too(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(RULES["redis"][1:]), max_size=3))
    batches = data.draw(st.lists(st.lists(st.sampled_from(REDIS), min_size=1, max_size=4), max_size=5))
    asked = [(b"".join(each[0] for each in batch), b"".join(each[1] for each in batch)) for batch in batches]
    rules = [a_rule(action, protocol="redis", slot=slot, **how) for slot, (action, how) in enumerate(chosen)]
    assert played("redis", rules, asked, long=False) == played("redis", rules, asked, long=True)


@pytest.mark.parametrize(("protocol", "exchange"), [("http", HTTP[0]), ("http", HTTP[3]), ("redis", REDIS[0])])
def test_it_is_taken_where_rules_on_answers_match_nothing(protocol: str, exchange: Exchange) -> None:
    rule = a_rule("truncate", protocol=protocol, side="response", match={"status": "never"})
    talk = Play(_made(protocol), rule, protocol=protocol)
    talk.talk.received("request", exchange[0])
    talk.talk.received("response", exchange[1])
    for _ in range(2):
        assert talk.talk.passes("request", exchange[0])
        assert talk.talk.passes("response", exchange[1])
    assert talk.counts() == (3, 0, 0, 0)


def test_many_answers_at_once_are_each_looked_at() -> None:
    talk = Play(_made("redis"), a_rule("rewrite", protocol="redis", side="response", match={"value": "x"}, value="y"))
    (get, x), (gone, nil) = REDIS[:2]
    talk.caller(gone)
    talk.service(nil)
    assert talk.talk.passes("request", gone * 3)
    assert talk.talk.passes("response", nil * 3)
    assert talk.talk.passes("request", gone + get)
    assert not talk.talk.passes("response", nil + x)
    assert talk.service(nil + x) == [("caller", nil + b"$1\r\ny\r\n")]
    assert talk.counts() == (6, 1, 1, 0)


def _made(protocol: str) -> Callable[[], Dialogue]:
    return lambda: dialogue(protocol)
