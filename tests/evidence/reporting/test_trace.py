"""A case's events as columns and rows, checked against the description that the page's module reads by."""

from __future__ import annotations

import array
import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest

from faultbox.evidence.reporting import trace as traces
from faultbox.evidence.reporting.kinds import KINDS, Link
from faultbox.evidence.reporting.trace import NO_LANE, BadEvent, Trace


def event(seq: int, what: str = "stdout", service: str = "api", **fields: str) -> dict[str, Any]:
    return {"seq": seq, "time_ns": 1_000 + seq * 10, "type": what, "service": service, "fields": fields}


def read(events: Sequence[dict[str, Any]], *, known: Sequence[str] = ("driver", "api", "db"), most: int = 100) -> Trace:
    trace = Trace(known, [3], most)
    trace.read(iter(events))
    return trace


def rows(trace: Trace) -> list[list[Any]]:
    return [row for chunk in trace.chunks for row in json.loads(gzip.decompress(base64.b64decode(chunk)))]


def test_rows_and_columns_of_every_event() -> None:
    trace = read(
        [
            event(1, raw="hello"),
            event(2, "step_send", "driver", target="api.main", step="1"),
            event(3, "syscall", "api", syscall="connect", peer="db.main", decision="deny(EIO)", rule="r"),
            event(4, raw="world"),
        ]
    )
    assert rows(trace) == [
        [1, 0, "hello"],
        [2, 1, "api.main", "1"],
        [3, 2, "connect", "db.main", "deny(EIO)", "r"],
        [4, 0, "world"],
    ]
    assert trace.shapes[2] == ("syscall", "api", ["syscall", "peer", "decision", "rule"])
    assert [KINDS[kind] for kind in trace.columns.kind] == ["output", "step", "fault", "output"]
    assert list(trace.columns.lane) == [1, 0, 1, 1]
    assert list(trace.columns.far) == [NO_LANE, 1, 2, NO_LANE]
    assert trace.places == {3: 2}
    content = trace.columns.content()
    assert len(content) == 4 * (8 + 2 + 2 + 1 + 1)
    assert array.array("d", content[:32]).tolist() == [0, 10, 10, 10]
    assert trace.start_ns == 1_010


def test_of_too_many_the_first_and_the_last_are_kept() -> None:
    trace = read([event(seq) for seq in range(1, 101)], most=10)
    assert [row[0] for row in rows(trace)] == [1, 2, 3, 4, 5, 96, 97, 98, 99, 100]
    assert (trace.total, trace.kept, trace.left_out, trace.gap_at) == (100, 10, 90, 5)
    assert sum(trace.columns.delta) == 990


def test_exactly_as_many_as_may_be_are_all_kept() -> None:
    trace = read([event(seq) for seq in range(1, 11)], most=10)
    assert (trace.kept, trace.left_out) == (10, 0)


def test_rows_are_cut_into_chunks() -> None:
    trace = read([event(seq) for seq in range(1, traces.CHUNK + 2)], most=100_000)
    assert len(trace.chunks) == 2
    assert rows(trace)[-1][0] == traces.CHUNK + 1


def test_data_is_there_where_fields_say_less() -> None:
    plain = {**event(1, count="3"), "data": {"count": 3}}
    deep = {**event(2, count="3"), "data": {"count": 3, "list": [1]}}
    assert rows(read([plain, deep])) == [[1, 0, "3"], [2, 0, "3", {"count": 3, "list": [1]}]]


def test_a_very_long_field_says_how_long_it_is() -> None:
    trace = read([event(1, body="x" * 30_000, late="gone")])
    (row,) = rows(trace)
    assert row[2].endswith("… (30000 characters, the bundle has them all)")
    assert len(row[2]) < 21_000
    assert (len(row), trace.shapes[0][2], trace.shortened) == (3, ["body"], 1)


def test_however_many_fields_and_data_an_event_has_it_stays_small() -> None:
    many = event(1, **{f"name{number}": "x" * 100 for number in range(10_000)})
    deep = {**event(2, a="1"), "data": {"list": ["x" * 100] * 10_000}}
    trace = read([many, deep])
    assert max(len(json.dumps(row)) for row in rows(trace)) < 30_000
    assert len(json.dumps(trace.shapes)) < 30_000
    assert trace.shortened == 2


def test_kinds_of_events_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "_MOST_SHAPES", 3)
    with pytest.raises(BadEvent, match="more than 3 kinds"):
        read([event(number, **{f"name{number}": "x"}) for number in range(1, 5)])


def test_edges_and_what_fired_on_them() -> None:
    trace = read(
        [
            event(
                1, "syscall", "api", syscall="connect", family="connect", peer="db.main", decision="deny(EIO)", rule="r"
            ),
            event(2, "proxy", "db", caller="api", interface="main", side="request", rule="p"),
            event(3, "proxy", "db", caller="api", interface="main", side="response", decision="pass"),
            event(4, "syscall", "db", syscall="fsync", kind="file", path="/data/wal"),
        ]
    )
    edge = Link("api", "db", "main")
    assert trace.links == {edge}
    assert trace.fired == {("r", edge): 1, ("p", edge): 1}
    assert trace.disks == {"db"}


def test_lanes_without_end_share_none() -> None:
    trace = read([event(number, service=f"s{number}") for number in range(1, 400)], most=1_000)
    assert len(trace.lanes) == traces.MOST_LANES
    assert trace.columns.lane[-1] == NO_LANE


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seq": "1"}, "event 1: seq must be int"),
        ({"seq": True}, "event 1: seq must be int"),
        ({"time_ns": -1}, "event 1: seq and time_ns must be numbers of 62 bits"),
        ({"time_ns": 1 << 70}, "event 1: seq and time_ns must be numbers of 62 bits"),
        ({"fields": []}, "event 1: fields must be dict"),
        ({"fields": {"a": 1}}, "event 1: fields must be strings"),
        ({"service": None}, "event 1: service must be str"),
        ({"service": "x" * 2_000}, "event 1: type and service are longer than 1000 characters"),
    ],
)
def test_what_is_no_event_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadEvent, match=f"^{said}$"):
        read([event(1) | wrong])
