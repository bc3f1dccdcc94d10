"""What an event is on a timeline, and where its arrow leads."""

from __future__ import annotations

import pytest

from faultbox.evidence.reporting.kinds import KINDS, Far, far_end, kind_of


@pytest.mark.parametrize(
    ("kind", "fields", "wanted"),
    [
        ("service_exited", {"expected": "true"}, "life"),
        ("service_exited", {"signal": "9"}, "bad"),
        ("step_recv", {"ok": "true"}, "step"),
        ("step_recv", {"ok": "false"}, "bad"),
        ("syscall", {"decision": "allow"}, "call"),
        ("syscall", {}, "call"),
        ("syscall", {"decision": "delay(2s)"}, "fault"),
        ("proxy", {"rule": "r"}, "fault"),
        ("proxy", {"decision": "pass"}, "message"),
        ("fault_applied", {}, "scope"),
        ("partition_removed", {}, "scope"),
        ("stderr", {"raw": "x"}, "output"),
        ("something_new", {}, "other"),
    ],
)
def test_kinds(kind: str, fields: dict[str, str], wanted: str) -> None:
    assert KINDS[kind_of(kind, fields)] == wanted


@pytest.mark.parametrize(
    ("kind", "service", "fields", "far"),
    [
        ("step_send", "driver", {"target": "api.public"}, Far("api", arriving=False)),
        ("step_recv", "driver", {"target": "api.public"}, Far("api", arriving=True)),
        ("proxy", "db", {"caller": "api", "side": "request"}, Far("api", arriving=True)),
        ("proxy", "db", {"caller": "api", "side": "response"}, Far("api", arriving=False)),
        ("syscall", "api", {"peer": "db.main", "family": "connect"}, Far("db", arriving=False)),
        ("syscall", "api", {"peer": "db.main", "family": "read"}, Far("db", arriving=True)),
        ("syscall", "api", {"peer": "127.0.0.1:4711"}, None),
        ("syscall", "api", {"peer": "/run/some.sock"}, None),
        ("syscall", "api", {"peer": "api.main"}, None),
        ("stdout", "api", {"peer": "db.main"}, None),
    ],
)
def test_far_ends(kind: str, service: str, fields: dict[str, str], far: Far | None) -> None:
    assert far_end(kind, service, fields) == far
