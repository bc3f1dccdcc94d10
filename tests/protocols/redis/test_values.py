"""Values of both versions, read and written."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.protocols.redis.values import Failure, Map, Push, Simple, command, decode, encode


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        (b"+OK\r\n", Simple(b"OK")),
        (b"-ERR no\r\n", Failure(b"ERR no")),
        (b"!8\r\nERR a\r\nb\r\n", Failure(b"ERR a\r\nb")),
        (b":-12\r\n", -12),
        (b"(3492890328409238509324850943850943825024385\r\n", 3492890328409238509324850943850943825024385),
        (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
        (b"=7\r\ntxt:abc\r\n", b"abc"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"_\r\n", None),
        (b"#t\r\n", True),
        (b"#f\r\n", False),
        (b",1.5\r\n", 1.5),
        (b",inf\r\n", math.inf),
        (b",-inf\r\n", -math.inf),
        (b"*2\r\n*1\r\n:1\r\n$1\r\na\r\n", [[1], b"a"]),
        (b"~2\r\n:1\r\n:2\r\n", [1, 2]),
        (b"%1\r\n*1\r\n:1\r\n$-1\r\n", Map((([1], None),))),
        (b">2\r\n$10\r\ninvalidate\r\n_\r\n", Push((b"invalidate", None))),
        (b"|1\r\n+ttl\r\n:5\r\n$1\r\nx\r\n", b"x"),
        (b"*2\r\n|1\r\n+ttl\r\n:5\r\n$1\r\nx\r\n:2\r\n", [b"x", 2]),
    ],
)
def test_what_frames_say(frame: bytes, value: Any) -> None:
    assert decode(frame) == value
    assert type(decode(frame)) is type(value)


@pytest.mark.parametrize("frame", [b":twelve\r\n", b",x\r\n", b"(1_0x\r\n", b":" + b"9" * 5000 + b"\r\n"])
def test_what_says_nothing(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|could not convert|Exceeds the limit"):
        decode(frame)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(lambda pairs: Map(tuple(pairs)), st.lists(st.tuples(inner, inner), max_size=3))
        | st.builds(lambda items: Push(tuple(items)), st.lists(inner, max_size=4))
    ),
    max_leaves=15,
)


@given(_VALUES)
def test_what_is_written_in_the_third_version_is_read_the_same(value: Any) -> None:
    assert decode(encode(value, 3)) == value


def test_what_the_second_version_does_not_know() -> None:
    values = [True, 1.5, math.nan, math.inf, None, Map(((b"a", 1),)), {"b": [None]}]
    assert decode(encode(values, 2)) == [1, b"1.5", b"nan", b"inf", None, [b"a", 1], [b"b", [None]]]
    assert encode(Push((b"message", "\u00e9")), 2) == b"*2\r\n$7\r\nmessage\r\n$2\r\n\xc3\xa9\r\n"


def test_what_no_reply_can_hold() -> None:
    with pytest.raises(TypeError, match=r"a Redis reply can't hold \{1\}"):
        encode([{1}], 3)


def test_a_command() -> None:
    assert command(b"SET", b"a", b"") == b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n"
