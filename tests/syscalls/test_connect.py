"""Connects are met by where they lead."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.fault import Port

pytestmark = pytest.mark.root

CONNECTS = """
import socket, sys
def attempt(name, family, address):
    try:
        s = socket.socket(family)
        s.connect(address)
        print(name, "ok")
    except OSError as error:
        print(name, error.errno)
"""


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """Two ports that accept on every address of both families."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True))
            for _ in range(2)
        ]
        yield made[0].getsockname()[1], made[1].getsockname()[1]


def down(kit: Any, fault: Any) -> Any:
    """`target=db, connect=deny("ECONNRESET")` as it reaches svc, one of db's callers."""
    from dataclasses import replace

    from faultbox import rules as engine
    from faultbox.model.source import Position
    from faultbox.model.topology import Interface, Service

    here = Position("spec.star", 1)
    services = {
        "svc": Service("svc", "/bin/true", here),
        "db": Service(
            "db",
            "/bin/true",
            here,
            tuple(Interface(p.interface, "tcp", p.port, here) for p in kit._ports if p.service == "db"),
        ),
    }
    bound = engine.bind([("connect", fault(errno=errno.ECONNRESET))], services, scope_id="db_down", target="db")
    (rule,) = (replace(each, slot=7) for each in bound if each.service == "svc")
    kit.put([rule])
    return rule


def test_an_interface_is_met_by_whatever_address_reaches_it(stand: Any, fault: Any, servers: tuple[int, int]) -> None:
    db, api = servers
    kit = stand(ports=(Port("db", "main", db), Port("api", "public", api)))
    rule = down(kit, fault)
    assert rule.id == "db_down/connect/in/svc"
    code = f"""
for name, family, host in (
    ("loopback", socket.AF_INET, "127.0.0.1"),
    ("other loopback", socket.AF_INET, "127.0.0.5"),
    ("any", socket.AF_INET, "0.0.0.0"),
    ("six", socket.AF_INET6, "::1"),
    ("any six", socket.AF_INET6, "::"),
    ("mapped", socket.AF_INET6, "::ffff:127.0.0.1"),
):
    attempt(name, family, (host, {db}))
attempt("another interface", socket.AF_INET, ("127.0.0.1", {api}))
attempt("a stranger", socket.AF_INET, ("192.0.2.1", {db}))
"""
    status, out, err = kit.python(CONNECTS + code)
    assert status == 0, err
    refused = [line.rpartition(" ")[0] for line in out.splitlines() if line.endswith(f" {errno.ECONNRESET}")]
    assert refused == ["loopback", "other loopback", "any", "six", "any six", "mapped"]
    assert "another interface ok" in out
    assert {event.fields["peer"] for event in kit.events()} == {"db.main"}
    counts = kit.counts(rule)
    assert (counts.seen, counts.matched, counts.fired) == (8, 6, 6)
    misses = kit.supervisor.report().misses[rule.slot]
    assert set(misses) == {"connect to api.public (1x)", f"connect to 192.0.2.1:{db} (1x)"}


def test_a_shared_port_belongs_to_the_service_whose_address_it_is(
    stand: Any, fault: Any, servers: tuple[int, int]
) -> None:
    port, _ = servers
    addresses = {"127.77.0.2": "api", "127.77.0.3": "db"}
    kit = stand(ports=(Port("api", "main", port), Port("db", "main", port)), addresses=addresses)
    down(kit, fault)
    code = f"""
attempt("api", socket.AF_INET, ("127.77.0.2", {port}))
attempt("db", socket.AF_INET, ("127.77.0.3", {port}))
"""
    assert kit.python(CONNECTS + code)[1].splitlines() == ["api ok", f"db {errno.ECONNRESET}"]


def test_unix_sockets_are_met_by_path(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        kit.arm(("connect", fault(errno=errno.ECONNREFUSED, path=f"{tmp_path}/*", trigger={"nth": 2})))
        code = f"""
import os
os.chdir({str(tmp_path)!r})
attempt("absolute", socket.AF_UNIX, {str(tmp_path / "s")!r})
attempt("relative", socket.AF_UNIX, "s")
attempt("abstract", socket.AF_UNIX, "\\0nobody")
"""
        assert kit.python(CONNECTS + code)[1].splitlines() == ["absolute ok", "relative 111", "abstract 111"]
        (event,) = kit.events()
        assert event.fields["path"] == event.fields["peer"] == str(tmp_path / "s")


def test_the_outbound_half_meets_every_connect_of_the_service(stand: Any, fault: Any, servers: tuple[int, int]) -> None:
    kit = stand(ports=(Port("db", "main", servers[0]),))
    (rule,) = kit.arm(("connect", fault(errno=errno.ETIMEDOUT, direction="out")))
    code = f'attempt("db", socket.AF_INET, ("127.0.0.1", {servers[0]}))'
    assert kit.python(CONNECTS + code)[1].strip() == f"db {errno.ETIMEDOUT}"
    assert kit.counts(rule).fired == 1


def test_ranking_addresses_by_datagram_sockets_is_no_connect_to_a_service(
    stand: Any, fault: Any, servers: tuple[int, int]
) -> None:
    kit = stand(ports=(Port("db", "main", servers[0]),))
    rule = down(kit, fault)
    code = f"""
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagram.connect(("127.0.0.1", {servers[0]}))
attempt("stream", socket.AF_INET, ("127.0.0.1", {servers[0]}))
"""
    assert kit.python(CONNECTS + code)[1].strip() == f"stream {errno.ECONNRESET}"
    assert kit.counts(rule)[:3] == (2, 1, 1)
