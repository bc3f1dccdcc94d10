"""What http messages have for a body, and what is done to it."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from typing import Any

import brotli
import pytest

from faultbox.protocols.contract import HOLD_LIMIT
from faultbox.protocols.http import faults
from faultbox.proxy.playbook import Play, a_rule, sent

rule = partial(a_rule, protocol="http")
GET = b"GET /data/a HTTP/1.1\r\nHost: db\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


def play(*rules: Any) -> Play:
    return Play(faults.dialogue, *rules, protocol="http")


@pytest.mark.parametrize(
    ("response", "after_bytes", "cut"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"hel", b"lo!"], None, b"hel"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nh", b"ello!"], 5, b"hello"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nh", b"ello!"], 6, None),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], None, None),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], 0, None),
    ],
)
def test_truncation_goes_by_the_length_of_the_body_however_it_comes_and_cuts_or_has_not_fired(
    response: list[bytes], after_bytes: int | None, cut: bytes | None
) -> None:
    arguments: dict[str, Any] = {} if after_bytes is None else {"after_bytes": after_bytes}
    talk = play(rule("truncate", side="response", **arguments))
    talk.caller(GET)
    said = [each for piece in response for each in talk.service(piece)]
    whole = b"".join(response).partition(b"\r\n\r\n")[2]
    assert sent(said, "caller").partition(b"\r\n\r\n")[2] == (whole if cut is None else cut)
    assert (("close",) in said) is (cut is not None)
    assert talk.counts() == (1, 1, int(cut is not None), int(cut is None))


@pytest.mark.parametrize(
    ("action", "arguments", "answered"),
    [
        ("drop", {}, [("close",)]),
        ("rewrite", {"status": 503}, [("caller", OK.replace(b"200 OK", b"503 Service Unavailable"))]),
        ("truncate", {}, [("caller", OK[:-1]), ("close",)]),
        ("delay", {"delay_ms": 5}, [("wait", "response", 5)]),
    ],
)
def test_interim_answers_are_met_by_no_rule(action: str, arguments: dict[str, Any], answered: list[Any]) -> None:
    talk = play(rule(action, side="response", trigger={"nth": 1}, **arguments))
    talk.caller(b"PUT /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert talk.service(interim) == [("caller", interim)]
    assert talk.caller(b"ok") == [("service", b"ok")]
    assert talk.service(OK) == answered
    assert talk.counts() == (1, 1, 1, 0)


def after(response: bytes, request_: bytes = GET, **arguments: Any) -> tuple[bytes, tuple[int, ...], list[str]]:
    """What the caller is sent where a rule rewrites answers, its counters, and what is noted of it."""
    talk = play(rule("rewrite", side="response", **arguments))
    talk.caller(request_)
    said = sent(talk.service(response), "caller")
    return said, tuple(talk.counts()), list(talk.ledger.report().notes[0])


HEAD = GET.replace(b"GET", b"HEAD", 1)
SAME = b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n"
BODILESS = ["it has no body to rewrite (1 message)"]


@pytest.mark.parametrize(("request_", "response"), [(HEAD, OK[:-2]), (GET, SAME)])
@pytest.mark.parametrize("arguments", [{"body": "xx"}, {"json": {"a": 1}}])
def test_what_has_no_body_gets_none(request_: bytes, response: bytes, arguments: dict[str, Any]) -> None:
    assert after(response, request_, **arguments) == (response, (1, 1, 0, 1), BODILESS)


@pytest.mark.parametrize(
    ("response", "arguments", "expected"),
    [
        (OK, {"status": 204}, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (STREAMED, {"status": 304}, b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (SAME, {"status": 200}, b"HTTP/1.1 200 OK\r\nETag: a\r\nContent-Length: 0\r\n\r\n"),
        (SAME, {"status": 200, "body": "ab"}, b"HTTP/1.1 200 OK\r\nETag: a\r\nContent-Length: 2\r\n\r\nab"),
    ],
)
def test_another_status_may_mean_a_body_or_none(response: bytes, arguments: dict[str, Any], expected: bytes) -> None:
    assert after(response, **arguments) == (expected, (1, 1, 1, 0), [])


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked", b"Content-Length: 50000000", b"X: y"])
def test_what_streams_goes_on_streaming_where_only_its_head_is_rewritten(head: bytes) -> None:
    talk = play(rule("rewrite", side="response", status=418, headers={"X": None}))
    talk.caller(GET)
    first = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n3\r\none\r\n"
    expected = first.replace(b"200 OK", b"418 I'm a Teapot").replace(b"X: y\r\n", b"")
    assert sent(talk.service(first), "caller") == expected
    assert talk.service(b"3\r\ntwo\r\n") == [("caller", b"3\r\ntwo\r\n")]
    assert talk.counts() == (1, 1, 1, 0)


def test_the_head_of_a_request_whose_body_comes_later_is_rewritten() -> None:
    talk = play(rule("rewrite", headers={"Authorization": "Bearer old"}))
    said = talk.caller(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert sent(said, "service").endswith(b"Authorization: Bearer old\r\n\r\n")
    assert talk.caller(b"ok") == [("service", b"ok")]


def test_a_granted_upgrade_is_not_called_something_else() -> None:
    upgrade = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    said, counts, notes = after(switched, upgrade, status=503)
    assert (said, counts) == (switched, (1, 1, 0, 1))
    assert notes[0].startswith("another protocol begins with it")
    talk = play(rule("error", side="response"))
    talk.caller(upgrade)
    answered = talk.service(switched + b"\x81\x00")
    assert answered[-1] == ("close",)
    assert b"\x81" not in sent(answered, "caller")


def test_an_answer_without_a_body_by_its_status_has_none() -> None:
    ((to, data),) = play(rule("response", status=204, body="x")).caller(GET)
    assert (to, data.partition(b"\r\n\r\n")[2]) == ("caller", b"")


def test_an_answer_may_be_any_json_and_its_headers_are_the_rule_s() -> None:
    headers = {"content-type": "text/x", "connection": "Close"}
    said = play(rule("response", json=True, headers=headers)).caller(GET)
    expected = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\ncontent-type: text/x\r\nconnection: Close\r\n\r\ntrue"
    assert said == [("caller", expected), ("close",)]


def test_a_kept_connection_of_an_old_client_is_said_to_be_kept() -> None:
    ((to, data),) = play(rule("error")).caller(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert to == "caller"
    assert b"\r\nConnection: keep-alive\r\n" in data


def gzipped(body: bytes) -> bytes:
    """The same bytes at any time: they are in the names of tests, which must be the same in every process."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        (b"zstd", b"\x28\xb5\x2f\xfd", "its body is compressed (zstd), which is not read here; "),
        (b"br", b"\x0b\x03\x80", "its body can't be decompressed: it has no end"),
        (b"br", b"\xff" * 9, "its body can't be decompressed: it is not Brotli"),
        (b"br", brotli.compress(b"a" * (HOLD_LIMIT + 1)), "its body is too large to be decompressed"),
        (b"gzip", gzipped(b"a" * (HOLD_LIMIT + 1)), "its body is too large to be decompressed"),
        (b"gzip", gzipped(b'{"a": 1}')[:-6], "its body can't be decompressed: it has no end"),
        (b"gzip", b"plain", "its body can't be decompressed: Error -3"),
    ],
)
def test_what_can_not_be_read_is_said(coding: bytes, body: bytes, why: str) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body
    said, counts, notes = after(response, json={"a": 2})
    assert (said, counts) == (response, (1, 1, 0, 1))
    assert notes[0].startswith(why)
    _, counts, notes = after(response, match={"json.a": "1"}, json={"a": 2})
    assert counts == (1, 0, 0, 1)
    assert notes[0].startswith(f"not known whether it matches: {why}")
    _, counts, notes = after(response, match={"json.a": "1", "path": "/other"}, json={"a": 2})
    assert (counts, notes) == ((1, 0, 0, 0), [])


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzipped(b'{"a"') + gzipped(b": 1}")),
        (b"br", brotli.compress(b'{"a": 1}')),
        (b"deflate", zlib.compress(b'{"a": 1}')),
        (b"deflate", zlib.compress(b'{"a": 1}', wbits=-15)),
    ],
)
def test_compressed_bodies_are_rewritten(coding: bytes, body: bytes) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body
    assert after(response, json={"a": 2})[0] == b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 2}'


@pytest.mark.parametrize("last", [0, 1, 3, 5])
def test_the_body_of_a_request_that_offers_an_upgrade_is_its_own(last: int) -> None:
    """Java's HttpClient offers h2c with each request, and sends the body by itself."""
    talk = play(rule("error", match={"path": "/x"}))
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\n"
    cut = len(head) + 5 - last
    pieces = ((head + b"hello")[:cut], (head + b"hello")[cut:])
    assert b"".join(sent(talk.caller(each), "service") for each in pieces if each) == head + b"hello"
    assert talk.service(OK) == [("caller", OK)]
    assert sent(talk.caller(b"GET /x HTTP/1.1\r\n\r\n"), "caller").startswith(b"HTTP/1.1 500")


def test_what_becomes_another_protocol_or_sends_its_body_later_is_not_sent_twice() -> None:
    for request_, why in (
        (b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "it asks for another protocol"),
        (b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "its body comes only when"),
    ):
        talk = play(rule("duplicate"))
        assert talk.caller(request_) == [("service", request_)]
        assert talk.counts() == (1, 1, 0, 1)
        assert talk.ledger.report().notes[0][0].startswith(why)
