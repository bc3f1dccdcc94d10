"""What can be read from the spool of a run, finished or killed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from faultbox.evidence.errors import Unreadable
from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.record import BadRecord, from_json, to_json
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run.spool import case_name, write_result

KILLED = "the run was killed here: its spool has what had happened until then"
RUN_KILLED = "the run was killed before it was over"


def conclude(run_dir: Path, result: RunResult) -> None:
    """Add to a spool what came out of the run as a whole, and results that found no room while its worlds were there.

    Raises OSError.
    """
    for each in result.results:
        if each.directory and not (run_dir / "cases" / each.directory / "result.json").exists():
            write_result(run_dir, each)
    shape = to_json(dataclasses.replace(result, results=()))
    (run_dir / "outcome.json").write_text(json.dumps(shape, indent=1), encoding="utf-8")


@frozen
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

    @property
    def uses(self) -> list[Any]:
        """Which cases use which assumption, as plan.json has it."""
        shape = self._object("plan.json").get("uses")
        return shape if isinstance(shape, list) else []

    @property
    def whole(self) -> list[Any] | None:
        """Every case of the run of which this is a shard, by id and run; None where it is all of it."""
        shape = self._object("plan.json").get("whole")
        return shape if isinstance(shape, list) else None

    @property
    def declared(self) -> dict[str, Any]:
        """The services and assumptions of the spec; empty where the version that ran it did not write them down."""
        shape = _load(self.run_dir / "declared.json")
        return shape if isinstance(shape, dict) else {}

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
        """A case that had begun has a verdict, unless it was told to stop."""
        result = self.result(planned)
        if result is None and not self._stopped and self.case_dir(planned).is_dir():
            return self._killed(planned)
        return result

    def _killed(self, planned: Planned) -> CaseResult:
        """The verdict of a case that was killed with its run, and how far its rules had come."""
        from faultbox.run.armed import armed

        rules = armed(self.case_dir(planned))
        return CaseResult(
            planned.info,
            Verdict.ERRORED,
            0.0,
            KILLED,
            "KILLED",
            exercised=any(each.counts.fired for each in rules) if rules else None,
            rules=rules,
            directory=planned.directory,
        )

    @cached_property
    def _stopped(self) -> bool:
        """Whether the run ended because somebody asked it to."""
        shape = _load(self.run_dir / "outcome.json")
        return isinstance(shape, dict) and bool(shape.get("interrupted"))

    def events(self, directory: str, may_be: Callable[[str], bool] | None = None) -> Iterator[dict[str, Any]]:
        """The events of a case in order; the half line that a killed process leaves is no event.

        `may_be` is shown each line, and those that it has no use for are not even parsed.
        """
        path = self.run_dir / "cases" / directory / "events.jsonl"
        try:
            with path.open(encoding="utf-8", errors="surrogateescape") as lines:
                for line in lines:
                    if line.endswith("\n") and (may_be is None or may_be(line)):
                        yield json.loads(line)
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
