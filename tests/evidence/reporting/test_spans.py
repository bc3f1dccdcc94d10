"""What lasts: its beginning, its end, and what has none."""

from __future__ import annotations

from typing import Any

import pytest

from faultbox.evidence.reporting import spans
from faultbox.evidence.reporting.spans import Spans


def made(*told: tuple[str, str, dict[str, str]]) -> list[dict[str, Any]]:
    found = Spans()
    for time_ns, (kind, service, fields) in enumerate(told):
        found.add(time_ns, kind, service, fields)
    return list(found)


def test_a_step_from_send_to_answer() -> None:
    send = {"target": "api.http", "method": "get", "step": "1", "summary": "path='/'"}
    (span,) = made(("step_send", "driver", send), ("step_recv", "driver", {**send, "ok": "false"}))
    assert (span["start"], span["end"], span["ok"]) == (0, 1, False)
    assert span["text"] == "api.http.get(path='/')"


def test_branches_side_by_side_keep_their_own_answers() -> None:
    one, two = ({"target": "api.http", "method": "get", "step": step} for step in "12")
    first, second = made(
        ("step_send", "driver", one),
        ("step_send", "driver", two),
        ("step_recv", "driver", {**one, "ok": "true"}),
        ("step_recv", "driver", {**two, "ok": "true"}),
    )
    assert (first["end"], second["end"]) == (2, 3)


def test_a_fault_ends_where_it_is_removed_and_else_is_open() -> None:
    one, two = {"write": "deny(EIO)"}, {"fsync": "deny(EIO)"}
    first, second = made(("fault_applied", "db", one), ("fault_applied", "db", two), ("fault_removed", "db", one))
    assert (first["end"], second["end"]) == (2, None)
    assert first["text"] == "write=deny(EIO)"


def test_a_partition_is_of_two() -> None:
    (span,) = made(
        ("partition_applied", "api", {"with": "db", "direction": "both"}),
        ("partition_removed", "api", {"with": "db", "dropped": "4"}),
    )
    assert (span["text"], span["end"]) == ("partition from db", 1)


def test_a_service_lives_from_start_to_exit() -> None:
    (span,) = made(("service_started", "db", {}), ("service_ready", "db", {}), ("service_exited", "db", {}))
    assert (span["start"], span["ready"], span["end"]) == (0, 1, 2)


def test_an_answer_to_nothing_is_no_span() -> None:
    assert made(("step_recv", "driver", {"step": "1"}), ("fault_removed", "db", {}), ("service_exited", "db", {})) == []


def test_too_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MOST", 2)
    found = Spans()
    for number in range(5):
        found.add(number, "fault_applied", "db", {"write": f"deny({number})"})
    assert (len(list(found)), found.left_out) == (2, 3)
