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


WRONG = [
    ('deny("EIOO")', ['1:6 [UNKNOWN_ERRNO] deny(): errno is no known error: string "EIOO" | near: EIO']),
    ("deny()", ["1:1 [MISSING_ARGUMENT] deny(): missing argument 'errno'"]),
    ('deny("EIO", probability = 1.5)', ['1:27 [OUT_OF_RANGE] deny(): probability must be between 0 and 1, got float 1.5; write "1.5%"']),
    ('deny("EIO", nth = 0)', ["1:19 [OUT_OF_RANGE] deny(): nth must be at least 1, got 0"]),
    ('deny("EIO", on = "disk")', ['1:18 [UNKNOWN_VALUE] deny(): on can\'t be string "disk"']),
    ('deny("EIO", path = "data/*")', ['1:20 [BAD_GLOB] deny(): path must begin with "/" or "*", got string "data/*": it is matched against the whole path as the kernel resolved it; write "**/data/*"']),
    ('deny("EIO", ntth = 1)', ["1:13 [UNKNOWN_KEYWORD] deny(): unknown keyword 'ntth' | near: nth"]),
    ('deny("EIO", max_fires = 1)', ["1:13 [NOT_AVAILABLE] deny(): max_fires= needs exploration, which this version does not have yet"]),
    ('delay(500)', ['1:7 [WRONG_TYPE] delay(): duration must be a duration like "500ms", got int 500; write "500ms" or "500s"']),
    ('delay("0s")', ['1:7 [BAD_DURATION] delay(): duration must be longer than 0, got string "0s"']),
    ('delay(path = "/data/*", delay = "500ms")', ["1:25 [NOT_AVAILABLE] delay(): delay= needs protocol faults, which this version does not have yet"]),
    ("delay(query = 'SELECT*')", ["1:7 [NOT_AVAILABLE] delay(): query= needs protocol faults, which this version does not have yet"]),
    ("delay()", ['1:1 [NOT_AVAILABLE] delay(): delay without a duration (delay("500ms")) needs protocol faults, which this version does not have yet']),
    ('allow("x")', ["1:7 [TOO_MANY_ARGUMENTS] allow(): takes named arguments only, got 1"]),
    ('op(syscalls = ["wrte"])', ["1:15 [UNKNOWN_SYSCALL] op(): syscalls[0] is no known system call: 'wrte' | near: write"]),
    ("op(syscalls = [])", ["1:15 [EMPTY] op(): syscalls must name at least one system call"]),
    ('response(path = "/x", status = 503)', ["1:1 [NOT_AVAILABLE] response() needs protocol faults, which this version does not have yet"]),
    ('x = [error(query = "INSERT*"), drop(topic = "t")]', ["1:6 [NOT_AVAILABLE] error() needs protocol faults, which this version does not have yet", "1:32 [NOT_AVAILABLE] drop() needs protocol faults, which this version does not have yet"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), WRONG, ids=[text for text, _ in WRONG])
def test_each_mistake_in_its_place(problems: Problems, text: str, wanted: list[str]) -> None:
    assert [each.split(" | accepted: ")[0] for each in problems(text, preamble=False)] == wanted


ASSUMPTIONS = [
    ('fault_assumption("f", target = db, wriet = deny("EIO"))', "4:36 [UNKNOWN_SYSCALL] fault_assumption(): 'wriet' is no known system call | near: write"),
    ('fault_assumption("f", target = db, wall = deny("EIO"))', "4:36 [UNKNOWN_SYSCALL] fault_assumption(): 'wall' is no known system call | near: wal"),
    ('fault_assumption("f", targte = db, write = deny("EIO"))', "4:23 [UNKNOWN_KEYWORD] fault_assumption(): unknown keyword 'targte', and <service db> is no fault that could be done to an op | near: target"),
    ('fault_assumption("f", target = db, fsync = 5)', '4:44 [WRONG_TYPE] fault_assumption(): fsync must be a fault like deny("EIO"), got int 5'),
    ('fault_assumption("f", target = db, write = "EIO")', '4:44 [WRONG_TYPE] fault_assumption(): write must be a fault like deny("EIO"), got string "EIO"; write write=deny("EIO")'),
    ('fault_assumption("f", target = db.main, write = deny("EIO"))', "4:32 [NOT_AVAILABLE] fault_assumption(): target is an interface, db.main: faults on an interface need protocol faults, which this version does not have yet; for system calls write db"),
    ('fault_assumption("f", target = "db", write = deny("EIO"))', "4:32 [WRONG_TYPE] fault_assumption(): target must be a service, got string \"db\"; write the service's variable, without quotes"),
    ('fault_assumption("f", target = db)', '4:1 [EMPTY] fault_assumption(): nothing is broken: add faults like write=deny("EIO"), or faults=[...]'),
    ('fault_assumption("f", write = deny("EIO"))', "4:1 [MISSING_ARGUMENT] fault_assumption(): whose write? say target=<the service>"),
    ('fault_assumption("f", target = db, rules = [])', "4:36 [NOT_AVAILABLE] fault_assumption(): rules= needs protocol faults, which this version does not have yet"),
    ('fault_assumption("f", target = db, rules = [response(status = 503)])', "4:45 [NOT_AVAILABLE] response() needs protocol faults, which this version does not have yet"),
    ('fault_assumption("f g", target = db, write = deny("EIO"))', '4:18 [BAD_NAME] fault_assumption(): name is not a usable name: string "f g"'),
    ('fault_assumption("f", target = db, write = deny("EIO", direction = "in"))', "4:44 [NO_EFFECT] fault_assumption(): direction= belongs to connect, it means nothing for write"),
    ('fault_assumption("f", target = db, write = deny("EIO", existing = "keep"))', "4:44 [NO_EFFECT] fault_assumption(): existing= belongs to connect, it means nothing for write"),
    ('fault_assumption("f", faults = [db])', "4:32 [WRONG_TYPE] fault_assumption(): faults[0] must be a fault_assumption(), got <service db>"),
    ('fault_assumption("f", target = db, write = deny("EIO"), monitors = [lambda e: 1])', "4:68 [WRONG_TYPE] fault_assumption(): monitors[0] must be a monitor(...), got <function lambda>; write monitor(<the function>)"),
    ('[fault_assumption("f", target = db, write = deny("EIO")) for _ in range(2)]', "4:19 [DUPLICATE_NAME] fault_assumption(): an assumption 'f' is declared at spec.star:4:2 already"),
    ('f = fault_assumption("f", target = db, write = deny("EIO"))\nf.nam', "5:1 [EVALUATION] fault_assumption has no .nam field or method (did you mean .name?)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), ASSUMPTIONS, ids=[text for text, _ in ASSUMPTIONS])
def test_each_mistake_in_an_assumption(problems: Problems, text: str, wanted: str) -> None:
    assert [each.split(" | accepted: ")[0] for each in problems(text)] == [wanted]


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ("probability = 0", "deny(): probability=0 means never"),
        ("nth = 5, first = 3", "deny(): no call is number 5 and also what first, after and every ask for"),
        ("nth = 2, after = 2", "deny(): no call is number 2 and also what first, after and every ask for"),
        ("nth = 3, every = 2", "deny(): no call is number 3 and also what first, after and every ask for"),
        ("first = 2, after = 2", "deny(): no call is among the first 2 and beyond the first 2"),
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
