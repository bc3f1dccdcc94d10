"""Lanes hold any number of events in a fixed number of places, and the most telling one of each is seen."""

from __future__ import annotations

import pytest

from faultbox.model.event import Event
from faultbox.tui.lanes import Lanes, Mark, mark_of


def event(time_ns: int, kind: str = "syscall", service: str = "db", **fields: str) -> Event:
    return Event(time_ns, kind, service, fields, {}, 1)


@pytest.mark.parametrize(
    ("shown", "mark"),
    [
        (event(0, decision="allow"), Mark.SEEN),
        (event(0, decision="deny(EIO)"), Mark.FAULT),
        (event(0, "proxy", rule="r"), Mark.FAULT),
        (event(0, "fault_applied"), Mark.FAULT),
        (event(0, "step_recv", ok="true"), Mark.STEP),
        (event(0, "step_recv", ok="false"), Mark.BAD),
        (event(0, "service_ready"), Mark.LIFE),
        (event(0, "service_exited", expected="true"), Mark.LIFE),
        (event(0, "service_exited", code="1"), Mark.BAD),
        (event(0, "monitor_violated"), Mark.BAD),
    ],
)
def test_what_an_event_tells(shown: Event, mark: Mark) -> None:
    assert mark_of(shown) is mark


def test_a_lane_a_service_and_one_of_the_driver() -> None:
    lanes = Lanes()
    for each in (event(0), event(50_000, "step_send", "api"), event(100_000, service="api", decision="deny(EIO)")):
        lanes.take(each)
    assert lanes.length_ns == 100_000
    assert lanes.drawn(3) == {
        "db": [Mark.SEEN, Mark.NOTHING, Mark.NOTHING],
        "driver": [Mark.NOTHING, Mark.STEP, Mark.NOTHING],
        "api": [Mark.NOTHING, Mark.NOTHING, Mark.FAULT],
    }


def test_nothing_telling_is_lost_however_long_it_takes() -> None:
    lanes = Lanes()
    lanes.take(event(0))
    lanes.take(event(5_000_000_000, decision="deny(EIO)"))
    lanes.take(event(3_600_000_000_000))
    marks = lanes.drawn(40)["db"]
    assert (len(marks), marks[0], marks[-1], marks.count(Mark.FAULT)) == (40, Mark.FAULT, Mark.SEEN, 1)


def test_an_event_older_than_the_first_stands_where_that_stands() -> None:
    lanes = Lanes()
    lanes.take(event(1_000))
    lanes.take(event(10, decision="deny(EIO)"))
    assert lanes.drawn(1) == {"db": [Mark.FAULT]}
