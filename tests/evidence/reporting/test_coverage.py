"""Assumptions against what can go wrong: which edges and disks there are, who covers what, what fired."""

from __future__ import annotations

from types import ModuleType

import pytest

from faultbox.evidence.reporting.coverage import Coverage, Shown, coverage
from faultbox.evidence.reporting.gathered import Gathered
from faultbox.evidence.reporting.kinds import Link
from faultbox.evidence.reporting.reach import Mode
from faultbox.evidence.reporting.trace import Trace
from faultbox.model.declared import (
    Declared,
    DeclaredAssumption,
    DeclaredFault,
    DeclaredInterface,
    DeclaredMessageFault,
    DeclaredService,
)
from faultbox.model.fault import Counts
from faultbox.model.observation import ConnectionTotals, FileTotals, Observed
from faultbox.model.verdict import RuleReport

DB = DeclaredService("db", "s.star:1:1", (DeclaredInterface("main", "postgres", 5432),))
API = DeclaredService("api", "s.star:2:1", (DeclaredInterface("http", "http", 80),), depends_on=("db",))
ON_DB = Link("api", "db", "main")


def fault(keyword: str, action: str = "deny", **more: str) -> DeclaredFault:
    return DeclaredFault(keyword, action, f"{action}()", **more)


def assume(target: str, *faults: DeclaredFault, name: str = "it") -> DeclaredAssumption:
    return DeclaredAssumption(name, "s.star:3:1", target=target, faults=faults)


def on_messages(action: str, source: str = "", **match: str) -> DeclaredAssumption:
    rules = (DeclaredMessageFault(action, "request", f"{action}()", match),)
    return DeclaredAssumption("it", "s.star:3:1", target="db", interface="main", source=source, rules=rules)


def told(*assumptions: DeclaredAssumption, shown: Shown | None = None) -> Coverage:
    return coverage(Declared((DB, API), assumptions), shown or Shown())


def covered(found: Coverage) -> dict[str, list[str]]:
    """Per dependency the modes that some assumption covers."""
    return {
        f"{each.caller} -> {each.on}" if each.caller else each.on: [mode.value for mode, by in each.modes.items() if by]
        for each in found.dependencies
    }


def report(fired: int, rule: str = "it/connect/in/api", **more: str) -> RuleReport:
    named = {"service": "api", "target": "db", "keyword": "connect", "action": "deny(EIO)", "assumption": "it"}
    named |= {"direction": "in", "label": "", "position": "s.star:3:1"}
    return RuleReport(rule, **(named | more), counts=Counts(fired, fired, fired))


@pytest.mark.parametrize(
    ("assumption", "edge", "disk"),
    [
        (assume("db", fault("connect")), ["down"], None),
        (assume("db", fault("connect", direction="out")), [], None),
        (assume("api", fault("connect")), ["down"], None),
        (assume("api", fault("connect", direction="in")), [], None),
        (assume("db", fault("connect", "delay")), ["slow"], None),
        (assume("db", fault("write", "delay")), ["slow"], None),
        (assume("api", fault("write", "delay")), [], None),
        (assume("db", fault("write", on="socket")), ["errors"], None),
        (assume("db", fault("write", on="file")), [], ["errors"]),
        (assume("db", fault("write", path="/data/*")), [], ["errors"]),
        (assume("db", fault("fsync")), [], ["errors"]),
        (assume("db", fault("fdatasync", "delay")), [], ["slow"]),
        (assume("db", fault("recv")), ["errors"], None),
        (assume("db", fault("getrandom")), [], None),
        (assume("db", fault("connect", "allow")), [], None),
        (on_messages("error", query="INSERT*"), ["errors"], None),
        (on_messages("delay"), ["slow"], None),
        (on_messages("hang"), ["down"], None),
        (on_messages("hang", query="INSERT*"), ["slow"], None),
        (on_messages("reset", query="INSERT*"), ["errors"], None),
        (on_messages("error", source="api"), ["errors"], None),
        (on_messages("error", source="driver"), [], None),
    ],
)
def test_what_an_assumption_covers(assumption: DeclaredAssumption, edge: list[str], disk: list[str] | None) -> None:
    disks = {"db’s disk": disk} if disk is not None else {}
    assert covered(told(assumption)) == {"api -> db.main": edge, **disks}


