from __future__ import annotations

import json

from faultbox import trace
from faultbox.model.event import Event


def numbered(*events: tuple[str, str, dict[str, str]]) -> list[Event]:
    """Events 10 ms apart."""
    return [
        Event(5_000_000 + seq * 10_000_000, kind, service, fields, {}, seq)
        for seq, (kind, service, fields) in enumerate(events, 1)
    ]


def denied(path: str = "/data/wal") -> tuple[str, str, dict[str, str]]:
    return "syscall", "db", {"syscall": "write", "pid": "7", "decision": "deny(EIO)", "path": path, "errno": "EIO"}


ALLOWED = ("syscall", "db", {"syscall": "write", "decision": "allow", "path": "/x"})
SENT = ("step_send", "driver", {"target": "api.main", "method": "post"})
FAILED = ("step_recv", "driver", {"target": "api.main", "method": "post", "status": "500", "ok": "false", "body": "no"})
WENT = ("step_recv", "driver", {"target": "api.main", "method": "get", "status": "200", "ok": "true"})
STOPPED = ("service_exited", "db", {"signal": "15", "expected": "true"})
EXITED = ("service_exited", "db", {"code": "", "signal": "11", "expected": "false"})


def lines(events: list[Event], named: list[Event] | None = None, most: int = 12) -> list[str]:
    return [trace.render(shape) for shape in trace.deciding(events, named or (), most)]


def test_what_tells_something_in_order() -> None:
    assert lines(numbered(SENT, ALLOWED, denied(), FAILED, WENT, EXITED, STOPPED)) == [
        "#3 +20ms db write deny(EIO) /data/wal",
        "#4 +30ms driver step_recv api.main post 500 body=no",
        "#6 +50ms db service_exited signal=11",
    ]


def test_a_retry_storm_is_one_line() -> None:
    assert lines(numbered(*[denied()] * 500, denied("/other"))) == [
        "#1 +0ms db write deny(EIO) /data/wal (500 times)",
        "#501 +5000ms db write deny(EIO) /other",
    ]


def test_named_events_are_always_there_and_each_for_itself() -> None:
    events = numbered(denied(), ALLOWED, denied(), denied())
    assert lines(events, [events[1], events[2]]) == [
        "#1 +0ms db write deny(EIO) /data/wal (2 times)",
        "#2 +10ms db write allow /x",
        "#3 +20ms db write deny(EIO) /data/wal",
    ]


def test_when_there_are_too_many_the_telling_ones_stay() -> None:
    events = numbered(*[denied(f"/{number}") for number in range(20)], FAILED, EXITED, ALLOWED)
    assert lines(events, [events[-1]], most=4) == [
        "#1 +0ms db write deny(EIO) /0",
        "#21 +200ms driver step_recv api.main post 500 body=no",
        "#22 +210ms db service_exited signal=11",
        "#23 +220ms db write allow /x",
    ]
    assert len(trace.deciding(events)) == 12


def test_the_shape_is_that_of_the_spool_with_a_time() -> None:
    events = numbered(denied(), denied())
    (shape,) = trace.deciding(events)
    assert shape == {**events[0].as_json(), "ms": 0.0, "times": 2}
    assert json.loads(json.dumps(shape)) == shape


def test_a_line_is_one_line_and_not_too_long() -> None:
    events = numbered(("stdout", "db", {"raw": "a\nb\t" + "x" * 500}))
    (line,) = lines(events, events)
    assert line.startswith("#1 +0ms db stdout a b xxx")
    assert len(line) == 160


def test_nothing() -> None:
    assert trace.deciding([]) == []
