"""A case as OpenTelemetry sees it: lives, steps and decisions are spans at the right times."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence.otlp import traces

BASE = 5_000_000_000


def event(ms: float, kind: str, service: str, **fields: str) -> dict[str, Any]:
    return {"seq": 1, "time_ns": BASE + int(ms * 1e6), "type": kind, "service": service, "fields": fields}


TRACE = [
    event(0, "service_started", "db", pid="7"),
    event(1, "stdout", "db", raw="ready"),
    event(2, "fault_applied", "db", write="deny(EIO)"),
    event(3, "step_send", "driver", target="api.main", method="get", step="1"),
    event(4, "syscall", "db", syscall="write", decision="delay(5ms)", delay_ms="5", rule="slow/write"),
    event(5, "syscall", "db", syscall="fsync", decision="allow"),
    event(6, "step_recv", "driver", target="api.main", method="get", step="1", ok="false", error="timeout"),
    event(7, "step_send", "driver", target="api.main", method="post", step="2"),
    event(9, "service_exited", "db", code="1", expected="false"),
]


@pytest.fixture
def spans(tmp_path: Path, spools: ModuleType) -> Callable[..., dict[str, dict[str, Any]]]:
    """The spans of a case with these events, by name."""

    def make(events: list[dict[str, Any]], clock: Any) -> dict[str, dict[str, Any]]:
        infos = [spools.info("test_a")]
        run = spools.write(tmp_path / "spool", infos, [spools.result(infos[0])], events={"test_a": events})
        about = json.loads((run / "run.json").read_text())
        about["environment"]["clock"] = clock
        spools.put(run / "run.json", about)
        with evidence.open(evidence.pack(run, tmp_path)) as bundle:
            shape = traces(bundle, "0001-test_a")
        return {
            span["name"]: span | {"service": each["resource"]["attributes"][0]["value"]["stringValue"]}
            for each in shape["resourceSpans"]
            for scope in each["scopeSpans"]
            for span in scope["spans"]
        }

    return make


def test_a_case(spans: Callable[..., dict[str, dict[str, Any]]]) -> None:
    utc = 1_795_000_000_000_000_000
    found = spans(TRACE, {"monotonic_ns": BASE, "utc_ns": utc})
    times = {
        name: [(int(span[end]) - utc) / 1e6 for end in ("startTimeUnixNano", "endTimeUnixNano")]
        for name, span in found.items()
    }
    assert times == {
        "test_a": [0, 9],
        "process": [0, 9],
        "api.main get": [3, 6],
        "api.main post": [7, 9],
        "write delay(5ms)": [4, 9],
    }
    assert {name: span["service"] for name, span in found.items() if span["service"] == "db"} == {
        "process": "db",
        "write delay(5ms)": "db",
    }
    root = found["test_a"]
    assert root["parentSpanId"] == ""
    assert {span["parentSpanId"] for name, span in found.items() if name != "test_a"} == {root["spanId"]}
    assert len({span["spanId"] for span in found.values()}) == 5
    assert {(len(span["traceId"]), len(span["spanId"])) for span in found.values()} == {(32, 16)}
    assert found["api.main get"]["status"] == {"code": 2, "message": "timeout"}
    assert found["process"]["status"]["code"] == 2
    assert [each["name"] for each in root["events"]] == ["fault_applied"]
    assert [each["name"] for each in found["process"]["events"]] == ["stdout"]


@pytest.mark.parametrize("clock", [None, 3, {}, {"monotonic_ns": 1, "utc_ns": "x"}])
def test_without_a_clock_nothing_is_guessed(spans: Any, clock: Any) -> None:
    with pytest.raises(evidence.BadBundle, match="does not say what time it was"):
        spans(TRACE, clock)


@pytest.mark.parametrize("delay", ["inf", "1e400", "-5", "9" * 400, "nan"])
def test_a_delay_of_a_stranger_is_no_traceback(spans: Any, delay: str) -> None:
    odd = event(1, "syscall", "db", syscall="write", decision="delay", delay_ms=delay, rule="r")
    span = spans([odd], {"monotonic_ns": 0, "utc_ns": 0})["write delay"]
    assert span["startTimeUnixNano"] == span["endTimeUnixNano"]