def test_operations_stand_for_their_calls() -> None:
    service = DeclaredService("db", "", ops={"persist": ("fsync", "write")}, files=("persist",))
    found = coverage(Declared((service,), (assume("db", fault("persist")),)), Shown())
    assert covered(found) == {"db’s disk": ["errors"]}


def test_possible_defined_and_fired() -> None:
    down = assume("db", fault("connect"), name="it")
    slow = assume("db", fault("write", "delay", on="socket"), name="slow")
    never = assume("db", fault("fsync"), name="never")
    shown = Shown((report(3), report(0, "slow/write", assumption="slow", keyword="write", service="db")))
    found = told(down, slow, never, shown=shown)
    assert (found.possible, found.defined, found.fired) == (5, 3, 1)
    assert found.unused == ("never",)
    assert found.elsewhere == ()


def test_assumptions_about_no_dependency_are_named() -> None:
    assert told(on_messages("error", source="driver")).elsewhere == ("it",)


def test_what_fired_elsewhere_did_not_fire_here() -> None:
    """`connect` of a caller meets all its dependencies; the trace says which of them it was."""
    cache = DeclaredService("cache", "", (DeclaredInterface("main", "redis", 6379),))
    api = DeclaredService("api", "", depends_on=("db", "cache"))
    rule = report(4, "it/connect/out", direction="out", target="api")
    shown = Shown((rule,), fired={("it/connect/out", ON_DB): 4})
    found = coverage(Declared((DB, cache, api), (assume("api", fault("connect")),)), shown)
    assert {each.on: each.modes[Mode.DOWN][0].fired for each in found.dependencies} == {"db.main": 4, "cache.main": 0}


def test_a_disk_that_the_run_showed_counts() -> None:
    found = told(shown=Shown(disks=frozenset({"db", "stranger"})))
    assert covered(found) == {"api -> db.main": [], "db’s disk": []}
    assert (found.possible, found.defined) == (5, 0)


def test_of_several_interfaces_the_one_that_is_called() -> None:
    two = DeclaredService("db", "", (DeclaredInterface("main", "postgres", 1), DeclaredInterface("admin", "http", 2)))
    declared = Declared((two, API), ())
    assert list(covered(coverage(declared, Shown()))) == ["api -> db.admin", "api -> db.main"]
    assert list(covered(coverage(declared, Shown(links=frozenset({ON_DB}))))) == ["api -> db.main"]


def test_an_edge_that_only_a_rule_has_seen() -> None:
    quiet = DeclaredService("api", "")
    assert list(covered(coverage(Declared((DB, quiet), ()), Shown((report(1),))))) == ["api -> db.main"]


def test_edges_of_strangers_and_of_the_driver_are_none() -> None:
    shown = Shown(links=frozenset({Link("driver", "db", "main"), Link("api", "nobody", "x")}))
    assert list(covered(told(shown=shown))) == ["api -> db.main"]


def test_what_the_kernel_counted_shows_edges_and_disks(spools: ModuleType) -> None:
    declared = Declared((DB, DeclaredService("api", "")), ())
    observed = Observed(
        files=(FileTotals("db", "/data/wal", writes=3), FileTotals("api", "/lib/libc.so.6", reads=1)),
        connections=(ConnectionTotals("api", "db", 5432, opened=1), ConnectionTotals("api", "", 53, refused=1)),
    )
    gathered = Gathered(declared)
    gathered.add(spools.result(spools.info("test_a"), observed=observed), Trace((), (), 10))
    assert covered(coverage(declared, gathered.all())) == {"api -> db.main": [], "db’s disk": []}
