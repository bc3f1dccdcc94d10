"""What a page has of the run as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.reporting.coverage import Coverage
from faultbox.evidence.reporting.kinds import KINDS
from faultbox.model.declared import Declared
from faultbox.model.plan import CaseInfo
from faultbox.model.record import BadRecord, from_json, to_json
from faultbox.model.verdict import CaseResult, RunResult
from faultbox.trace.deciding import PLAIN, QUIET

Kind = TypeVar("Kind")

LONGEST_SOURCE = 1 << 20
"""Bytes of a file of the spec that are kept."""


def outcome_of(bundle: Bundle) -> RunResult:
    """The run's result without its cases."""
    return _record(bundle, RunResult, "outcome.json")


def declared_of(bundle: Bundle) -> Declared | None:
    """What the spec declares; None where the bundle was made by a version that did not write it."""
    if not bundle.has("declared.json") or not bundle.parsed("declared.json"):
        return None
    return _record(bundle, Declared, "declared.json")


def overview(
    bundle: Bundle,
    results: Mapping[int, CaseResult],
    declared: Declared | None,
    covered: Coverage | None,
    left_out: Sequence[str],
) -> dict[str, Any]:
    """`results` are those of the planned cases that have one, by their number in the plan from 0."""
    outcome, manifest = outcome_of(bundle), bundle.manifest
    return {
        "bundle": bundle.path.name,
        "spec": {"root": bundle.spec, "original": bundle.original},
        **{
            name: manifest.get(name) for name in ("started", "seed_origin", "complete", "faultbox", "counts", "options")
        },
        "seed": str(bundle.seed),
        "outcome": to_json(dataclasses.replace(outcome, results=())),
        "environment": bundle.parsed("environment.json"),
        "cases": [_case(number, info, results.get(number)) for number, info in enumerate(bundle.cases)],
        "excluded": to_json(declared.excluded) if declared is not None else [],
        "services": [each.name for each in declared.services] if declared is not None else [],
        "coverage": _coverage(covered, declared),
        "sources": {name: _source(bundle, name) for name in bundle.sources},
        "left_out": list(left_out),
        "words": {"plain": list(PLAIN), "quiet": sorted(QUIET), "kinds": list(KINDS)},
    }


def _case(number: int, info: CaseInfo, result: CaseResult | None) -> dict[str, Any]:
    shape: dict[str, Any] = {"number": number, **to_json(info), "position": str(info.position), "seed": str(info.seed)}
    if result is None:
        return {**shape, "verdict": None, "exercised": None, "duration_ms": 0, "reason": ""}
    fired = sum(each.counts.fired for each in result.rules)
    named = {"verdict": result.verdict.value, "exercised": result.exercised, "reason": result.reason, "fired": fired}
    return {**shape, **named, "duration_ms": result.duration_ms}


def _coverage(covered: Coverage | None, declared: Declared | None) -> dict[str, Any] | None:
    if covered is None or declared is None:
        return None
    about = {each.name: {"description": each.description, "position": each.position} for each in declared.assumptions}
    return {**to_json(covered), "assumptions": about}


def _source(bundle: Bundle, name: str) -> dict[str, Any]:
    content = bundle.read(name)
    text = content[:LONGEST_SOURCE].decode("utf-8", errors="replace")
    return {"text": text, "left_out": max(0, len(content) - LONGEST_SOURCE)}


def _record(bundle: Bundle, kind: type[Kind], name: str) -> Kind:
    try:
        return from_json(kind, bundle.parsed(name))
    except BadRecord as error:
        raise BadBundle(f"{bundle.path}: {name}: {error}") from None


def static(cases: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    """Id, verdict and reason of every case, for readers that run no scripts."""
    for each in cases:
        unexercised = each["verdict"] == "passed" and each["exercised"] is False
        yield each["id"], f"{each['verdict'] or 'not run'}{', not exercised' if unexercised else ''}", each["reason"]
