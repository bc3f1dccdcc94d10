"""From a spool to a bundle: one zip file, written whole or not at all.

manifest.json                 what the run was and what came out of it
environment.json              the host it ran on
plan.json  outcome.json       the cases, and the run's result without theirs
uses.json                     which cases use which assumption
declared.json                 the services and assumptions of the spec
spec/...                      every file the spec was loaded from
cases/<n>-<id>/result.json    a case's verdict
               events.jsonl   its trace
               decisions.jsonl  of these, the calls that a rule decided
               changed.json flows.bin logs/... pcap/...  as the case left them
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faultbox import __version__
from faultbox.evidence.archive import Archive, write
from faultbox.evidence.decisions import is_decision, may_be_decision
from faultbox.evidence.spool import Spool
from faultbox.model.record import to_json
from faultbox.model.verdict import CaseResult, RunResult, Verdict

SCHEMA_VERSION = 1
_FILES = frozenset({"events.jsonl", "changed.json", "flows.bin"})
_FOLDERS = frozenset({"logs", "pcap"})
"""What a case directory may hold for the bundle, beside its result; anything else stays behind."""


def default_name(run: Mapping[str, Any]) -> str:
    """`run-2026-04-23T11-12-34-1.fb`: when the run began (UTC) and its seed."""
    started = str(run.get("started", "")).removesuffix("Z").replace(":", "-")
    return f"run-{started}-{run.get('seed', 0)}.fb"


def pack(run_dir: Path, path: Path) -> Path:
    """Make a bundle of a spool; returns where it is.

    `path` is a directory (then the name is `default_name`, and nothing is ever overwritten) or
    a file, which is replaced. Raises OSError, or Unreadable where the spool has no plan; then no
    file is left.
    """
    spool = Spool(run_dir)
    return write(path, default_name(spool.run), lambda archive: _write_all(archive, spool))


def _write_all(archive: Archive, spool: Spool) -> None:
    outcome = spool.outcome()
    files = _spec_files(spool.spec)
    archive.json("manifest.json", _manifest(spool, outcome, files))
    archive.json("environment.json", spool.run.get("environment", {}))
    archive.json("plan.json", to_json([each.info for each in spool.planned]))
    archive.json("uses.json", spool.uses)
    archive.json("outcome.json", to_json(dataclasses.replace(outcome, results=())))
    archive.json("declared.json", spool.declared)
    for name, text in sorted(files.items()):
        archive.content(name, text.encode("utf-8", errors="surrogateescape"))
    for each in outcome.results:
        _write_case(archive, spool, each)


def _manifest(spool: Spool, outcome: RunResult, files: Mapping[str, str]) -> dict[str, Any]:
    run = spool.run
    return {
        "schema_version": SCHEMA_VERSION,
        "faultbox": __version__,
        "started": run.get("started", ""),
        "seed": outcome.seed,
        "seed_origin": run.get("seed_origin", ""),
        "complete": spool.complete,
        "exit": int(outcome.exit),
        "counts": counts(outcome),
        "spec": {"root": _root_entry(spool.spec, files), "original": str(run.get("spec", ""))},
        "options": run.get("options", {}),
        "whole": spool.whole,
        "cases": [case_summary(each) for each in outcome.results],
    }


def counts(outcome: RunResult) -> dict[str, int]:
    return {each.value: outcome.count(each) for each in Verdict} | {"not_exercised": outcome.not_exercised}


def case_summary(result: CaseResult) -> dict[str, Any]:
    """What the manifest says of a case: enough to list it."""
    return {
        "directory": result.directory,
        "id": result.info.id,
        "run": result.info.run,
        "kind": result.info.kind,
        "verdict": result.verdict.value,
        "exercised": result.exercised,
        "duration_ms": result.duration_ms,
    }


def _spec_files(spec: Mapping[str, Any]) -> dict[str, str]:
    """Archive names and texts of all files the spec was loaded from, laid out as they lay on disk."""
    sources = _on_disk(spec)
    base = _base(sources)
    return {f"spec/{Path(path).relative_to(base).as_posix()}": text for path, text in sources.items()}


def _root_entry(spec: Mapping[str, Any], files: Mapping[str, str]) -> str:
    root = Path(str(spec.get("root", "")))
    sources = _on_disk(spec)
    if str(root) not in sources:
        return ""
    name = f"spec/{root.relative_to(_base(sources)).as_posix()}"
    return name if name in files else ""


def _on_disk(spec: Mapping[str, Any]) -> dict[str, str]:
    """The sources that are files of the user's: the library travels with Faultbox itself."""
    beside = Path(str(spec.get("root", "/"))).parent
    sources = spec.get("sources", {})
    return {str(beside / name): text for name, text in sources.items() if not name.startswith("@")}


def _base(sources: Mapping[str, str]) -> Path:
    """The directory that holds them all."""
    return Path(os.path.commonpath([Path(each).parent for each in sources])) if sources else Path("/")


def _write_case(archive: Archive, spool: Spool, result: CaseResult) -> None:
    """A case's files, by name."""
    inside = f"cases/{result.directory}"
    archive.json(f"{inside}/result.json", to_json(result))
    with archive.open(f"{inside}/decisions.jsonl") as target:
        for event in spool.events(result.directory, may_be=may_be_decision):
            if is_decision(event):
                target.write(json.dumps(event).encode() + b"\n")
    case_dir = spool.run_dir / inside
    for path in _files(case_dir):
        name = path.relative_to(case_dir).as_posix()
        if name in _FILES or path.relative_to(case_dir).parts[0] in _FOLDERS:
            with path.open("rb") as source:
                archive.copy(f"{inside}/{name}", source, path.stat().st_size)


def _files(directory: Path) -> Iterator[Path]:
    """Regular files below a directory, in the order of their names; never through a symlink."""
    for base, below, names in os.walk(directory):
        below.sort()
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file() and not path.is_symlink():
                yield path
