from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from faultbox import protocols
from faultbox.model.host import SpecError

TCP = protocols.get("tcp")


def line(connection: socket.socket) -> bytes:
    return connection.makefile("rb").readline()


def echo(connection: socket.socket) -> None:
    connection.sendall(b"got " + line(connection))


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ("PING", "got PING"),
        ("PING\n", "got PING"),
        (b"\x00\x01", "got \x00\x01"),
        ("caf\u00e9", "got caf\u00e9"),
        (b"\xff", "got \udcff"),
        ("\udcff", "got \udcff"),
    ],
)
def test_a_line_for_a_line(serve: Any, data: str | bytes, body: str) -> None:
    response = TCP.step(serve(echo), "send", {"data": data})
    assert (response.ok, response.error, response.body, response.data) == (True, "", body, body)
    assert response.protocol == "tcp"
    assert 0 < response.duration_ms < 20_000


def test_a_server_that_speaks_first(serve: Any) -> None:
    def banner(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\nmore\r\n")
        assert connection.recv(1) == b""

    assert TCP.step(serve(banner), "send", {"data": ""}).body == "220 ready"


def test_a_line_in_pieces_and_one_without_end(serve: Any) -> None:
    def pieces(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line(connection)
        for piece in (b"a", b"b", b"c"):
            connection.sendall(piece)

    assert TCP.step(serve(pieces), "send", {"data": "x"}).body == "abc"


def test_json_lines_have_data_and_fields(serve: Any) -> None:
    response = TCP.step(serve(lambda c: c.sendall(b'{"n": 1, "s": "x", "deep": [1]}\n')), "send", {})
    assert response.data == {"n": 1, "s": "x", "deep": [1]}
    assert response.fields == {"n": "1", "s": "x", "deep": "[1]"}


def test_closed_without_an_answer(serve: Any) -> None:
    response = TCP.step(serve(lambda c: line(c) and None), "send", {"data": "x"})
    assert (response.ok, response.error) == (False, "protocol error: the connection was closed without an answer")


def test_reset(serve: Any, reset: Any) -> None:
    def resets(connection: socket.socket) -> None:
        line(connection)
        reset(connection)

    assert TCP.step(serve(resets), "send", {"data": "x"}).error == "connection reset"


def test_silence_is_a_timeout(serve: Any) -> None:
    response = TCP.step(serve(lambda c: c.recv(100) and c.recv(1)), "send", {"data": "x", "timeout_ms": 50.0})
    assert (response.ok, response.error) == (False, "timeout")
    assert 50 <= response.duration_ms < 5000


def test_a_slow_drip_does_not_prolong_the_timeout(serve: Any) -> None:
    enough = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not enough.wait(0.01):
            connection.sendall(b".")

    response = TCP.step(serve(drip), "send", {"data": "x", "timeout_ms": 100.0})
    enough.set()
    assert response.error == "timeout"


def test_a_line_without_end(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.protocols.tcp.client.BODY_LIMIT", 1 << 20)

    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    assert TCP.step(serve(flood), "send", {}).error == "protocol error: a line of more than 1 MiB"


def test_data_that_is_no_text() -> None:
    with pytest.raises(SpecError, match="has no form as UTF-8"):
        TCP.step(("127.0.0.1", 1), "send", {"data": "\ud800"})


def test_ready(serve: Any, free_port: int) -> None:
    assert TCP.ready(serve(lambda c: None), 5) == ""
    assert TCP.ready(("127.0.0.1", free_port), 5) == "connection refused"
