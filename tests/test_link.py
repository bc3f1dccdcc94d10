"""Frames between processes: whole, in order, and never dropped, whatever an event loop made of the socket."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from faultbox.link import Frame, Link

DEADLINE_S = 30
LARGE = os.urandom(300_000)
"""More than a packet holds."""


@pytest.fixture
def pair() -> Iterator[tuple[Link, Link]]:
    left, right = Link.pair()
    yield left, right
    left.close()
    right.close()


def take(link: Link, count: int, into: list[Frame | None]) -> threading.Thread:
    """Receive in a thread that first lets the sender fill the link."""
    thread = threading.Thread(target=lambda: into.extend(link.receive() for _ in range(count)))
    thread.start()
    return thread


def test_frames_larger_than_a_packet_arrive_whole(pair: tuple[Link, Link]) -> None:
    left, right = pair
    got: list[Frame | None] = []
    thread = take(right, 1, got)
    left.send("large", LARGE)
    thread.join(DEADLINE_S)
    assert got == [Frame("large", LARGE)]


def test_a_full_link_that_does_not_block_drops_nothing(pair: tuple[Link, Link]) -> None:
    left, right = pair
    os.set_blocking(left.fileno(), False)
    got: list[Frame | None] = []

    def send() -> None:
        for number in range(8):
            left.send("n", (number, LARGE))

    sent = threading.Thread(target=send)
    sent.start()
    take(right, 8, got).join(DEADLINE_S)
    sent.join(DEADLINE_S)
    assert [frame.body[0] for frame in got if frame is not None] == list(range(8))


def test_a_frame_in_parts_is_waited_for_where_reading_does_not_block(pair: tuple[Link, Link]) -> None:
    left, right = pair
    os.set_blocking(right.fileno(), False)
    got: list[Frame | None] = []
    thread = take(right, 2, got)
    left.send("first", LARGE)
    left.send("second", LARGE)
    thread.join(DEADLINE_S)
    assert [frame.kind for frame in got if frame is not None] == ["first", "second"]


def test_the_end_of_the_other_side_is_heard(pair: tuple[Link, Link]) -> None:
    left, right = pair
    left.send("last")
    left.close()
    assert [right.receive(), right.receive()] == [Frame("last", None), None]
