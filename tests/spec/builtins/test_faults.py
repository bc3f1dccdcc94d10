"""deny(), delay(), allow(), op() and fault_assumption()."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from faultbox.model.fault import ActionKind, Trigger
from faultbox.model.spec import Spec

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]


def test_a_fault_with_all_its_conditions(load: Load) -> None:
    spec = load(
        'f = fault_assumption("f", target = db, connect = deny("EIO", path = "/a/*", on = "file", direction = "in",'
        ' existing = "keep", nth = 6, first = 9, after = 2, every = 3, probability = "50%", label = "x",'
        " from_start = True))"
    )
    ((keyword, fault),) = spec.assumptions["f"].faults
    assert keyword == "connect"
    assert (fault.action.kind, fault.action.errno) == (ActionKind.DENY, errno.EIO)
    assert fault.trigger == Trigger(6, 9, 2, 3, 0.5)
    assert (fault.path, fault.on, fault.direction, fault.existing) == ("/a/*", "file", "in", "keep")
    assert (fault.label, fault.from_start, str(fault.position)) == ("x", True, "spec.star:4:50")


def test_what_an_assumption_holds(load: Load) -> None:
    spec = load(
        'slow = fault_assumption("slow", target = db, write = delay("500ms"))\n'
        "m = monitor(lambda e: None)\n"
        'bad = fault_assumption("bad", target = db, faults = [slow], monitors = [m], description = "d",\n'
        '    fsync = [deny("EIO", nth = 1), allow()], wal = deny("ENOSPC"), openat = delay("1s"))\n'
    )
    bad = spec.assumptions["bad"]
    assert [(keyword, fault.text) for keyword, fault in bad.faults] == [
        ("fsync", "deny(EIO)"),
        ("fsync", "allow()"),
        ("wal", "deny(ENOSPC)"),
        ("openat", "delay(1000ms)"),
    ]
    assert (bad.target, bad.description, len(bad.monitors)) == ("db", "d", 1)
    assert [each.name for each in bad.leaves()] == ["bad", "slow"]
    assert spec.monitors == ()


def test_mistakes_in_faults(problems: Problems, mistake: tuple[str, list[str]]) -> None:
    text, wanted = mistake
    assert [each.split(" | accepted: ")[0] for each in problems(text, preamble=False)] == wanted


def test_mistakes_in_declarations(problems: Problems, mistake: tuple[str, list[str]]) -> None:
    text, wanted = mistake
    assert [each.split(" | accepted: ")[0] for each in problems(text)] == wanted


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ("probability = 0", "deny(): probability=0 means never"),
        ("nth = 5, first = 3", "deny(): nothing is number 5 and also what first, after and every ask for"),
        ("nth = 2, after = 2", "deny(): nothing is number 2 and also what first, after and every ask for"),
        ("nth = 3, every = 2", "deny(): nothing is number 3 and also what first, after and every ask for"),
        ("first = 2, after = 2", "deny(): nothing is among the first 2 and beyond the first 2"),
    ],
)
def test_faults_that_never_fire_are_warned_of(load: Load, conditions: str, text: str) -> None:
    spec = load(f'deny("EIO", {conditions})')
    assert [(each.code, each.message) for each in spec.warnings] == [("NEVER_FIRES", text)]


def test_possible_conditions_are_not_warned_of(load: Load) -> None:
    assert (
        load('deny("EIO", nth = 4, first = 4, after = 3, every = 2)\ndeny("EIO", first = 3, after = 2)').warnings == ()
    )


def test_an_assumption_that_nothing_uses_is_warned_of(load: Load) -> None:
    spec = load(
        'a = fault_assumption("a", target = db, write = deny("EIO"))\n'
        'b = fault_assumption("b", target = db, write = deny("EIO"))\n'
        'c = fault_assumption("c", faults = [b])\n'
        'd = fault_assumption("d", target = db, write = deny("EIO"))\n'
        'e = fault_assumption("e", target = db, write = deny("EIO"))\n'
        "def test_x():\n    fault(d, run = lambda: 1)\n"
        "fault_scenario('s', scenario = test_x, faults = [e])\n"
    )
    assert [(each.code, each.message, each.position.line) for each in spec.warnings] == [
        ("UNUSED", "fault_assumption 'a' is never used: no scenario and no matrix names it", 4),
        ("UNUSED", "fault_assumption 'c' is never used: no scenario and no matrix names it", 6),
    ]
