"""What `--format json` prints. docs/reference/results.schema.json describes it, and a test holds both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faultbox.cli.console.case import reproduce
from faultbox.cli.session import Outcome
from faultbox.model import record
from faultbox.model.exit import Exit
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.update import Refused, SpecRefused
from faultbox.model.verdict import CaseResult, RuleReport, RunResult, Verdict

SCHEMA_VERSION = 1

_VERDICTS = {
    Exit.PASSED: "passed",
    Exit.FAILED: "failed",
    Exit.USAGE: "refused",
    Exit.ERRORED: "errored",
    Exit.INCONCLUSIVE: "inconclusive",
    Exit.INTERRUPTED: "interrupted",
    Exit.TERMINATED: "interrupted",
}


def document(outcome: Outcome, again: Sequence[str]) -> dict[str, Any]:
    """The whole document. `cases` is empty where nothing was started; in a dry run their verdicts are null."""
    started, result = outcome.started, outcome.result
    verdict = "refused" if outcome.refusal else "planned" if outcome.dry_run else _VERDICTS[outcome.exit]
    results = result.results if result is not None else ()
    return {
        "schema_version": SCHEMA_VERSION,
        "spec": started.spec if started is not None else None,
        "verdict": verdict,
        "exit": int(outcome.exit),
        "seed": started.seed if started is not None else None,
        "duration_ms": result.duration_ms if result is not None else 0.0,
        "counts": _counts(result),
        "cases": [_planned(info) for info in started.cases]
        if outcome.dry_run and started is not None
        else [_case(each, result.seed if result else 0, again) for each in results],
        "dead_assumptions": [
            {"name": dead.name, "source": dead.position, "rules": [_rule(rule) for rule in dead.rules]}
            for dead in (result.dead if result is not None else ())
        ],
        "warnings": [*map(str, started.warnings if started is not None else ()), *(result.warnings if result else ())],
        "errors": _errors(outcome),
        "problems": [_problem(each) for each in _problems(outcome)],
        "notes": [*(started.notes if started is not None else ()), *outcome.notes],
        "bundle": str(outcome.bundle) if outcome.bundle is not None else None,
    }


def _counts(result: RunResult | None) -> dict[str, int]:
    counts = {each.value: result.count(each) if result is not None else 0 for each in Verdict}
    return counts | {"not_exercised": result.not_exercised if result is not None else 0}


def _case(result: CaseResult, seed: int, again: Sequence[str]) -> dict[str, Any]:
    return {
        **_planned(result.info),
        "verdict": result.verdict.value,
        "exercised": result.exercised,
        "reason": result.reason,
        "code": result.code,
        "rules": [_rule(each) for each in result.rules],
        "duration_ms": result.duration_ms,
        "notes": list(result.notes),
        "prints": list(result.prints),
        "observed": record.to_json(result.observed),
        "causes": result.causes,
        "replay": reproduce(result, seed, again),
    }


def _planned(info: CaseInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "run": info.run,
        "kind": info.kind,
        "scenario": info.scenario,
        "fault": info.fault,
        "source": str(info.position),
        "verdict": None,
        "exercised": None,
        "reason": "",
        "code": "",
        "rules": [],
        "duration_ms": 0.0,
        "notes": [],
        "prints": [],
        "observed": None,
        "causes": None,
        "replay": "",
    }


def _rule(rule: RuleReport) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "assumption": rule.assumption,
        "service": rule.service,
        "target": rule.target,
        "keyword": rule.keyword,
        "action": rule.action,
        "label": rule.label,
        "source": rule.position,
        **rule.counts._asdict(),
        "misses": list(rule.misses),
        "notes": list(rule.notes),
    }


def _problems(outcome: Outcome) -> tuple[Problem, ...]:
    return outcome.refusal.problems if isinstance(outcome.refusal, SpecRefused) else ()


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "source": str(problem.position),
        "accepted": problem.accepted,
        "nearest": problem.nearest,
    }


def _errors(outcome: Outcome) -> list[str]:
    errors = [*outcome.troubles, *(outcome.result.errors if outcome.result is not None else ())]
    if isinstance(outcome.refusal, Refused):
        errors.append(" ".join(filter(None, (outcome.refusal.reason, outcome.refusal.advice))))
    return errors
