"""Trees as data and as text, and the step that is shown."""

from __future__ import annotations

from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.trace.causes import Causes, causes
from faultbox.trace.tree import MOST_LINES, deciding_step, render, shape, shapes

MS = 1_000_000


def _flow(ms: float, lane: str, kind: Any, began: float | None = None, **more: Any) -> Flow:
    tid = {"driver": 1, "api": 2, "db": 3}[lane]
    return Flow(int(ms * MS), int((ms if began is None else began) * MS), lane, tid, tid, kind, **more)


def _event(seq: int, ms: float, kind: str, service: str, tid: int, **fields: str) -> Event:
    origin = f"thread {tid}" if service == "driver" else ""
    return Event(int(ms * MS), kind, service, fields if origin else {**fields, "tid": str(tid)}, {}, seq, origin)


FLOWS = [
    _flow(1, "driver", "opened", end=10, local="127.0.0.1:9", remote="127.0.0.1:80"),
    _flow(2, "driver", "sent", end=10, length=5, position=5),
    _flow(1.5, "api", "opened", end=11, local="127.0.0.1:80", remote="127.0.0.1:9", accepted=True),
    _flow(4, "api", "received", began=1.6, end=11, length=5, position=5),
    _flow(5, "api", "opened", end=20, local="127.0.0.1:8", remote="127.0.0.1:81"),
    _flow(5.5, "db", "opened", end=21, local="127.0.0.1:81", remote="127.0.0.1:8", accepted=True),
    _flow(6, "api", "sent", end=20, length=5, position=5),
    _flow(8, "db", "received", began=5.6, end=21, length=5, position=5),
    _flow(28, "db", "sent", end=21, length=5, position=5),
    _flow(30, "api", "received", began=7, end=20, length=5, position=5),
    _flow(32, "api", "sent", end=11, length=5, position=5),
    _flow(36, "driver", "received", began=3, end=10, length=5, position=5),
]
EVENTS = [
    _event(1, 0, "step_send", "driver", 1, step="1", target="api.http", method="get", summary="path='/'"),
    _event(2, 10, "syscall", "db", 3, syscall="write", path="/data/wal", decision="deny(EIO)"),
    _event(3, 11, "file", "db", 3, op="write", path="/data/log"),
    _event(4, 12, "file", "db", 3, op="write", path="/data/log"),
    _event(5, 40, "step_recv", "driver", 1, step="1", ok="false"),
]


@pytest.fixture
def known() -> Causes:
    return causes(EVENTS, FLOWS)


def test_a_tree_has_who_did_what_and_how_long(known: Causes) -> None:
    (tree,) = shapes(known, 0)
    (api,) = tree["requests"]
    (db,) = api["requests"]
    assert (tree["step"], tree["target"], tree["total_ms"], tree["waiting_ms"]) == ("1", "api.http", 40, 34)
    assert (api["service"], api["caller"], api["at_ms"], api["total_ms"]) == ("api", "driver", 2, 34)
    assert (api["service_ms"], api["waiting_ms"], api["between_ms"]) == (28, 24, 6)
    assert (db["service_ms"], db["between_ms"], db["events"]) == (20, 4, [2, 3, 4])
    assert db["did"] == [["write /data/wal deny(EIO)", 1], ["write /data/log", 2]]
    assert tree["possible"] == {"requests": {}, "events": []}


def test_what_is_asked_after_the_answer_is_told_as_that() -> None:
    answered = [each for each in FLOWS if (each.lane, each.kind, each.end) != ("api", "sent", 11)]
    answered.append(_flow(5.2, "api", "sent", end=11, length=5, position=5))
    (tree,) = shapes(causes(EVENTS, answered), 0)
    assert [each["late"] for each in (tree, tree["requests"][0], tree["requests"][0]["requests"][0])] == [0, 0, 1]
    assert "    db (after the answer): 24ms; write /data/wal deny(EIO), write /data/log (2 times)" in render(tree)


def test_a_tree_in_lines(known: Causes) -> None:
    assert render(shape(known.steps[0], 0)) == [
        "step 1 api.http get path='/': 40ms, 34ms of them waiting for others",
        "  api: 34ms, 24ms of them waiting for others",
        "    db: 24ms; write /data/wal deny(EIO), write /data/log (2 times)",
    ]


def test_what_is_not_known_is_said() -> None:
    tree = shape(causes(EVENTS, FLOWS, lost=1).steps[0], 0)
    assert tree["requests"] == []
    assert tree["possible"]["requests"] == {"api": 1}
    assert render(tree)[1:] == ["  not known whether for this or something else: 1 to api"]


def test_a_request_without_an_answer(known: Causes) -> None:
    silent = causes(EVENTS[:4], [flow for flow in FLOWS if flow.time_ns < 20 * MS])
    (tree,) = shapes(silent, 0)
    assert (tree["total_ms"], tree["requests"][0]["total_ms"], tree["requests"][0]["service_ms"]) == (None, None, None)
    assert render(tree)[1] == "  api: no answer"


def test_many_lines_are_cut_and_said_to_be(known: Causes) -> None:
    tree = shape(known.steps[0], 0)
    lines = render({**tree, "requests": tree["requests"] * 9})
    assert len(lines) == MOST_LINES
    assert lines[-1] == "  ... 6 lines more: the bundle has them"


def test_the_step_of_a_named_event_is_shown_else_the_last_that_failed() -> None:
    events = [
        *EVENTS,
        _event(6, 50, "step_send", "driver", 1, step="2", target="api.http", method="get", summary=""),
        _event(7, 60, "step_recv", "driver", 1, step="2", ok="true"),
    ]
    known = causes(events, FLOWS)
    first, second = known.steps
    assert deciding_step(known, [events[6]]) is second
    assert deciding_step(known, [events[2]]) is first
    assert deciding_step(known, []) is first
    assert deciding_step(causes([], []), []) is None
