"""Spools as a run leaves them, without a run. Loaded by the conftests of evidence and cli."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faultbox.model.fault import Action, ActionKind, Counts, Fault, Rule
from faultbox.model.plan import CaseInfo
from faultbox.model.record import to_json
from faultbox.model.source import Position
from faultbox.model.verdict import CaseResult, RuleReport, Verdict
from faultbox.run.armed import Counters, note
from faultbox.run.spool import case_dir, case_name, write_result


def info(name: str, kind: Any = "test", **more: Any) -> CaseInfo:
    return CaseInfo(name, kind, more.pop("scenario", name), more.pop("fault", ""), Position("spec.star", 7), 11, **more)


def cell(row: str, column: str, **more: Any) -> CaseInfo:
    named = {"scenario": row, "fault": column, "row": row, "column": column, "matrix": 0}
    return info(f"matrix_{row}_{column}", "cell", **(named | more))


def rule(seen: int = 4, matched: int = 4, fired: int = 4, **more: Any) -> RuleReport:
    named = {
        "rule": "cache_down/connect/in/api",
        "service": "api",
        "target": "cache",
        "keyword": "connect",
        "action": "deny(ECONNREFUSED)",
        "assumption": "cache_down",
        "direction": "in",
        "label": "",
        "position": "spec.star:3:1",
    }
    return RuleReport(**(named | more), counts=Counts(seen, matched, fired))


def result(about: CaseInfo, verdict: Verdict = Verdict.PASSED, duration_ms: float = 12.0, **more: Any) -> CaseResult:
    return CaseResult(about, verdict, duration_ms, **more)


def event(seq: int, decision: str, path: str = "/data/wal", **fields: str) -> dict[str, Any]:
    named = {"syscall": "write", "pid": "77", "path": path, "decision": decision, "rule": "full/write"}
    return {"seq": seq, "time_ns": seq * 1000, "type": "syscall", "service": "db", "fields": named | fields}


def write(
    run_dir: Path,
    infos: Sequence[CaseInfo],
    results: Sequence[CaseResult],
    *,
    spec: Path = Path("/nowhere/specs/spec.star"),
    sources: Mapping[str, str] | None = None,
    events: Mapping[str, Sequence[dict[str, Any]]] | None = None,
    begun: Sequence[str] = (),
    seed: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """A run directory with what faultbox.run writes into one; `begun` are ids of cases without a result."""
    run_dir.mkdir(parents=True, exist_ok=True)
    defaults = {"select": [], "runs": 1, "timeout_ms": None, "strict": False, "control": True}
    run = {
        "spec": str(spec),
        "seed": seed,
        "seed_origin": "cli",
        "started": "2026-04-23T11:12:34Z",
        "options": defaults | dict(options or {}),
        "environment": {"faultbox": "0.1.0", "kernel": "6.18.0", "machine": "x86_64", "cpus": 2},
    }
    put(run_dir / "run.json", run)
    put(run_dir / "plan.json", {"cases": [to_json(each) for each in infos]})
    put(run_dir / "spec.json", {"root": str(spec), "sources": dict(sources or {str(spec): "x = 1\n"})})
    by_case = {(each.info.id, each.info.run): each for each in results}
    for number, each in enumerate(infos, start=1):
        if (each.id, each.run) not in by_case and each.id not in begun:
            continue
        directory = case_dir(run_dir, number, each)
        (directory / "logs" / "db.stdout").write_text(f"log of {each.id}\n")
        lines = (events or {}).get(each.id, ())
        (directory / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    numbers = {(each.id, each.run): number for number, each in enumerate(infos, start=1)}
    for each_result in results:
        number = numbers[each_result.info.id, each_result.info.run]
        write_result(run_dir, placed(each_result, number))
    return run_dir


def placed(each: CaseResult, number: int) -> CaseResult:

    return dataclasses.replace(each, directory=case_name(number, each.info))


def arm(case: Path, *, seen: int, matched: int, fired: int) -> None:
    """Leave a rule and its counters in a case's directory, as a world that was killed does."""
    counters = Counters(case)
    fault = Fault(Action(ActionKind.DENY, errno=5), Position("spec.star", 3))
    note(case, [Rule("full/write", "db", "db", "write", frozenset({"write"}), fault, slot=counters.claim())])
    counters.page[:24] = b"".join(each.to_bytes(8, "little") for each in (seen, matched, fired))


def put(path: Path, shape: object) -> None:
    path.write_text(json.dumps(shape), encoding="utf-8")
