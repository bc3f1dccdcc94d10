"""Events of the edge process are neither lost nor in anybody's way while the log has no time for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from faultbox.link import Link
from faultbox.proxy import outbox
from faultbox.proxy.outbox import Outbox

FIELDS = {"text": "x" * 500}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[Link, Link]]:
    ours, theirs = Link.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def taken(link: Link) -> list[str]:
    frames = [frame for frame in link.pending() if frame is not None]
    return [record[3]["number"] for frame in frames for record in frame.body]


def turn(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_until_complete(asyncio.sleep(2 * outbox._PATIENCE_S))


def test_a_log_that_takes_nothing_holds_nobody_up_and_gets_all_in_the_end(
    loop: asyncio.AbstractEventLoop, pair: tuple[Link, Link]
) -> None:
    box = Outbox(pair[0], loop)
    for number in range(2_000):
        box.add("db", {**FIELDS, "number": str(number)})
    got: list[str] = []
    for _ in range(1_000):
        got += taken(pair[1])
        if len(got) == 2_000:
            break
        turn(loop)
    assert got == [str(number) for number in range(2_000)]


def test_what_waits_is_sent_before_the_log_is_told_that_it_has_all(
    loop: asyncio.AbstractEventLoop, pair: tuple[Link, Link]
) -> None:
    box = Outbox(pair[0], loop)
    for number in range(70):
        box.add("db", {"number": str(number)})
    box.drain()
    assert len(taken(pair[1])) == 70


def test_a_single_record_does_not_wait_for_others(loop: asyncio.AbstractEventLoop, pair: tuple[Link, Link]) -> None:
    Outbox(pair[0], loop).add("db", {"number": "1"})
    turn(loop)
    assert taken(pair[1]) == ["1"]
