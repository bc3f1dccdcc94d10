"""Steps against servers that say what a test wants; tests/e2e_network/redis has the real one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.host import SpecError
from faultbox.model.protocols import PROTOCOLS
from faultbox.protocols.redis.client import defaults, ready, step

Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def says(serve: Serve) -> Callable[..., tuple[tuple[str, int], list[bytes]]]:
    """`says(*pieces)`: a server that reads once, then sends the pieces; what it read is in the list."""

    def start(*pieces: bytes) -> tuple[tuple[str, int], list[bytes]]:
        read: list[bytes] = []

        def handle(connection: socket.socket) -> None:
            read.append(connection.recv(65536))
            for piece in pieces:
                connection.sendall(piece)

        return serve(handle), read

    return start


Says = Callable[..., tuple[tuple[str, int], list[bytes]]]


@pytest.mark.parametrize(
    ("method", "arguments", "sent"),
    [
        ("get", {"key": "a"}, [b"GET", b"a"]),
        ("set", {"key": "a", "value": "caf\u00e9"}, [b"SET", b"a", b"caf\xc3\xa9"]),
        ("set", {"key": "a", "value": b"\xff\r\n"}, [b"SET", b"a", b"\xff\r\n"]),
        ("set", {"key": "a", "value": 5}, [b"SET", b"a", b"5"]),
        ("set", {"key": "a", "value": 1.5}, [b"SET", b"a", b"1.5"]),
        ("delete", {"key": "a"}, [b"DEL", b"a"]),
        ("del", {"key": "a"}, [b"DEL", b"a"]),
        ("ping", {}, [b"PING"]),
        ("keys", {"pattern": "u*"}, [b"KEYS", b"u*"]),
        ("incr", {"key": "a"}, [b"INCR", b"a"]),
        ("lpush", {"key": "a", "value": "1"}, [b"LPUSH", b"a", b"1"]),
        ("rpush", {"key": "a", "value": "1"}, [b"RPUSH", b"a", b"1"]),
        ("lrange", {"key": "a", "start": "0", "stop": -1}, [b"LRANGE", b"a", b"0", b"-1"]),
        ("command", {"cmd": "CONFIG GET", "args": ["max*"]}, [b"CONFIG", b"GET", b"max*"]),
        ("command", {"cmd": "DBSIZE", "args": ()}, [b"DBSIZE"]),
    ],
)
def test_what_a_step_sends(says: Says, method: str, arguments: dict[str, Any], sent: list[bytes]) -> None:
    address, read = says(b"+OK\r\n")
    assert step(address, method, arguments).ok
    assert read == [b"*%d\r\n" % len(sent) + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in sent)]
    assert method in PROTOCOLS["redis"].methods


@pytest.mark.parametrize(
    ("pieces", "value", "body"),
    [
        ([b"$5\r\nhe", b"llo\r\n"], "hello", "hello"),
        ([b"$5\r\n\xff\r\n\xc3\xa9\r\n"], "\udcff\r\n\u00e9", "\udcff\r\n\u00e9"),
        ([b"$-1\r\n"], None, ""),
        ([b"*-1\r\n"], None, ""),
        ([b":42\r\n"], 42, "42"),
        ([b"+OK\r\n"], "OK", "OK"),
        ([b"*3\r\n$1\r\na\r\n:1\r\n", b"*1\r\n$-1\r\n"], ["a", 1, [None]], '["a", 1, [None]]'),
        ([b"*0\r\n"], [], "[]"),
    ],
)
def test_what_a_step_gives(says: Says, pieces: list[bytes], value: Any, body: str) -> None:
    address, _ = says(*pieces)
    response = step(address, "get", {"key": "a"})
    assert (response.ok, response.error, response.protocol) == (True, "", "redis")
    assert response.data == {"value": value}
    assert response.body == body
    assert response.fields["value"] == (value if isinstance(value, str) else body or "None")


def test_an_error_reply_is_an_error_with_its_code(says: Says) -> None:
    address, _ = says(b"-WRONGTYPE Operation against\r\n")
    response = step(address, "get", {"key": "a"})
    assert (response.ok, response.error) == (False, "WRONGTYPE Operation against")
    assert response.data == {"value": None}


def test_a_password_comes_first(says: Says) -> None:
    address, read = says(b"+OK\r\n$1\r\nx\r\n")
    assert step(address, "get", {"key": "a", "password": "p"}).data == {"value": "x"}
    assert read[0].startswith(b"*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n*2\r\n$3\r\nGET\r\n")
    address, read = says(b"-WRONGPASS invalid\r\n-NOAUTH first\r\n")
    assert step(address, "get", {"key": "a", "password": "p", "user": "u"}).error == "WRONGPASS invalid"
    assert read[0].startswith(b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n")


def test_credentials_from_the_environment() -> None:
    env = {"REDIS_PASSWORD": "p", "REDIS_USER": "u", "OTHER": "x"}
    assert defaults(env) == {"password": "p", "user": "u"}
    assert defaults({"REDIS_USER": ""}) == {}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "protocol error: the connection was closed without an answer"),
        (b"$5\r\nhe", "protocol error: the connection was closed in the middle of a reply"),
        (b"*2\r\n+a\r\n", "protocol error: the connection was closed in the middle of a reply"),
        (b"HTTP/1.1 400 Bad\r\n", "protocol error: a reply that begins with 'H'"),
        (b":twelve\r\n", "protocol error: not a Redis reply: b':twelve\\r\\n'"),
        (b"$70000000000000000000\r\n", "protocol error: a length of b'70000000000000000000'"),
    ],
)
def test_what_is_no_answer(says: Says, said: bytes, error: str) -> None:
    address, _ = says(said)
    response = step(address, "get", {"key": "a"})
    assert (response.ok, response.error) == (False, error)


def test_transport_errors(free_port: int, serve: Serve) -> None:
    assert step(("127.0.0.1", free_port), "ping", {}).error == "connection refused"
    address = serve(lambda connection: connection.recv(65536) and connection.recv(65536))
    response = step(address, "ping", {"timeout_ms": 50})
    assert response.error == "timeout"
    assert response.duration_ms >= 49


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"+PONG\r\n", ""),
        (b"-NOAUTH Authentication required.\r\n", ""),
        (b"-NOPERM User default has no permissions\r\n", ""),
        (b"-LOADING Redis is loading\r\n", "LOADING Redis is loading"),
    ],
)
def test_ready(says: Says, said: bytes, error: str) -> None:
    address, _ = says(said)
    assert ready(address, 5) == error


@pytest.mark.parametrize(
    ("method", "arguments", "code", "message"),
    [
        ("get", {}, "MISSING_ARGUMENT", "key= is missing"),
        ("set", {"key": "a"}, "MISSING_ARGUMENT", "value= is missing"),
        ("set", {"key": "a", "value": None}, "WRONG_TYPE", "None can't be an argument of a command"),
        ("set", {"key": "a", "value": True}, "WRONG_TYPE", "True can't be an argument of a command"),
        ("command", {"cmd": " ", "args": []}, "WRONG_VALUE", "cmd is empty"),
        ("command", {"cmd": "GET", "args": "a"}, "WRONG_TYPE", "args must be a list, got 'a'"),
    ],
)
def test_what_cannot_be_sent(method: str, arguments: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        step(("127.0.0.1", 1), method, arguments)
    assert (raised.value.code, raised.value.message) == (code, message)


def test_a_reply_larger_than_what_a_proxy_would_hold(says: Says) -> None:
    address, _ = says(b"$20000000\r\n", b"x" * 20_000_000, b"\r\n")
    assert step(address, "get", {"key": "a"}).body == "x" * 20_000_000
