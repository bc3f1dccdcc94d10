"""What a run writes while it goes, so that even a killed run leaves evidence.

<run_dir>/run.json plan.json spec.json declared.json
<run_dir>/cases/<number>-<id>/result.json events.jsonl changed.json logs/<service>.<stream>
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from faultbox.model import record
from faultbox.model.plan import CaseInfo
from faultbox.model.verdict import CaseResult


def case_name(number: int, info: CaseInfo) -> str:
    """The directory of a case in `cases/`: its number in the plan and as much of its id as a file name can hold."""
    return f"{number:04d}-{re.sub(r'[^A-Za-z0-9._-]', '_', info.id)[:80]}"


def case_dir(run_dir: Path, number: int, info: CaseInfo) -> Path:
    """The directory of a case, made."""
    directory = run_dir / "cases" / case_name(number, info)
    (directory / "logs").mkdir(parents=True, exist_ok=True)
    return directory


def write_result(run_dir: Path, result: CaseResult) -> None:
    """Store a case's result.json, whole or not at all."""
    directory = run_dir / "cases" / result.directory
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "result.json", record.to_json(result))


def write_json(path: Path, shape: object) -> None:
    """Write atomically: a reader sees the old file or the new one."""
    draft = path.with_suffix(".tmp")
    try:
        draft.write_text(json.dumps(shape, indent=1, default=str) + "\n", encoding="ascii")
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
