"""udp steps against sockets that answer, or don't."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from faultbox.model.host import SpecError
from faultbox.protocols.udp.client import step


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], tuple[str, int]]]:
    """`answering(data)`: the address of a socket that answers one datagram with that."""
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(data: bytes) -> tuple[str, int]:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        sockets.append(server)
        threads.append(threading.Thread(target=lambda: server.sendto(data, server.recvfrom(100)[1])))
        threads[-1].start()
        return ("127.0.0.1", server.getsockname()[1])

    yield start
    for thread in threads:
        thread.join()
    for each in sockets:
        each.close()


def test_the_answer_is_text_and_hex(answering: Callable[[bytes], tuple[str, int]]) -> None:
    response = step(answering(b"pong\xff"), "send", {"data": "ping"})
    assert (response.ok, response.body, response.data) == (True, "pong\udcff", {"raw": "706f6e67ff", "size": 5})
    assert response.fields == {"raw": "706f6e67ff", "size": "5"}


def test_an_empty_answer_is_one(answering: Callable[[bytes], tuple[str, int]]) -> None:
    response = step(answering(b""), "send", {"hex": "00ff"})
    assert (response.ok, response.data) == (True, {"raw": "", "size": 0})


def test_nobody_listens(free_port: int) -> None:
    response = step(("127.0.0.1", free_port), "send", {"data": "x"})
    assert (response.ok, response.error) == (False, "connection refused")


def test_nobody_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert step(silent.getsockname(), "send", {"data": "x", "timeout_ms": 20}).error == "timeout"
        assert step(silent.getsockname(), "send_no_reply", {"data": "xyz"}).data == {"size": 3}


@pytest.mark.parametrize("arguments", [{"hex": "0g"}, {"hex": "00", "data": "x"}])
def test_what_can_not_be_sent(arguments: dict[str, str]) -> None:
    with pytest.raises(SpecError):
        step(("127.0.0.1", 1), "send", arguments)
