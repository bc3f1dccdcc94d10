"""What an event is on a timeline, and where its arrow leads."""

from __future__ import annotations

import pytest

from faultbox.evidence.reporting.kinds import KINDS, Far, Link, far_end, kind_of, link_of


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
        ("socket", "api", {"op": "connect", "caller": "api", "callee": "db"}, Far("db", arriving=False)),
        ("socket", "db", {"op": "accept", "caller": "api", "callee": "db"}, Far("api", arriving=True)),
        ("socket", "db", {"op": "accept", "callee": "db"}, None),
        ("proxy_opened", "db", {"caller": "api", "interface": "main"}, Far("api", arriving=True)),
        ("stdout", "api", {"peer": "db.main"}, None),
    ],
)
def test_far_ends(kind: str, service: str, fields: dict[str, str], far: Far | None) -> None:
    assert far_end(kind, service, fields) == far


@pytest.mark.parametrize(
    ("kind", "service", "fields", "link"),
    [
        ("proxy", "db", {"caller": "api", "interface": "main"}, Link("api", "db", "main")),
        ("proxy_opened", "db", {"caller": "api", "interface": "main"}, Link("api", "db", "main")),
        ("syscall", "api", {"syscall": "connect", "family": "connect", "peer": "db.main"}, Link("api", "db", "main")),
        ("syscall", "api", {"syscall": "sendto", "family": "send", "peer": "db.main"}, None),
        ("syscall", "api", {"syscall": "connect", "family": "connect", "peer": "127.0.0.1:80"}, None),
        ("socket", "api", {"caller": "api", "callee": "db"}, Link("api", "db", "")),
        ("socket", "api", {"caller": "api"}, None),
    ],
)
def test_edges_that_events_show(kind: str, service: str, fields: dict[str, str], link: Link | None) -> None:
    assert link_of(kind, service, fields) == link
