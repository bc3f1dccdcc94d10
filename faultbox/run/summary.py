"""From the results of cases to the result of a run: dead assumptions, warnings, and cases that never ran."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from faultbox.model.fault import Assumption
from faultbox.model.plan import AssumptionUse, Case, Plan
from faultbox.model.verdict import CaseResult, DeadAssumption, RuleReport, RunResult, Verdict
from faultbox.run import room

RAN = {Verdict.PASSED, Verdict.FAILED}


def sum_up(plan: Plan, results: Sequence[CaseResult], *, duration_ms: float, interrupted: int) -> RunResult:
    """The run as a whole. Of a shard alone, nothing is said about assumptions: they may fire in another one."""
    dead, warnings = vacuous(uses(plan), results) if plan.shard is None else ([], [])
    missing = len(plan.cases) - len(results)
    if missing:
        why = "interrupted" if interrupted else "stopped at the first failure"
        warnings.append(f"{missing} of {len(plan.cases)} cases have no verdict: {why}")
    return RunResult(
        seed=plan.seed,
        results=tuple(results),
        dead=tuple(dead),
        warnings=tuple(warnings),
        strict=plan.strict,
        duration_ms=duration_ms,
        interrupted=interrupted,
    )


def vacuous(
    assumptions: Iterable[AssumptionUse], results: Sequence[CaseResult]
) -> tuple[list[DeadAssumption], list[str]]:
    """Assumptions that fired nowhere (dead, or only a warning where not all their cells ran), and lone silent rules."""
    reports = _reports_by_assumption(results)
    ran = {(each.info.id, each.info.run) for each in results if each.verdict in RAN}
    dead: list[DeadAssumption] = []
    warnings: list[str] = []
    for use in assumptions:
        rules = [rule for leaf in use.leaves for rule in reports.get(leaf, ())]
        if not use.has_rules:
            continue
        if any(rule.counts.fired for rule in rules):
            warnings += _silent(use.name, reports.get(use.name, ()))
        elif use.complete and ran.issuperset(use.cases):
            dead.append(DeadAssumption(use.name, str(use.position), tuple(rules)))
        else:
            warnings.append(f"{use.name}: not exercised by the cases that ran")
    return dead, [*warnings, *_silent_inline(results)]


def _silent(name: str, rules: Iterable[RuleReport]) -> list[str]:
    """Rules of a living assumption that never fired themselves."""
    return [f"{name}: {each}" for each in _never_fired(rules)]


def _silent_inline(results: Iterable[CaseResult]) -> Iterator[str]:
    """The same of faults that scenarios arm themselves, in cases that say `exercised` for another's sake."""
    for each in results:
        if each.verdict is Verdict.PASSED and each.exercised:
            own = (rule for rule in each.rules if not rule.assumption)
            yield from (f"{each.info.id}: {rule}" for rule in _never_fired(own, wherever=True))


def _never_fired(rules: Iterable[RuleReport], *, wherever: bool = False) -> Iterator[str]:
    """What was written and never fired. The two halves of a connect rule are one, so are a rule's turns in a loop.

    `wherever`: on no target, for one fault may be armed on several.
    """
    written: dict[tuple[str, ...], RuleReport] = {}
    for rule in rules:
        key = (rule.position, rule.keyword, "" if wherever else rule.target)
        written[key] = _add(written[key], rule) if key in written else rule
    for rule in written.values():
        if not rule.counts.fired:
            yield f"{rule.done} on {rule.target} never fired (seen {rule.counts.seen}, matched {rule.counts.matched})"


def uses(plan: Plan) -> tuple[AssumptionUse, ...]:
    """Every named assumption of the run, children of compositions included, with the cases that use it."""
    users: dict[str, tuple[Assumption, list[tuple[str, int]]]] = {}
    for case in plan.whole or plan.cases:
        for assumption in {leaf.name: leaf for top in case.faults for leaf in top.leaves()}.values():
            users.setdefault(assumption.name, (assumption, []))[1].append((case.id, case.info.run))
    return tuple(_use(assumption, cases, plan) for assumption, cases in users.values())


def _use(assumption: Assumption, cases: Sequence[tuple[str, int]], plan: Plan) -> AssumptionUse:
    leaves = assumption.leaves()
    return AssumptionUse(
        name=assumption.name,
        position=assumption.position,
        leaves=tuple(leaf.name for leaf in leaves),
        has_rules=any(leaf.faults or leaf.rules for leaf in leaves),
        complete=plan.complete.get(assumption.name, True),
        cases=tuple(cases),
    )


def _reports_by_assumption(results: Iterable[CaseResult]) -> dict[str, list[RuleReport]]:
    """The reports of all cases, one a rule, counters added up."""
    merged: dict[tuple[str, str, str], RuleReport] = {}
    for result in results:
        for report in result.rules:
            key = (report.assumption, report.rule, report.service)
            seen = merged.get(key)
            merged[key] = report if seen is None else _add(seen, report)
    by_name: dict[str, list[RuleReport]] = {}
    for report in merged.values():
        by_name.setdefault(report.assumption, []).append(report)
    return by_name


def _add(left: RuleReport, right: RuleReport) -> RuleReport:
    misses = tuple(dict.fromkeys((*left.misses, *right.misses)))[:5]
    notes = tuple(dict.fromkeys((*left.notes, *right.notes)))
    return dataclasses.replace(left, counts=left.counts + right.counts, misses=misses, notes=notes)


def uncontrolled(case: Case, control: CaseResult) -> CaseResult:
    """The verdict of a case whose control did not pass: nothing can be learnt from it, so it isn't run."""
    return CaseResult(
        info=case.info,
        verdict=Verdict.INCONCLUSIVE,
        duration_ms=0.0,
        code="CONTROL_FAILED",
        reason=f"not run: {control.info.id}, the same scenario without faults, {control.verdict}",
    )


def world_died(case: Case, status: int, *, over_time: bool, rules: tuple[RuleReport, ...]) -> CaseResult:
    """The verdict of a case whose world ended without one; `rules` as it had armed them."""
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
    reason = f"the case's world ended before it had a verdict ({how})"
    if over_time:
        reason = "the case's world did not end long after the case's limit, and was killed"
    return _undecided(case, "WORLD_DIED", reason, rules)


def no_room(case: Case, run_dir: Path, rules: tuple[RuleReport, ...]) -> CaseResult:
    """The verdict of a case that could not write down what it did; `rules` as it had armed them."""
    return _undecided(case, "NO_ROOM", f"{room.said(run_dir)}: {room.ADVICE}", rules)


def not_made(case: Case, error: Exception) -> CaseResult:
    """The verdict of a case whose world could not be made."""
    return _undecided(case, "WORLD_DIED", str(error), ())


def _undecided(case: Case, code: str, reason: str, rules: tuple[RuleReport, ...]) -> CaseResult:
    return CaseResult(
        info=case.info,
        verdict=Verdict.ERRORED,
        duration_ms=0.0,
        code=code,
        reason=reason,
        exercised=any(each.counts.fired for each in rules) if rules else None,
        rules=rules,
    )


def second_try(first: CaseResult, second: CaseResult) -> CaseResult:
    """The verdict of the run that was alone on the host; the first try stays visible as a note."""
    note = (
        f"ran twice: the first try {first.verdict} ({first.reason}) while its tasks waited "
        f"{first.run_delay:.0%} of the time for a processor; only this try, alone on the host, counts"
    )
    return dataclasses.replace(second, notes=(*second.notes, note))
