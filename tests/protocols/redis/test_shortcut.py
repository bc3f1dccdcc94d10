"""What the shortcut must leave to the long way."""

from __future__ import annotations

import pytest

from faultbox.protocols.redis.wire import whole_commands, whole_scalars

GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"


def test_whole_commands_are_told_apart() -> None:
    assert whole_commands(GET * 3) == [GET] * 3


@pytest.mark.parametrize(
    "data", [b"", GET[:-1], GET + b"*", b"PING\r\n", b"*0\r\n$3\r\nabc\r\n", GET + b"*0\r\n$1\r\na\r\n"]
)
def test_anything_else_is_left(data: bytes) -> None:
    assert whole_commands(data) == []


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"+OK\r\n:1\r\n$3\r\na\r\n\r\n$-1\r\n-ERR x\r\n", 5),
        (b"+OK\r\n:1\r\n$3\r\nabc\r\n$-1\r\n", 4),
        (b"$3\r\nab", 0),
        (b"+OK\r\n*1\r\n:1\r\n", 0),
    ],
)
def test_whole_replies_are_counted(data: bytes, count: int) -> None:
    assert whole_scalars(data, 16) == count


def test_no_more_replies_than_were_asked_for() -> None:
    assert whole_scalars(b":1\r\n:2\r\n", 1) == 0
