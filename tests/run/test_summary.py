"""Vacuity and the sum of a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from faultbox.model.exit import Exit
from faultbox.model.fault import Action, ActionKind, Assumption, Counts, Fault
from faultbox.model.plan import Case, CaseInfo, Plan
from faultbox.model.shard import Shard
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.model.verdict import CaseResult, RuleReport, Verdict
from faultbox.run import summary

AT = Position("x.star", 3)
EIO = Fault(Action(ActionKind.DENY, errno=5), AT)
DISK = Assumption("disk_error", AT, target="db", faults=(("write", EIO),))
BOTH = Assumption("both", AT, target="db", faults=(("write", EIO), ("fsync", EIO)))
WHOLE = Assumption("whole", AT, children=(DISK,))
WATCHED = Assumption("watched", AT)


def case(name: str, *faults: Assumption, control: str = "") -> Case:
    info = CaseInfo(name, "cell", "s", ",".join(each.name for each in faults), AT, 1, control=control)
    return Case(info, body=lambda: None, faults=faults)


def report(assumption: str, keyword: str, *counts: int) -> RuleReport:
    return RuleReport(
        f"{assumption}/{keyword}", "db", "db", keyword, "deny(EIO)", assumption, "", "", str(AT), Counts(*counts)
    )


def result(of: Case, *reports: RuleReport, verdict: Verdict = Verdict.PASSED) -> CaseResult:
    fired = any(each.counts.fired for each in reports)
    return CaseResult(of.info, verdict, 1.0, exercised=fired, rules=reports)


def plan(*cases: Case, complete: dict[str, bool] | None = None, strict: bool = False) -> Plan:
    spec = Spec(Path("x.star"), {}, (), (), (), {}, (), {})
    return Plan(spec, 1, "cli", cases, frozenset(), complete or {}, strict=strict)


def test_an_assumption_that_fires_in_one_cell_is_alive() -> None:
    one, two = case("a", DISK), case("b", DISK)
    results = [result(one, report("disk_error", "write", 4, 2, 2)), result(two, report("disk_error", "write", 4, 0, 0))]
    run = summary.sum_up(plan(one, two), results, duration_ms=1, interrupted=0)
    assert run.dead == ()
    assert run.exit is Exit.PASSED
    assert run.not_exercised == 1


def test_an_assumption_that_fires_nowhere_fails_the_run_and_shows_its_counters() -> None:
    one, two = case("a", DISK), case("b", DISK)
    results = [result(each, report("disk_error", "write", 4, 1, 0)) for each in (one, two)]
    run = summary.sum_up(plan(one, two), results, duration_ms=1, interrupted=0)
    assert [each.name for each in run.dead] == ["disk_error"]
    assert run.dead[0].rules[0].counts == Counts(8, 2, 0, 0)
    assert run.exit is Exit.FAILED


def test_with_only_some_of_its_cells_run_it_is_a_warning() -> None:
    one = case("a", DISK)
    results = [result(one, report("disk_error", "write", 4, 0, 0))]
    partial = plan(one, complete={"disk_error": False})
    run = summary.sum_up(partial, results, duration_ms=1, interrupted=0)
    assert run.dead == ()
    assert run.warnings == ("disk_error: not exercised by the cases that ran",)


def test_a_cell_without_a_verdict_of_its_own_keeps_an_assumption_from_being_judged() -> None:
    one, two = case("a", DISK), case("b", DISK)
    results = [result(one, report("disk_error", "write", 1, 0, 0)), result(two, verdict=Verdict.INCONCLUSIVE)]
    assert summary.sum_up(plan(one, two), results, duration_ms=1, interrupted=0).dead == ()


def test_firing_inside_a_composition_makes_both_alive() -> None:
    one = case("a", WHOLE)
    run = summary.sum_up(plan(one), [result(one, report("disk_error", "write", 1, 1, 1))], duration_ms=1, interrupted=0)
    assert run.dead == ()


def test_a_silent_rule_beside_a_firing_one_is_a_warning_and_red_under_strict() -> None:
    one = case("a", BOTH)
    results = [result(one, report("both", "write", 3, 3, 3), report("both", "fsync", 0, 0, 0))]
    run = summary.sum_up(plan(one), results, duration_ms=1, interrupted=0)
    assert run.warnings == ("both: fsync=deny(EIO) on db never fired (seen 0, matched 0)",)
    assert run.exit is Exit.PASSED
    assert summary.sum_up(plan(one, strict=True), results, duration_ms=1, interrupted=0).exit is Exit.FAILED


def written(assumption: str, at: str, *counts: int, target: str = "db") -> RuleReport:
    action = f"error(path='{at}')"
    return RuleReport(f"r{at}", target, target, "error", action, assumption, "", "", at, Counts(*counts))


def test_rules_of_one_kind_are_told_apart_by_where_they_are_written() -> None:
    results = [result(case("a", BOTH), written("both", "/a", 3, 3, 3), written("both", "/typo", 3, 0, 0))]
    run = summary.sum_up(plan(case("a", BOTH)), results, duration_ms=1, interrupted=0)
    assert run.warnings == ("both: error(path='/typo') on db never fired (seen 3, matched 0)",)


def test_a_fault_that_a_scenario_arms_and_that_never_fired_is_a_warning_though_another_one_did() -> None:
    one = case("a")
    results = [result(one, written("", "/a", 3, 3, 3), written("", "/typo", 3, 0, 0), written("", "/typo", 2, 0, 0))]
    run = summary.sum_up(plan(one, strict=True), results, duration_ms=1, interrupted=0)
    assert run.warnings == ("a: error(path='/typo') on db never fired (seen 5, matched 0)",)
    assert run.exit is Exit.FAILED


@pytest.mark.parametrize(
    "rules",
    [
        (written("", "/a", 3, 0, 0), written("", "/a", 3, 1, 1)),
        (written("", "/a", 3, 0, 0, target="api"), written("", "/a", 3, 1, 1)),
        (written("", "/a", 3, 0, 0),),
    ],
    ids=["it fired in another turn", "it fired on another service", "the case says so itself"],
)
def test_nothing_else_is_said_of_faults_that_scenarios_arm(rules: tuple[RuleReport, ...]) -> None:
    run = summary.sum_up(plan(case("a")), [result(case("a"), *rules)], duration_ms=1, interrupted=0)
    assert run.warnings == ()


def test_an_assumption_of_monitors_only_is_never_dead() -> None:
    one = case("a", WATCHED)
    assert summary.sum_up(plan(one), [result(one)], duration_ms=1, interrupted=0).dead == ()


def test_cases_without_a_verdict_are_counted_out_loud() -> None:
    one, two = case("a"), case("b")
    run = summary.sum_up(plan(one, two), [result(one)], duration_ms=1, interrupted=2)
    assert run.warnings == ("1 of 2 cases have no verdict: interrupted",)
    assert run.exit is Exit.INTERRUPTED


def test_a_case_whose_control_failed_is_inconclusive_and_says_which() -> None:
    control, cell = case("test_s"), case("matrix_s_disk_error", DISK, control="test_s")
    told = summary.uncontrolled(cell, result(control, verdict=Verdict.FAILED))
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.reason == "not run: test_s, the same scenario without faults, failed"


def test_a_world_that_died_is_errored_with_how() -> None:
    assert "SIGKILL" in summary.world_died(case("a"), -9, over_time=False, rules=()).reason
    assert "exit code 1" in summary.world_died(case("a"), 1, over_time=False, rules=()).reason


def test_a_world_that_ended_without_a_verdict_leaves_its_rules() -> None:
    rules = (report("disk_error", "write", 4, 2, 1),)
    died = summary.world_died(case("a"), -9, over_time=False, rules=rules)
    assert (died.rules, died.exercised) == (rules, True)
    assert summary.world_died(case("a"), -9, over_time=False, rules=()).exercised is None


def test_a_second_try_shows_the_first() -> None:
    one = case("a")
    first = CaseResult(one.info, Verdict.FAILED, 9.0, reason="timed out after 1s", run_delay=0.5)
    second = summary.second_try(first, result(one))
    assert second.verdict is Verdict.PASSED
    assert "timed out after 1s" in second.notes[-1]
    assert "50%" in second.notes[-1]


def test_of_a_shard_alone_nothing_is_said_about_assumptions() -> None:
    one = case("a", DISK)
    results = [result(one, report("disk_error", "write", 4, 0, 0))]
    sharded = dataclasses.replace(plan(one), shard=Shard(1, 2), whole=(one, case("b", DISK)))
    run = summary.sum_up(sharded, results, duration_ms=1, interrupted=0)
    assert (run.dead, run.warnings) == ((), ())
    (use,) = summary.uses(sharded)
    assert use.cases == (("a", 1), ("b", 1))
    assert summary.vacuous([use], results)[1] == ["disk_error: not exercised by the cases that ran"]
