"""Two bundles side by side: what is the same, and the first thing that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence.difference import Difference, diff
from faultbox.model.verdict import DeadAssumption, RunResult, Verdict


def event(kind: str, service: str = "api", **fields: str) -> dict[str, Any]:
    return {"type": kind, "service": service, "fields": fields}


def line(text: str, service: str = "api") -> dict[str, Any]:
    return event("stdout", service, raw=text)


def step(kind: str, number: int, target: str, **fields: str) -> dict[str, Any]:
    return event(f"step_{kind}", "driver", target=target, step=str(number), **fields)


Compare = Callable[..., Difference]


@pytest.fixture
def compare(tmp_path: Path, spools: ModuleType) -> Compare:
    """Compare bundles of one case with these events, or of runs that differ in what is given."""

    def run(name: str, events: Sequence[dict[str, Any]], cases: Sequence[str], about: dict[str, Any]) -> Path:
        infos = [spools.info(each) for each in cases]
        results = [spools.result(each, **({"verdict": Verdict.PASSED} | about)) for each in infos]
        numbered = [
            {**each, "seq": number, "time_ns": number * 1000 + len(name)} for number, each in enumerate(events, start=1)
        ]
        place = spools.write(tmp_path / name, infos, results, events=dict.fromkeys(cases, numbered))
        return evidence.pack(place, tmp_path / f"{name}.fb")

    def make(
        a: Sequence[dict[str, Any]] = (),
        b: Sequence[dict[str, Any]] = (),
        *,
        cases: tuple[Sequence[str], Sequence[str]] = (["test_a"], ["test_a"]),
        about: tuple[dict[str, Any], dict[str, Any]] = ({}, {}),
        **options: Any,
    ) -> Difference:
        paths = [run("a", a, cases[0], about[0]), run("b", b, cases[1], about[1])]
        with evidence.open(paths[0]) as one, evidence.open(paths[1]) as other:
            return diff(one, other, **options)

    return make


def test_the_same_but_for_accidents(compare: Compare) -> None:
    a = [event("service_started", pid="71"), line("at 11:12:13 order 4731e7b4164e46848ce57378da643e32")]
    b = [event("service_started", pid="93"), line("at 11:12:19 order 1111e7b4164e46848ce57378da64ffff")]
    found = compare(a, b)
    assert found.same
    assert (found.runs.cases, found.strands, found.traces) == (1, 2, [])


def test_the_first_divergence_with_what_stands_before_it(compare: Compare) -> None:
    common = [line(f"line {number}") for number in range(5)]
    found = compare([*common, line("synced"), line("done")], [*common, line("lost"), line("done")])
    (divergence,) = found.traces
    assert not found.same
    assert (divergence.case, divergence.strand, divergence.line) == ("test_a", ("api", "stdout"), 6)
    assert divergence.before == tuple(f"stdout raw=line {number}" for number in (2, 3, 4))
    assert divergence.a == ("stdout raw=synced", "stdout raw=done")
    assert divergence.b == ("stdout raw=lost", "stdout raw=done")
    assert (divergence.only_a, divergence.only_b) == (1, 1)


def test_a_strand_that_only_one_has(compare: Compare) -> None:
    (divergence,) = compare([line("x")], []).traces
    assert (divergence.a, divergence.b, divergence.only_a) == (("stdout raw=x",), (), 1)


def test_another_order_is_a_difference_unless_it_is_not_asked_for(compare: Compare) -> None:
    a, b = [line("x"), line("y")], [line("y"), line("x")]
    (divergence,) = compare(a, b).traces
    assert (divergence.only_a, divergence.only_b) == (0, 0)
    assert compare(a, b, any_order=True).same


def test_services_have_no_order_among_each_other(compare: Compare) -> None:
    a, b = line("x", "api"), line("y", "db")
    assert compare([a, b], [b, a]).same


def test_steps_that_overlap_have_no_order_and_others_have(compare: Compare) -> None:
    def together(*order: int) -> list[dict[str, Any]]:
        sent = [step("send", number, f"t{number}") for number in order]
        return [*sent, *(step("recv", number, f"t{number}", ok="true") for number in reversed(order))]

    assert compare(together(1, 2), together(2, 1)).same
    one, other = together(1), together(2)
    assert not compare([*one, *other], [*other, *one]).same


def test_a_step_that_was_never_answered_is_not_forgotten(compare: Compare) -> None:
    (divergence,) = compare([step("send", 1, "t")], []).traces
    assert divergence.a == ("step_send target=t",)


def test_how_a_service_is_stopped_is_no_difference_and_how_it_dies_is(compare: Compare) -> None:
    assert compare([event("service_exited", code="0", expected="true")], []).same
    assert not compare([event("service_exited", code="1", expected="false")], []).same


def test_what_the_kernel_measures_is_no_difference_and_what_a_service_says_is(compare: Compare) -> None:
    a, b = ({"pid": "41", "parent": parent, "op": "exec", "path": "/bin/x"} for parent in ("40", "39"))
    assert compare([event("process", **a)], [event("process", **b)]).same
    assert not compare([event("stdout", size="1")], [event("stdout", size="2")]).same


def test_what_comes_after_the_verdict_was_asked_for_is_left_out(compare: Compare) -> None:
    a, b = [line("stored"), line("bye")], [line("stored"), line("killed")]
    assert not compare(a, b).same
    assert compare(a, b, about=({"judged": 1}, {"judged": 1})).same


def test_decisions_are_compared_as_such(compare: Compare, spools: ModuleType) -> None:
    found = compare([spools.event(1, "deny(EIO)")], [spools.event(1, "delay(1s)")])
    assert found.runs.decided == ["test_a: db write /data/wal, call 1 under full/write: deny(EIO) in A, delay(1s) in B"]
    assert found.traces == []


@pytest.mark.parametrize(
    ("about", "text"),
    [
        (({"verdict": Verdict.FAILED, "reason": "503"}, {}), "test_a: failed in A, passed in B (503)"),
        (({"exercised": True}, {"exercised": False}), "test_a: exercised yes in A, no in B"),
        (
            ({"verdict": Verdict.FAILED, "reason": "503"}, {"verdict": Verdict.FAILED, "reason": "500"}),
            "test_a: failed for another reason: '503' in A, '500' in B",
        ),
    ],
)
def test_verdicts(compare: Compare, about: Any, text: str) -> None:
    found = compare(about=about)
    assert found.runs.verdicts == [text]
    assert not found.same


def test_a_reason_that_differs_in_its_times_only(compare: Compare) -> None:
    slow, slower = ({"verdict": Verdict.FAILED, "reason": f"status 503 after {ms}ms"} for ms in (12, 19))
    assert compare(about=(slow, slower)).same


def test_cases_that_only_one_has(compare: Compare) -> None:
    found = compare(cases=(["test_a", "test_b"], ["test_a", "test_c"]))
    assert found.runs.verdicts == ["test_b: is only in A", "test_c: is only in B"]


def test_only_what_is_asked_for(compare: Compare, spools: ModuleType) -> None:
    a, b = [line("x"), spools.event(1, "deny(EIO)")], [line("y"), spools.event(1, "delay(1s)")]
    about = ({"verdict": Verdict.FAILED}, {})

    def subjects(*wanted: str) -> tuple[bool, bool, bool]:
        found = compare(a, b, about=about, subjects=wanted)
        return bool(found.runs.verdicts), bool(found.runs.decided), bool(found.traces)

    assert subjects("verdicts") == (True, False, False)
    assert subjects("decisions") == (False, True, False)
    assert subjects("traces") == (False, False, True)
    assert subjects("verdicts", "decisions", "traces") == (True, True, True)


def test_an_assumption_that_died(tmp_path: Path, spools: ModuleType) -> None:
    from faultbox.evidence import spool

    paths = []
    for name, dead in (("a", ()), ("b", (DeadAssumption("full", "s:1:1", ()),))):
        infos = [spools.info("test_a")]
        results = (spools.result(infos[0]),)
        place = spools.write(tmp_path / name, infos, results)
        spool.conclude(place, RunResult(1, results, dead=dead))
        paths.append(evidence.pack(place, tmp_path / f"{name}.fb"))
    with evidence.open(paths[0]) as a, evidence.open(paths[1]) as b:
        assert diff(a, b).runs.verdicts == ["assumption full: alive in A, dead in B"]
