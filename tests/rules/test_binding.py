"""From a spec's words to rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faultbox.model.fault import Action, ActionKind, Assumption, Fault, Operation, Port
from faultbox.model.source import Position
from faultbox.model.syscalls import FAMILIES, UnknownSyscall
from faultbox.model.topology import Interface, Service
from faultbox.rules import bind

HERE = Position("spec.star", 1)
DENY = Fault(Action(ActionKind.DENY, 5), HERE)


def service(name: str, port: int, **more: Any) -> Service:
    return Service(name, "/bin/true", HERE, (Interface("main", "tcp", port, HERE),), **more)


SERVICES = {
    "api": service("api", 8080),
    "db": service("db", 5432, ops={"persist": Operation(("write", "fsync"), "/data/*.wal", HERE)}),
    "bus": service("bus", 9092),
    "cron": Service("cron", "/bin/true", HERE),
}


def test_a_family_means_all_its_members() -> None:
    (rule,) = bind([("write", DENY)], SERVICES, scope_id="s1", target="db")
    assert (rule.id, rule.service, rule.target, rule.keyword) == ("s1/write", "db", "db", "write")
    assert rule.syscalls == FAMILIES["write"]


def test_an_operation_brings_its_calls_and_its_path() -> None:
    (rule,) = bind([("persist", DENY)], SERVICES, scope_id="s1", target="db")
    assert rule.syscalls == FAMILIES["write"] | FAMILIES["fsync"]
    assert rule.path == "/data/*.wal"
    (narrowed,) = bind([("persist", replace(DENY, path="/data/a.wal"))], SERVICES, scope_id="s1", target="db")
    assert narrowed.path == "/data/a.wal"


def test_connect_names_both_ends_of_an_edge() -> None:
    down = Assumption("db_down", HERE, "db", (("connect", DENY),))
    rules = {rule.id: rule for rule in bind(down, SERVICES, scope_id="db_down")}
    assert list(rules) == [
        "db_down/connect/out",
        "db_down/connect/in/api",
        "db_down/connect/in/bus",
        "db_down/connect/in/cron",
    ]
    assert rules["db_down/connect/out"].service == "db"
    assert rules["db_down/connect/out"].destinations == ()
    inbound = rules["db_down/connect/in/api"]
    assert (inbound.service, inbound.target, inbound.direction) == ("api", "db", "in")
    assert inbound.destinations == (Port("db", "main", 5432),)
    assert {rule.assumption for rule in rules.values()} == {"db_down"}


@pytest.mark.parametrize(("direction", "services"), [("out", ["db"]), ("in", ["api", "bus", "cron"])])
def test_direction_narrows(direction: Any, services: list[str]) -> None:
    rules = bind([("connect", replace(DENY, direction=direction))], SERVICES, scope_id="s", target="db")
    assert [rule.service for rule in rules] == services


def test_a_service_without_interfaces_has_no_callers() -> None:
    (rule,) = bind([("connect", DENY)], SERVICES, scope_id="s", target="cron")
    assert rule.direction == "out"


def test_a_connect_to_a_path_has_no_inbound_half() -> None:
    (rule,) = bind([("connect", replace(DENY, path="/run/x.sock"))], SERVICES, scope_id="s", target="db")
    assert (rule.service, rule.path) == ("db", "/run/x.sock")


def test_a_composition_holds_each_assumption_once() -> None:
    slow = Assumption("slow", HERE, "db", (("fsync", DENY),))
    left = Assumption("left", HERE, "api", (("write", DENY), ("write", DENY)), (slow,))
    both = Assumption("both", HERE, children=(left, Assumption("right", HERE, children=(slow,))))
    rules = bind(both, SERVICES, scope_id="both")
    assert [(rule.id, rule.assumption) for rule in rules] == [
        ("both/left/write", "left"),
        ("both/left/write#2", "left"),
        ("both/slow/fsync", "slow"),
    ]


def test_an_unknown_call_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownSyscall, match=r"'writ'; did you mean 'write'\?"):
        bind([("writ", DENY)], SERVICES, scope_id="s", target="db")
