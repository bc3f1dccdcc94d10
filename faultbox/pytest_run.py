"""The run behind a spec's items in pytest."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from faultbox import run as runs
from faultbox.cli.console.case import case_lines, rule_lines
from faultbox.cli.console.look import Look
from faultbox.cli.console.summary import problem_lines
from faultbox.cli.test import drawn_seed
from faultbox.cli.views import test_command
from faultbox.evidence import Unreadable, pack, place, spool
from faultbox.model.plan import CaseInfo
from faultbox.model.update import CaseDone, Refused, RunDone, RunStarted, SpecRefused, Update
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run.request import Request


class NotPlanned(Exception):
    """The spec is wrong, or can't be run here; the message has every problem."""


def planned(spec: Path) -> tuple[CaseInfo, ...]:
    """The cases of a spec, without starting any. Raises NotPlanned."""
    run_dir = place.new_run(place.state_dir(os.environ))
    cases: tuple[CaseInfo, ...] = ()
    try:
        with runs.start(Request(spec=spec, run_dir=run_dir, seed=0, dry_run=True)) as going:
            for update in going:
                _raise_if_refused(update)
                if isinstance(update, RunStarted):
                    cases = update.cases
                elif isinstance(update, RunDone) and update.result.errors:
                    raise NotPlanned("; ".join(update.result.errors))
    finally:
        place.remove(run_dir)
    return cases


def _raise_if_refused(update: Update) -> None:
    if isinstance(update, SpecRefused):
        look = Look()
        raise NotPlanned("\n".join(line for each in update.problems for line in problem_lines(each, look)))
    if isinstance(update, Refused):
        raise NotPlanned(f"{update.reason}: {update.advice}")


class SpecRun:
    """A run of some cases of a spec, taken in as far as somebody asks for a result."""

    def __init__(self, spec: Path, ids: Sequence[str], seed: int | None, bundle_to: Path | None) -> None:
        self.bundle: Path | None = None
        self._closed = False
        self._spec = spec
        self._bundle_to = bundle_to
        self._run_dir = place.new_run(place.state_dir(os.environ))
        self._seed = drawn_seed() if seed is None else seed
        self._results: dict[tuple[str, int], CaseResult] = {}
        self._outcome: RunResult | None = None
        request = Request(
            spec=spec,
            run_dir=self._run_dir,
            seed=self._seed,
            seed_origin="generated" if seed is None else "cli",
            select=tuple(ids),
        )
        self._going = runs.start(request)
        self._updates = iter(self._going)

    def result(self, info: CaseInfo) -> CaseResult:
        """The result of a case, as soon as there is one."""
        key = (info.id, info.run)
        while key not in self._results and self._outcome is None:
            self._take(next(self._updates))
        if key in self._results:
            return self._results[key]
        errors = self._outcome.errors if self._outcome is not None else ()
        reason = "; ".join(errors) or "the run was stopped before it"
        return CaseResult(info, Verdict.ERRORED, 0.0, reason=reason, code="NOT_RUN")

    def explained(self, result: CaseResult) -> str:
        return "\n".join(case_lines(result, self._seed, test_command(self._spec), Look()))

    def complaints(self) -> Iterator[str]:
        """What is wrong with the run beside its cases. Waits for its end."""
        outcome = self._finish()
        for dead in outcome.dead:
            yield f"dead assumption: {dead.name} ({dead.position}) fired in no case, so nothing was tested under it"
            yield from (f"  {line}" for rule in dead.rules for line in rule_lines(rule))
        yield from outcome.errors

    def close(self) -> None:
        """End the run if it still goes, and leave its bundle."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._outcome is None:
                self._going.interrupt(signal.SIGINT)
                self._finish()
            self._leave_bundle()
        finally:
            self._going.close()
            place.remove(self._run_dir)

    def _finish(self) -> RunResult:
        while self._outcome is None:
            self._take(next(self._updates))
        return self._outcome

    def _take(self, update: Update) -> None:
        _raise_if_refused(update)
        if isinstance(update, CaseDone):
            self._results[update.result.info.id, update.result.info.run] = update.result
        elif isinstance(update, RunDone):
            self._outcome = update.result

    def _leave_bundle(self) -> None:
        if self._bundle_to is not None and self._outcome is not None:
            spool.conclude(self._run_dir, self._outcome)
            with contextlib.suppress(Unreadable):  # it ended before there was a plan
                self.bundle = pack(self._run_dir, self._bundle_to)
