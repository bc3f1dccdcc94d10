from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.model.event import Event
from faultbox.trace.merge import BrokenPromise, Merge

NOW = 1_000_000


def at(time_ns: int, name: str = "") -> Event:
    return Event(time_ns, "syscall", "db", {"name": name})


def popped(merge: Merge, now: int = NOW) -> list[int]:
    times = []
    while (event := merge.pop(now)) is not None:
        times.append(event.time_ns)
    return times


def test_an_event_waits_until_every_lane_has_promised() -> None:
    merge = Merge()
    merge.open(1)
    merge.open(2)
    merge.offer(1, at(50))
    merge.promise(1, 100)
    assert popped(merge) == []
    assert merge.behind(50) == [2]
    merge.promise(2, 49)
    assert popped(merge) == []
    merge.promise(2, 50)
    assert popped(merge) == [50]


def test_without_lanes_now_is_the_limit() -> None:
    merge = Merge()
    merge.offer(0, at(10))
    merge.offer(0, at(30))
    assert popped(merge, 20) == [10]
    assert popped(merge, 30) == [30]


def test_a_closed_lane_holds_nothing_back() -> None:
    merge = Merge()
    merge.open(1)
    merge.offer(1, at(5))
    merge.close(1)
    assert popped(merge) == [5]


def test_at_one_time_the_lower_lane_goes_first_and_arrival_decides_within() -> None:
    merge = Merge()
    for lane, name in ((2, "b1"), (2, "b2"), (0, "driver"), (1, "a")):
        merge.offer(lane, at(7, name))
    names = []
    while (event := merge.pop(NOW)) is not None:
        names.append(event.fields["name"])
    assert names == ["driver", "a", "b1", "b2"]


def test_a_promise_does_not_go_back() -> None:
    merge = Merge()
    merge.open(1)
    merge.promise(1, 100)
    merge.promise(1, 50)
    assert merge.watermark(NOW) == 100


def test_an_event_older_than_the_promise_is_told_and_kept() -> None:
    merge = Merge()
    merge.open(1)
    merge.promise(1, 2_000_000)
    with pytest.raises(BrokenPromise, match="gave an event 1 ms older than it had promised"):
        merge.offer(1, at(1_000_000))
    assert popped(merge, 3_000_000) == [1_000_000]


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Moves of three lanes, each of which keeps its promises."""
    clocks = [0, 0, 0]
    moves: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(0, 60))):
        lane = draw(st.integers(0, 2))
        clocks[lane] += draw(st.integers(0, 5))
        moves.append((draw(st.sampled_from(["offer", "promise", "pop"])), lane, clocks[lane]))
    return moves


@given(scripts())
def test_whatever_the_arrivals_the_order_is_by_time_and_nothing_is_missing(moves: list[tuple[str, int, int]]) -> None:
    merge = Merge()
    for lane in range(3):
        merge.open(lane + 1)
    offered, seen = [], []
    for move, lane, time_ns in moves:
        if move == "offer":
            merge.offer(lane + 1, at(time_ns))
            offered.append(time_ns)
        elif move == "promise":
            merge.promise(lane + 1, time_ns)
        else:
            seen += popped(merge)
    for lane in range(3):
        merge.promise(lane + 1, NOW)
    seen += popped(merge)
    assert seen == sorted(offered)
