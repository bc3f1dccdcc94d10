"""Who sent what somebody received, and which question it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.flow import Flow
from faultbox.trace.streams import Streams, in_order

Script = Callable[..., Streams]


@pytest.fixture
def talk() -> Script:
    """A connection of caller (end 1) and callee (end 2); each word is `a>4` (the caller sends 4 bytes), `b<4` (the
    callee receives 4), and so on, 10 ns apart."""

    def play(words: str, *, start: int = 1000, port: int = 80, overlapping: tuple[int, ...] = ()) -> Streams:
        here, there = "127.0.0.1:9", f"127.0.0.1:{port}"
        flows = [
            Flow(1, 1, "api", 1, 1, "opened", end=1, local=here, remote=there),
            Flow(2, 2, "db", 2, 2, "opened", end=2, local=there, remote=here, accepted=True),
        ]
        at: dict[str, int] = {}
        for number, word in enumerate(words.split()):
            who, way, size = word[0], word[1], int(word[2:])
            stream = "ab"["ab".index(who) ^ (way == "<")] + way
            at[stream] = at.get(stream, start) + size
            end, lane = (1, "api") if who == "a" else (2, "db")
            kind: Any = "sent" if way == ">" else "received"
            time = 10 + 10 * number
            flows.append(Flow(time, time, lane, end, end, kind, end=end, length=size, position=at[stream] % 2**32))
        return Streams(in_order(flows), overlapping)

    return play


def _turns(streams: Streams) -> list[str]:
    """Of every flow that moved bytes the number of its turn; `*` after a connection's only one."""
    turns = streams.turns
    found = [streams.turn(number) for number in range(2, len(streams.flows))]
    return ["-" if turn is None else f"{turns.index(turn)}{'*' if turn.connection.whole else ''}" for turn in found]


@pytest.mark.parametrize(
    ("words", "turns"),
    [
        ("a>4 b<4 b>2 a<2 a>4 b<4 b>2 a<2", "0 0 0 0 1 1 1 1"),
        ("a>2 a>2 b<4 b>1 b>1 a<2 a>4 b<4", "0 0 0 0 0 0 1 1"),  # pieces
        ("b>9 a<9 a>4 b<4 b>2 a<2", "- - 0 0 0 0"),  # a greeting
        ("a>2 b<2 b>1 a>2 b<2 b>1 a<2 a>2 b<2", "0 0 0 0 0 0 0 1 1"),  # two at once, both answered before the next
        ("a>2 b<2 b>1 a<1 a>2 b>1 b<2 b>1 a<2", "0* 0* 0* 0* 0* 0* 0* 0* 0*"),  # an answer to an earlier question
        ("a>2 b<2 b>2 a<1 a>2 b<2 b>1 a<2", "0* 0* 0* 0* 0* 0* 0* 0*"),  # asked before all was heard
        ("a>2 b<2 b>1 a<1 a>2 b>1 a<1 b<2 b>1", "0* 0* 0* 0* 0* 0* 0* 0* 0*"),  # the same, read apart
        ("a>2 b<2 b>2 a<1 a>2 b<2 a<1 b>1 a<1", "0* 0* 0* 0* 0* 0* 0* 0* 0*"),
        ("a>2 a>2 b<2 b>1 a<1 b<2 a>2 b<2 b>2", "0* 0* 0* 0* 0* 0* 0* 0* 0*"),  # asked with one answer still owed
    ],
)
def test_turns_are_told_apart_where_nobody_speaks_out_of_turn(talk: Script, words: str, turns: str) -> None:
    assert _turns(talk(words)) == turns.split()


def test_where_questions_overlap_by_protocol_turns_tell_nothing(talk: Script) -> None:
    words = "a>4 b<4 b>2 a<2 a>4 b<4"
    assert _turns(talk(words, port=50051, overlapping=(50051,))) == ["0*"] * 6


@pytest.mark.parametrize("start", [1000, 2**32 - 5])
def test_bytes_have_one_sender_wherever_they_are_cut(talk: Script, start: int) -> None:
    streams = talk("a>4 a>4 b<3 b<3 b<2", start=start)
    assert [streams.senders[number] for number in (4, 5, 6)] == [([2], True), ([2, 3], True), ([3], True)]


def test_bytes_that_nobody_was_seen_to_send_have_no_sender(talk: Script) -> None:
    streams = talk("a>4 b<4")
    without = Streams([flow for flow in streams.flows if flow.kind != "sent"])
    assert without.senders[2] == ([], False)


def test_an_address_that_is_used_again_is_another_connection() -> None:
    flows = []
    for begin, first in ((0, 10), (100, 20)):
        here, there = "127.0.0.1:9", "127.0.0.1:80"
        for time, end, kind, more in (
            (1, first, "opened", {"local": here, "remote": there}),
            (2, first + 1, "opened", {"local": there, "remote": here, "accepted": True}),
            (3, first, "sent", {"length": 4, "position": 77}),
            (4, first + 1, "received", {"length": 4, "position": 77}),
            (5, first, "closed", {}),
            (6, first + 1, "closed", {}),
        ):
            flows.append(Flow(begin + time, begin + time, "api", 1, 1, kind, end=end, **more))
    streams = Streams(flows)
    assert len(streams.connections) == len(streams.turns) == 2
    assert [streams.senders[number] for number in (3, 9)] == [([2], True), ([8], True)]
