"""Scripts of what is received and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.protocols.http.wire import ProtocolError, ResponseReader, canonical, request

HEAD = b"HTTP/1.1 200 OK\r\n"


def read(*pieces: bytes, method: str = "GET", end: bool = False) -> ResponseReader:
    reader = ResponseReader(method)
    for piece in pieces:
        reader.feed(piece)
    if end:
        reader.end()
    return reader


RESPONSES = {
    "sized": (HEAD + b"Content-Length: 5\r\n\r\nhello", 200, b"hello"),
    "empty": (HEAD + b"Content-Length: 0\r\n\r\n", 200, b""),
    "chunked": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n", 200, b"hello"),
    "trailers": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
        200,
        b"hello",
    ),
    "chunked beats length": (
        HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        200,
        b"hello",
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + HEAD
        + b"Content-Length: 2\r\n\r\nhi",
        200,
        b"hi",
    ),
    "no reason": (b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, b""),
    "1.0": (b"HTTP/1.0 500 Oops\r\nContent-Length: 1\r\n\r\nx", 500, b"x"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, b"hi"),
    "no content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
    "switching": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, b""),
    "same length twice": (HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "more than the length": (HEAD + b"Content-Length: 2\r\n\r\nhigh", 200, b"hi"),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_however_it_is_cut(name: str) -> None:
    raw, status, body = RESPONSES[name]
    for reader in (read(raw), read(*(bytes([byte]) for byte in raw))):
        assert reader.done
        assert (reader.status, bytes(reader.body)) == (status, body)


def test_until_the_connection_closes() -> None:
    assert not read(HEAD + b"\r\nhel", b"lo").done
    reader = read(HEAD + b"\r\nhel", b"lo", end=True)
    assert reader.done
    assert reader.body == b"hello"
    assert read(HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\nx", end=True).body == b"x"


def test_a_head_response_has_no_body() -> None:
    reader = read(HEAD + b"Content-Length: 500\r\n\r\n", method="HEAD")
    assert reader.done
    assert reader.body == b""


def test_headers() -> None:
    reader = read(
        HEAD + b"content-TYPE:  text/html \r\nX-A: 1\r\nx-a: 2\r\nFolded: one\r\n  two\r\nEmpty:\r\n"
        b"Latin: caf\xe9\r\nContent-Length: 0\r\n\r\n"
    )
    assert reader.headers == {
        "Content-Type": "text/html",
        "X-A": "1, 2",
        "Folded": "one two",
        "Empty": "",
        "Latin": "caf\udce9",
        "Content-Length": "0",
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP/1 response: 'SSH-2.0-OpenSSH_9.2\\\\r\\\\n'"),
        (b"HTTP/2 200\r\n\r\n", "not an HTTP/1 response: 'HTTP/2 200'"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "not an HTTP/1 response: 'HTTP/1.1 20 OK'"),
        (HEAD + b"no colon\r\n\r\n", "not a header: 'no colon'"),
        (HEAD + b"bad name: x\r\n\r\n", "not a header: 'bad name: x'"),
        (HEAD + b" folded: first\r\n\r\n", "not a header: ' folded: first'"),
        (HEAD + b"Content-Length: -1\r\n\r\n", "a Content-Length of '-1'"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "a Content-Length of '1, 2'"),
        (HEAD + b"Content-Length: x\r\n\r\n", "a Content-Length of 'x'"),
        (HEAD + b"Content-Length: 999999999999\r\n\r\n", "a body of more than 64 MiB"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "a chunk whose size is 'xyz'"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", "a chunk whose size is '-5'"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", "a body of more than 64 MiB"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "a chunk longer than its size, by 'bc'"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 20_000, "a line of more than 16 KiB between chunks"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 90_000, "trailers of more than 256 KiB"),
        (HEAD + b"A: b\r\n" * 50_000, "a head of more than 256 KiB"),
        (HEAD + b"A: b\r\n" * 50_000 + b"\r\n", "a head of more than 256 KiB"),
    ],
)
def test_what_is_no_response(raw: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=f"^{message}$"):
        read(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200", "the connection was closed in the middle of the head"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "the connection was closed in the middle of the head"),
        (
            HEAD + b"Content-Length: 10\r\n\r\nhi",
            "the connection was closed in the middle of the body: 2 of 10 bytes came",
        ),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhi", "the connection was closed in the middle of the body"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", "the connection was closed in the middle of the body"),
    ],
)
def test_what_ends_too_early(raw: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=f"^{message}$"):
        read(raw, end=True) if raw else ResponseReader("GET").end()


@given(st.binary(max_size=400), st.sampled_from([b"", HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]))
def test_garbage_is_an_error_or_a_response_and_never_another_failure(garbage: bytes, start: bytes) -> None:
    reader = ResponseReader("GET")
    try:
        reader.feed(start + garbage)
        reader.end()
    except ProtocolError:
        return
    assert reader.done


def test_a_request() -> None:
    assert request("PUT", "/x?a=1", {"Host": "h:1", "X": "caf\u00e9"}, b"body") == (
        b"PUT /x?a=1 HTTP/1.1\r\nHost: h:1\r\nX: caf\xc3\xa9\r\n\r\nbody"
    )


def test_canonical_names() -> None:
    assert [canonical(name) for name in ("content-type", "X-REQUEST-ID", "etag")] == [
        "Content-Type",
        "X-Request-Id",
        "Etag",
    ]
