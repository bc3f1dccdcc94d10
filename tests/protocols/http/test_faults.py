"""HTTP conversations, as scripts."""

from __future__ import annotations

import gzip
import json
import random
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.protocols.http import faults
from faultbox.proxy.playbook import Play, a_rule, sent

rule = partial(a_rule, protocol="http")
GET = b"GET /data/a?x=1&y=%41 HTTP/1.1\r\nHost: db\r\nX-Tenant: blue\r\n\r\n"
POST = b'POST /data/a HTTP/1.1\r\nHost: db\r\nContent-Length: 14\r\n\r\n{"a":{"b":10}}'
CHUNKED = b"POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
NEVER = {"path": "/never"}


def play(*rules: Any, seed: int = 1) -> Play:
    return Play(faults.dialogue, *rules, protocol="http", seed=seed)


def answer(said: list[Any]) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers and body of what the caller is sent."""
    head, _, body = sent(said, "caller").partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, dict(line.split(b": ", 1) for line in lines), body


def test_a_response_answers_instead_of_the_service() -> None:
    talk = play(rule("response", match={"method": "post", "path": "/data/*"}, status=503, body='{"error":"x"}'))
    assert talk.caller(GET) == [("service", GET)]
    assert talk.service(OK) == [("caller", OK)]
    said = talk.caller(POST)
    assert answer(said) == (
        b"HTTP/1.1 503 Service Unavailable",
        {b"Content-Type": b"application/json", b"Content-Length": b"13"},
        b'{"error":"x"}',
    )
    assert sent(said, "service") == b""
    assert talk.caller(GET) == [("service", GET)]
    assert talk.counts()[:3] == (3, 1, 1)


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (GET.replace(b"GET", b"HEAD", 1), OK.removesuffix(b"ok")),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET, b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (GET, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_what_has_no_body_is_not_corrupted_and_that_is_not_said_to_have_fired(request_: bytes, response: bytes) -> None:
    talk = play(rule("corrupt", side="response"))
    talk.caller(request_)
    assert talk.service(response) == [("caller", response)]
    talk.caller(GET)
    assert talk.service(OK) != [("caller", OK)]
    assert talk.counts()[:3] == (2, 2, 1)


def test_an_error_is_json() -> None:
    first, headers, body = answer(play(rule("error", status=429, message="slow down")).caller(GET))
    assert (first, json.loads(body)) == (b"HTTP/1.1 429 Too Many Requests", {"error": "slow down"})
    assert headers[b"Content-Type"] == b"application/json"


def test_an_answer_to_head_has_no_body() -> None:
    said = play(rule("response", body="four")).caller(GET.replace(b"GET", b"HEAD", 1))
    assert answer(said)[1:] == ({b"Content-Type": b"text/plain; charset=utf-8", b"Content-Length": b"4"}, b"")


@pytest.mark.parametrize(
    "request_",
    [
        GET.replace(b"Host", b"Connection: close\r\nHost"),
        GET.replace(b"/1.1", b"/1.0"),
        b"POST /data/a HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_the_connection_ends_after_an_answer_where_the_caller_expects_it(request_: bytes) -> None:
    said = play(rule("response")).caller(request_)
    assert said[-1] == ("close",)
    assert answer(said)[1][b"Connection"] == b"close"


@pytest.mark.parametrize(
    ("match", "met"),
    [
        ({"path": "/data/*"}, True),
        ({"path": "/*/a"}, True),
        ({"path": "/*"}, True),
        ({"path": "*"}, True),
        ({"path": "/Data/a"}, False),
        ({"path": "/data/a*"}, True),
        ({"path": "/d*a"}, False),
        ({"path": "/data/?"}, True),
        ({"query.x": "1"}, True),
        ({"query.y": "A"}, True),
        ({"query.z": "*"}, False),
        ({"headers.x-tenant": "bl*"}, True),
        ({"headers.x-tenant": "Blue"}, False),
        ({"body": "*"}, True),
        ({"body": "?*"}, False),
        ({"json.a": "*"}, False),
        ({"status": "200"}, False),
    ],
)
def test_what_a_request_matches_by(match: dict[str, str], met: bool) -> None:
    talk = play(rule("error", match=match))
    talk.caller(GET)
    assert talk.counts()[:3] == (1, int(met), int(met))


@pytest.mark.parametrize(
    ("match", "met"),
    [
        ({"json.a.b": "1*"}, True),
        ({"json.a": '{"b": 10}'}, True),
        ({"json.a.c": "*"}, False),
        ({"body": '*"b":10*'}, True),
    ],
)
def test_a_body_is_matched_when_it_is_whole(match: dict[str, str], met: bool) -> None:
    talk = play(rule("error", match=match))
    assert talk.caller(POST[:-1]) == []
    talk.caller(POST[-1:])
    assert talk.counts()[:3] == (1, int(met), int(met))


def test_a_body_in_chunks_is_matched_by_its_content() -> None:
    talk = play(rule("error", match={"body": "hello world"}))
    assert answer(talk.caller(CHUNKED))[0].endswith(b"500 Internal Server Error")


def test_a_compressed_body_is_matched_and_an_unknown_coding_is_unresolved() -> None:
    packed = gzip.compress(b"hello")
    head = b"POST / HTTP/1.1\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    talk = play(rule("error", match={"body": "hello"}))
    talk.caller(head % (b"gzip", len(packed)) + packed)
    assert talk.counts() == (1, 1, 1, 0)
    assert talk.caller(head % (b"br", 1) + b"x") == [("service", head % (b"br", 1) + b"x")]
    assert talk.counts() == (2, 1, 1, 1)


def test_a_streamed_body_is_not_held_where_nobody_asks() -> None:
    talk = play(rule("error", match=NEVER))
    assert talk.caller(CHUNKED[:60]) == [("service", CHUNKED[:60])]
    assert talk.caller(CHUNKED[60:] + GET) == [("service", CHUNKED[60:] + GET)]
    assert talk.counts()[0] == 2


@pytest.mark.parametrize("request_", [GET, POST, POST[:-14], POST + b"x", CHUNKED, b"\r\n" + GET, GET[:-2], GET + GET])
def test_the_shortcut_takes_whole_requests_alone(request_: bytes) -> None:
    found = faults.dialogue().quick_requests(request_)
    assert bool(found) is (request_ in (GET, POST))


@pytest.mark.parametrize(
    "answer_", [OK, OK[:-1], OK + b"x", STREAMED, OK.replace(b"200", b"100"), OK.replace(b"200", b"304")]
)
def test_the_shortcut_takes_whole_answers_alone(answer_: bytes) -> None:
    talk = faults.dialogue()
    talk.waiting.extend(talk.quick_requests(GET) or ())
    assert talk.quick_responses(answer_) == int(answer_ in (OK, STREAMED))
    assert len(talk.waiting) == 1


@pytest.mark.parametrize(
    "answer_", [STREAMED[:-5], STREAMED[:-2], STREAMED + b"2\r\nok\r\n", STREAMED[:-5] + b"x\r\n\r\n"]
)
def test_the_shortcut_takes_no_chunked_answer_that_goes_on(answer_: bytes) -> None:
    talk = faults.dialogue()
    talk.waiting.extend(talk.quick_requests(GET) or ())
    assert talk.quick_responses(answer_) == 0


def test_pipelined_answers_keep_their_order() -> None:
    talk = play(rule("response", match={"method": "POST"}, status=204))
    assert talk.caller(GET + POST + GET) == [("service", GET + GET)]
    said = talk.service(STREAMED + OK)
    assert sent(said, "caller") == STREAMED + b"HTTP/1.1 204 No Content\r\n\r\n" + OK


def test_interim_answers_answer_nothing() -> None:
    talk = play(rule("response", match={"path": "/x"}, status=204))
    talk.caller(POST + b"GET /x HTTP/1.1\r\n\r\n")
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert talk.service(interim) == [("caller", interim)]
    assert sent(talk.service(OK), "caller") == OK + b"HTTP/1.1 204 No Content\r\n\r\n"


def test_answers_to_head_and_without_body_are_told_apart() -> None:
    talk = play(rule("truncate", side="response", match={"status": "200", "method": "GET"}, after_bytes=1))
    head = GET.replace(b"GET", b"HEAD", 1)
    talk.caller(head + GET + GET)
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert talk.service(long) == [("caller", long)]
    assert talk.service(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")[0][0] == "caller"
    assert talk.service(OK) == [("caller", OK[:-1]), ("close",)]


def test_a_body_that_ends_with_the_connection() -> None:
    talk = play(rule("rewrite", side="response", body="other"))
    talk.caller(GET)
    assert talk.service(b"HTTP/1.0 200 OK\r\n\r\nsome") == []
    said = talk.ended("response")
    assert said[-1] == ("finish", "response")
    assert answer(said) == (b"HTTP/1.0 200 OK", {b"Content-Length": b"5"}, b"other")


def test_rewriting_a_response() -> None:
    talk = play(
        rule("rewrite", side="response", match={"path": "/data/*"}, status=206, headers={"X-New": "1", "etag": None}),
        rule("rewrite", side="response", match={"path": "/json"}, json={"a.b": 2, "c.d": "new"}, slot=1),
    )
    talk.caller(GET + GET.replace(b"/data/a", b"/json"))
    said = talk.service(b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 2\r\n\r\nok")
    assert answer(said) == (b"HTTP/1.1 206 Partial Content", {b"Content-Length": b"2", b"X-New": b"1"}, b"ok")
    body = b'{"a": {"b": 1}}'
    _, headers, body = answer(
        talk.service(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    )
    assert json.loads(body) == {"a": {"b": 2}, "c": {"d": "new"}}
    assert headers == {b"Content-Length": str(len(body)).encode()}


@pytest.mark.parametrize(
    ("said", "rewritten", "kind"),
    [
        (b"text/html", {"body": {"a": 1}}, b"application/json"),
        (b"", {"body": [1]}, b"application/json"),
        (b"application/problem+json; charset=utf-8", {"body": {"a": 1}}, b"application/problem+json; charset=utf-8"),
        (b"text/html", {"body": {"a": 1}, "headers": {"content-type": "text/plain"}}, b"text/plain"),
        (b"text/html", {"body": {"a": 1}, "headers": {"Content-Type": None}}, None),
        (b"text/html", {"body": '{"a": 1}'}, b"text/html"),
    ],
)
def test_a_value_is_json_unless_the_rule_says_otherwise(
    said: bytes, rewritten: dict[str, Any], kind: bytes | None
) -> None:
    talk = play(rule("rewrite", side="response", **rewritten))
    talk.caller(GET)
    old = b"Content-Type: %s\r\n" % said if said else b""
    _, headers, body = answer(talk.service(b"HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nok" % old))
    assert {name.lower(): value for name, value in headers.items()}.get(b"content-type") == kind
    assert json.loads(body) in ({"a": 1}, [1])


def test_what_can_not_be_rewritten_passes_and_is_no_fault() -> None:
    talk = play(rule("rewrite", side="response", json={"a": 1}))
    talk.caller(GET)
    assert talk.service(OK) == [("caller", OK)]
    assert talk.counts() == (1, 1, 0, 1)


def test_rewriting_a_request() -> None:
    talk = play(rule("rewrite", headers={"x-tenant": "red"}))
    ((to, data),) = talk.caller(GET)
    assert (to, data) == ("service", GET.replace(b"X-Tenant: blue", b"x-tenant: red"))


def test_a_websocket_is_only_pumped() -> None:
    talk = play(rule("error", match=NEVER))
    upgrade = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"
    assert talk.caller(upgrade) == [("service", upgrade)]
    assert talk.service(switched) == [("caller", switched)]
    assert talk.caller(b"\x81\x00GET /never HTTP/1.1\r\n\r\n") == [("service", b"\x81\x00GET /never HTTP/1.1\r\n\r\n")]
    assert talk.talk.plain
    assert talk.notes[-1]["reason"] == "the connection was upgraded or became a tunnel"


def test_an_upgrade_that_is_not_granted_changes_nothing() -> None:
    talk = play(rule("error", match={"path": "/x"}))
    talk.caller(b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert talk.service(OK) == [("caller", OK)]
    assert sent(talk.caller(b"GET /x HTTP/1.1\r\n\r\n"), "caller").startswith(b"HTTP/1.1 500")


@pytest.mark.parametrize(("status", "plain"), [(b"200 OK", True), (b"407 No", False)])
def test_connect_is_a_tunnel_once_it_is_granted(status: bytes, plain: bool) -> None:
    talk = play(rule("error", match=NEVER))
    talk.caller(b"CONNECT db:5432 HTTP/1.1\r\n\r\n")
    talk.service(b"HTTP/1.1 " + status + (b"" if plain else b"\r\nContent-Length: 0") + b"\r\n\r\n")
    assert talk.talk.plain is plain


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2, of which"),
        (b"\x16\x03\x01\x02\x00\x01", "TLS, of which"),
        (b"SSH-2.0-Go\r\n", "not HTTP/1"),
    ],
)
def test_what_is_another_protocol_is_named(data: bytes, why: str) -> None:
    talk = play(rule("error", match=NEVER))
    assert sent(talk.caller(data), "service") == data
    assert talk.notes[-1]["reason"].startswith(why)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 300_000,
    ],
)
def test_what_is_not_http_passes(data: bytes) -> None:
    talk = play(rule("error", match=NEVER))
    assert sent(talk.caller(data), "service") == data
    assert talk.talk.plain
    assert talk.service(b"anything") == [("caller", b"anything")]


def test_what_the_other_side_had_begun_goes_too_when_sight_is_lost() -> None:
    talk = play(rule("error", match=NEVER))
    assert talk.caller(b"GET / HT") == []
    said = talk.service(b"\x00")
    assert sent(said, "service") == b"GET / HT"
    assert sent(said, "caller") == b"\x00"


# -- whatever comes

_WAYS = [
    [("request", GET), ("response", OK), ("request", POST), ("response", STREAMED)],
    [("request", CHUNKED + GET), ("response", STREAMED + OK)],
    [("request", b"\r\n" + GET.replace(b"\r\n", b"\n")), ("response", b"HTTP/1.1 100 Continue\r\n\r\n" + OK)],
    [("request", GET), ("response", b"HTTP/1.0 200 OK\r\n\r\nuntil the end")],
]


def _played(talk: Play, way: list[tuple[str, bytes]], cuts: random.Random | None) -> dict[str, bytes]:
    got = {"service": b"", "caller": b""}
    for side, data in way:
        rest = data
        while rest:
            size = cuts.randint(1, len(rest)) if cuts else len(rest)
            piece, rest = rest[:size], rest[size:]
            said = talk.caller(piece) if side == "request" else talk.service(piece)
            for to in got:
                got[to] += sent(said, to)
    for side in ("request", "response"):
        said = talk.ended(side)  # type: ignore[arg-type]
        for to in got:
            got[to] += sent(said, to)
    return got


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(_WAYS),
    st.randoms(use_true_random=False),
    st.sampled_from(
        [
            [],
            [rule("error", match=NEVER)],
            [rule("error", match={"body": "never"})],
            [rule("rewrite", side="response", match={"body": "never"}, body="x")],
        ]
    ),
)
def test_bytes_pass_as_they_came_however_cut(way: Any, cuts: random.Random, rules: Any) -> None:
    got = _played(play(*rules), way, cuts)
    assert got["service"] == b"".join(data for side, data in way if side == "request")
    assert got["caller"] == b"".join(data for side, data in way if side == "response")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(_WAYS), st.randoms(use_true_random=False), st.sampled_from([False, True]))
def test_nothing_raises_and_nothing_is_lost_whatever_the_bytes(way: Any, cuts: random.Random, body: bool) -> None:
    broken = []
    for side, data in way:
        changed = bytearray(data)
        for _ in range(cuts.randint(0, 5)):
            changed[cuts.randrange(len(changed))] = cuts.randrange(256)
        broken.append((side, bytes(changed)))
    got = _played(play(rule("error", match={"body": "never"} if body else NEVER)), broken, cuts)
    assert got["service"] == b"".join(data for side, data in broken if side == "request")
    assert got["caller"] == b"".join(data for side, data in broken if side == "response")
