"""Where runs leave what they write while they go, and what can be read from such a spool.

A run's spool is a directory of its own below the state directory; `owner.json` in it names the
process that made it, so that the spool of a dead run can be told from that of a living one.
The rest is written by the run (`faultbox.run.spool`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultbox.model.plan import CaseInfo
from faultbox.model.record import BadRecord, from_json, to_json
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run.spool import case_name

KILLED = "the run was killed here: its spool has what had happened until then"
RUN_KILLED = "the run was killed before it was over"


class Unreadable(Exception):
    """A spool that lacks what makes it one: the run ended before its plan was made."""


def state_dir(environ: Mapping[str, str]) -> Path:
    """Where runs live: FAULTBOX_STATE_DIR, else by the XDG base directory rules, else one of the user in $TMPDIR."""
    if chosen := environ.get("FAULTBOX_STATE_DIR"):
        return Path(chosen).absolute()
    home = environ.get("HOME", "")
    named = environ.get("XDG_STATE_HOME", "")
    for base in (named, f"{home}/.local/state" if home else ""):
        if base.startswith("/") and _can_make(directory := Path(base) / "faultbox"):
            return directory
    return Path(environ.get("TMPDIR") or tempfile.gettempdir()) / f"faultbox-{os.getuid()}"


def _can_make(directory: Path) -> bool:
    """Whether this user may write there, or make it there: the nearest ancestor that exists decides."""
    for each in (directory, *directory.parents):
        if each.exists():
            return each.is_dir() and os.access(each, os.W_OK | os.X_OK)
    return False


def new_run(state: Path) -> Path:
    """A fresh run directory, owned by this process. Raises OSError; a foreign state directory is one."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if state.stat().st_uid != os.getuid():
        raise PermissionError(f"{state} belongs to another user: set FAULTBOX_STATE_DIR to a directory of yours")
    run_dir = state / "runs" / secrets.token_hex(6)
    run_dir.mkdir(mode=0o700, parents=True)
    owner = {"pid": os.getpid(), "start_time": _start_time(os.getpid()), "boot_id": _boot_id()}
    (run_dir / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
    return run_dir


def conclude(run_dir: Path, result: RunResult) -> None:
    """Add to a spool what came out of the run as a whole; its cases have their results already."""
    shape = to_json(dataclasses.replace(result, results=()))
    (run_dir / "outcome.json").write_text(json.dumps(shape, indent=1), encoding="utf-8")


def remove(run_dir: Path) -> None:
    """Remove a spool. What an overlay made unreadable is opened up first."""
    for directory, below, _ in os.walk(run_dir):
        for name in below:
            with contextlib.suppress(OSError):
                (Path(directory) / name).chmod(0o700)
    shutil.rmtree(run_dir, ignore_errors=True)


def disown(run_dir: Path) -> None:
    """Keep a spool for people to look at: nobody owns it any more, so nobody recovers it."""
    (run_dir / "owner.json").unlink(missing_ok=True)


def dead_runs(state: Path) -> list[Path]:
    """The spools whose owners live no more, oldest first."""
    found = [each.parent for each in state.glob("runs/*/owner.json") if not _alive(each.parent)]
    return sorted(found, key=lambda each: (each.stat().st_mtime_ns, each.name))


def _alive(run_dir: Path) -> bool:
    """Whether the process that made a spool still runs; pids are only unique together with boot and start time."""
    owner = _load(run_dir / "owner.json")
    if not isinstance(owner, dict) or owner.get("boot_id") != _boot_id():
        return False
    try:
        return bool(_start_time(int(owner["pid"])) == owner["start_time"])
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int:
    """In clock ticks since boot: field 22 of /proc/PID/stat (proc(5)), behind the name, which may hold anything."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@dataclass(frozen=True)
class Planned:
    """A case of the plan with the directory it has in `cases/`."""

    info: CaseInfo
    directory: str


class Spool:
    """What a run directory holds. Raises Unreadable where there is no plan in it."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.run = self._object("run.json")
        self.spec = self._object("spec.json")
        cases = self._object("plan.json").get("cases")
        try:
            infos = from_json(tuple[CaseInfo, ...], cases)
        except BadRecord as error:
            raise Unreadable(f"{run_dir / 'plan.json'}: {error}") from None
        self.planned = tuple(Planned(info, case_name(number, info)) for number, info in enumerate(infos, start=1))

    def case_dir(self, planned: Planned) -> Path:
        return self.run_dir / "cases" / planned.directory

    def result(self, planned: Planned) -> CaseResult | None:
        """The case's verdict; None where it had none yet."""
        try:
            return from_json(CaseResult, _load(self.case_dir(planned) / "result.json"))
        except BadRecord:
            return None

    @property
    def complete(self) -> bool:
        """Whether the run came to its end, of its own or by being asked to."""
        return (self.run_dir / "outcome.json").exists()

    def outcome(self) -> RunResult:
        """The run's result. Where the run was killed, the cases that had begun are errored and say so."""
        results = tuple(result for planned in self.planned if (result := self._result_or_killed(planned)) is not None)
        if self.complete:
            try:
                concluded = from_json(RunResult, _load(self.run_dir / "outcome.json"))
            except BadRecord as error:
                raise Unreadable(f"{self.run_dir / 'outcome.json'}: {error}") from None
            return dataclasses.replace(concluded, results=results)
        strict = bool(self.run.get("options", {}).get("strict"))
        return RunResult(int(self.run.get("seed", 0)), results, errors=(RUN_KILLED,), strict=strict)

    def _result_or_killed(self, planned: Planned) -> CaseResult | None:
        result = self.result(planned)
        if result is None and not self.complete and self.case_dir(planned).is_dir():
            return CaseResult(planned.info, Verdict.ERRORED, 0.0, KILLED, "KILLED", directory=planned.directory)
        return result

    def events(self, directory: str) -> Iterator[dict[str, Any]]:
        """The events of a case in order; the half line that a killed process leaves is no event."""
        path = self.run_dir / "cases" / directory / "events.jsonl"
        try:
            with path.open(encoding="utf-8", errors="surrogateescape") as lines:
                yield from (json.loads(line) for line in lines if line.endswith("\n"))
        except FileNotFoundError:
            return

    def _object(self, name: str) -> dict[str, Any]:
        shape = _load(self.run_dir / name)
        if not isinstance(shape, dict):
            raise Unreadable(f"{self.run_dir} has no {name}")
        return shape


def _load(path: Path) -> Any:
    """The JSON in a file; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError):
        return None
