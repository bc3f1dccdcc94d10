"""Streams as they come, and how they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.protocols.contract import HOLD_LIMIT
from faultbox.protocols.redis.commands import keys_of
from faultbox.protocols.redis.inline import split
from faultbox.protocols.redis.values import command
from faultbox.protocols.redis.wire import Commands, Piece, Replies, arguments_of

COMMANDS = b"".join(
    (
        command(b"SET", b"a", b"1\r\n2"),
        b"PING\r\n",
        b"\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        command(b"MGET", b"a", b"b"),
        b"SET k 'a b'\n",
        command(b"GET", b""),
    )
)
REPLIES = (
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":-12\r\n",
    b"$5\r\na\r\nbc\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2\r\n*2\r\n:1\r\n$1\r\na\r\n*0\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",1.5\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"!8\r\nERR a\r\nb\r\n",
    b"=7\r\ntxt:abc\r\n",
    b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
    b"~2\r\n:1\r\n:2\r\n",
    b"|1\r\n+ttl\r\n:5\r\n$1\r\nx\r\n",
    b"*2\r\n|1\r\n+ttl\r\n:5\r\n$1\r\nx\r\n:2\r\n",
    b">3\r\n+message\r\n$1\r\nc\r\n$2\r\nhi\r\n",
)


def commands() -> Commands:
    return Commands(lambda arguments, total: bool(arguments) and keys_of(arguments, total) is not None)


def joined(pieces: list[Piece]) -> list[Piece]:
    """Whole frames again: the parts of each put together."""
    frames: list[Piece] = []
    for piece in pieces:
        if piece.begins:
            frames.append(piece)
        else:
            frames[-1] = frames[-1]._replace(raw=frames[-1].raw + piece.raw, last=piece.last)
    return frames


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[first:last] for first, last in pairwise(bounds)]


def told(piece: Piece) -> tuple[bytes, ...]:
    """The arguments, known or still to be read."""
    return arguments_of(piece.raw) if piece.arguments is None else piece.arguments


def test_commands() -> None:
    assert [(told(piece), piece.total) for piece in commands().feed(COMMANDS)] == [
        ((b"SET", b"a", b"1\r\n2"), 3),
        ((b"PING",), 1),
        ((), 0),
        ((), 0),
        ((), 0),
        ((b"MGET", b"a", b"b"), 3),
        ((b"SET", b"k", b"a b"), 3),
        ((b"GET", b""), 2),
    ]


def test_replies() -> None:
    assert [piece.raw for piece in Replies().feed(b"".join(REPLIES))] == list(REPLIES)


@given(st.lists(st.integers(min_value=0), max_size=40), st.booleans())
def test_however_commands_are_cut(places: list[int], hold: bool) -> None:
    whole, parts = commands(), commands()
    parts.hold = hold
    pieces = [piece for data in cut(COMMANDS, places) for piece in parts.feed(data)]
    expected = whole.feed(COMMANDS)
    assert [piece.raw for piece in joined(pieces)] == [piece.raw for piece in expected]
    assert [(piece.name, piece.total) for piece in joined(pieces)] == [(piece.name, piece.total) for piece in expected]
    for piece in (piece for piece in pieces if piece.begins and piece.last and piece.name):
        assert (told(piece)[0], len(told(piece))) == (piece.name, piece.total)
        assert piece.raw[0] != ord("*") or piece.raw[piece.payload :] == told(piece)[-1] + b"\r\n"
    assert not hold or all(piece.begins and piece.last for piece in pieces)


@given(st.lists(st.integers(min_value=0), max_size=60), st.booleans())
def test_however_replies_are_cut(places: list[int], hold: bool) -> None:
    replies = Replies()
    replies.hold = hold
    pieces = [piece for data in cut(b"".join(REPLIES), places) for piece in replies.feed(data)]
    assert [piece.raw for piece in joined(pieces)] == list(REPLIES)
    assert not hold or all(piece.begins and piece.last for piece in pieces)


def test_every_boundary() -> None:
    for data, cutter in ((COMMANDS, commands), (b"".join(REPLIES), Replies)):
        pieces = cutter().feed(data)
        for place in range(len(data)):
            parts = cutter()
            assert [each.raw for each in joined(parts.feed(data[:place]) + parts.feed(data[place:]))] == [
                each.raw for each in pieces
            ]


def test_a_large_argument_goes_by_once_its_keys_are_known() -> None:
    data = command(b"SET", b"key", b"x" * 100_000)
    cutter = commands()
    first = cutter.feed(data[:500])
    assert [(each.begins, each.last, each.arguments, each.total) for each in first] == [
        (True, False, (b"SET", b"key"), 3)
    ]
    rest = cutter.feed(data[500:60_000]) + cutter.feed(data[60_000:] + b"PING\r\n")
    assert [(each.begins, each.last) for each in rest] == [(False, False), (False, True), (True, True)]
    assert b"".join(each.raw for each in first + rest) == data + b"PING\r\n"


def test_a_command_is_held_until_its_keys_are_known() -> None:
    cutter = commands()
    data = command(b"MGET", b"a", b"b" * 300, b"c")
    assert cutter.feed(data[:-4]) == []
    assert [told(each)[1:] for each in cutter.feed(data[-4:])] == [(b"a", b"b" * 300, b"c")]


def test_a_large_reply_goes_by_unless_it_is_wanted_whole() -> None:
    replies = Replies()
    assert replies.feed(b"*2\r\n$100000\r\nxx") == [Piece(b"*2\r\n$100000\r\nxx", begins=True, last=False)]
    assert replies.feed(b"yy") == [Piece(b"yy", begins=False, last=False)]
    replies = Replies()
    replies.hold = True
    assert replies.feed(b"$10\r\nxx") == []
    assert replies.feed(b"12345678\r\n") == [Piece(b"$10\r\nxx12345678\r\n", begins=True, last=True)]


def test_a_push_is_given_whole() -> None:
    replies = Replies()
    assert replies.feed(b">2\r\n+message\r\n") == []
    assert [each.raw for each in replies.feed(b"+x\r\n+OK\r\n")] == [b">2\r\n+message\r\n+x\r\n", b"+OK\r\n"]


def test_nothing_is_held_beyond_the_limit() -> None:
    replies = Replies()
    replies.hold = True
    assert replies.feed(b"$%d\r\n" % (HOLD_LIMIT * 2)) == []
    held = 0
    for _ in range(32):
        pieces = replies.feed(b"x" * (1 << 20))
        held += (1 << 20) - sum(len(each.raw) for each in pieces)
        assert held <= HOLD_LIMIT + 64
    replies.feed(b"\r\n")
    assert replies.rest() == b""
    assert held < 64


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"*x\r\n", "a length of b'x'"),
        (b"*-2\r\n", "a length of b'-2'"),
        (b"*99999999999\r\n", "a length of b'99999999999'"),
        (b"*1\r\n:1\r\n", "an argument that begins with ':'"),
        (b"*1\r\n$-1\r\n", "an argument of no length"),
        (b"*1\r\n$+1\r\na\r\n", "a length of b'+1'"),
        (b"x" * 70_000, "an inline command of more than 64 KiB"),
        (b"*" + b"1" * 70_000, "a line of more than 64 KiB"),
    ],
)
def test_what_is_no_command(data: bytes, why: str) -> None:
    cutter = commands()
    pieces = cutter.feed(b"PING\r\n" + data)
    assert b"".join(each.raw for each in pieces) == b"PING\r\n" + data
    assert cutter.broken == why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n", "a reply that begins with 'H'"),
        (b"$x\r\n", "a length of b'x'"),
        (b"*1\r\n" * 200, "aggregates in each other, more than 128 deep"),
        (b"$?\r\n", "a length of b'?'"),
    ],
)
def test_what_is_no_reply(data: bytes, why: str) -> None:
    replies = Replies()
    pieces = replies.feed(b"+OK\r\n" + data)
    assert b"".join(each.raw for each in pieces) == b"+OK\r\n" + data
    assert replies.broken == why


@given(st.lists(st.binary(max_size=40), max_size=10), st.booleans())
def test_garbage_comes_back_as_it_is(pieces: list[bytes], hold: bool) -> None:
    for cutter in (commands(), Replies()):
        cutter.hold = hold
        given_back = b""
        fed = b""
        for piece in pieces:
            if cutter.broken:
                break
            fed += piece
            given_back += b"".join(each.raw for each in cutter.feed(piece))
        assert given_back + cutter.rest() == fed


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        (b"  GET   a ", [b"GET", b"a"]),
        (b'SET k "a\\n\\x41\\"b\\q"', [b"SET", b"k", b'a\nA"bq']),
        (b"SET k 'it\\'s' ''", [b"SET", b"k", b"it's", b""]),
        (b'SET k "open', []),
        (b"", []),
    ],
)
def test_inline_commands_are_quoted_as_redis_does(line: bytes, arguments: list[bytes]) -> None:
    assert split(line) == arguments
