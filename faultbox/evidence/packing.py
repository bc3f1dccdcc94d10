"""From a spool to a bundle: one zip file, written whole or not at all.

manifest.json                 what the run was and what came out of it
environment.json              the host it ran on
plan.json  outcome.json       the cases, and the run's result without theirs
declared.json                 the services and assumptions of the spec
spec/...                      every file the spec was loaded from
cases/<n>-<id>/result.json    a case's verdict
               events.jsonl   its trace
               decisions.jsonl  of these, the calls that a rule decided
               logs/...       what its services wrote
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faultbox import __version__
from faultbox.evidence.decisions import is_decision
from faultbox.evidence.spool import Spool
from faultbox.model.record import to_json
from faultbox.model.verdict import CaseResult, RunResult, Verdict

SCHEMA_VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file knows: entries have none of their own, so that equal runs give equal bundles."""


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
    directory = path if path.is_dir() else path.parent
    draft = directory / f".{run_dir.name}.fb.tmp"
    try:
        with draft.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                _write_all(archive, spool)
            stream.flush()
            os.fsync(stream.fileno())
        target = _reserve(path / default_name(spool.run)) if path.is_dir() else path
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(directory)
    return target


def _reserve(path: Path) -> Path:
    """An empty file of that name, or of the first name like it that is free."""
    candidate = path
    for number in range(2, 10_000):
        with contextlib.suppress(FileExistsError):
            candidate.open("xb").close()
            return candidate
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    raise FileExistsError(f"{path} and {number - 1} others like it exist")


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut, as the content does."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(archive: zipfile.ZipFile, spool: Spool) -> None:
    outcome = spool.outcome()
    files = _spec_files(spool.spec)
    _write_json(archive, "manifest.json", _manifest(spool, outcome, files))
    _write_json(archive, "environment.json", spool.run.get("environment", {}))
    _write_json(archive, "plan.json", to_json([each.info for each in spool.planned]))
    _write_json(archive, "outcome.json", to_json(dataclasses.replace(outcome, results=())))
    _write_json(archive, "declared.json", spool.declared)
    for name, text in sorted(files.items()):
        with archive.open(_entry(name), "w") as target:
            target.write(text.encode("utf-8", errors="surrogateescape"))
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
        "counts": {each.value: outcome.count(each) for each in Verdict} | {"not_exercised": outcome.not_exercised},
        "spec": {"root": _root_entry(spool.spec, files), "original": str(run.get("spec", ""))},
        "options": run.get("options", {}),
        "cases": [
            {
                "directory": each.directory,
                "id": each.info.id,
                "run": each.info.run,
                "kind": each.info.kind,
                "verdict": each.verdict.value,
                "exercised": each.exercised,
                "duration_ms": each.duration_ms,
            }
            for each in outcome.results
        ],
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


def _write_case(archive: zipfile.ZipFile, spool: Spool, result: CaseResult) -> None:
    """A case's files, by name."""
    inside = f"cases/{result.directory}"
    case_dir = spool.run_dir / inside
    _write_json(archive, f"{inside}/result.json", to_json(result))
    with archive.open(_entry(f"{inside}/decisions.jsonl"), "w") as target:
        for event in spool.events(result.directory):
            if is_decision(event):
                target.write(json.dumps(event).encode() + b"\n")
    for path in _files(case_dir):
        name = path.relative_to(case_dir).as_posix()
        if name == "result.json" or name.endswith(".tmp"):
            continue
        with path.open("rb") as source, archive.open(_entry(f"{inside}/{name}"), "w") as target:
            shutil.copyfileobj(source, target)


def _files(directory: Path) -> Iterator[Path]:
    """Regular files below a directory, in the order of their names; never through a symlink."""
    for base, below, names in os.walk(directory):
        below.sort()
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _write_json(archive: zipfile.ZipFile, name: str, shape: object) -> None:
    with archive.open(_entry(name), "w") as target:
        target.write(json.dumps(shape, indent=1).encode() + b"\n")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, whoever makes it
    entry.external_attr = 0o100644 << 16
    return entry
