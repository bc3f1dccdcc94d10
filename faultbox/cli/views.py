"""The ways a run can be shown: as lines, as lines above a live progress bar, as one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from faultbox.cli.console import summary
from faultbox.cli.console.case import case_lines
from faultbox.cli.console.look import Look, look_of, visible
from faultbox.cli.out import Out
from faultbox.cli.session import Outcome, View
from faultbox.model.update import CaseDone, Printed, Refused, RunStarted, Update
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.progress import Progress

Again = tuple[str, ...]
"""The command that the command lines which run a case again begin with."""
Show = Literal["all", "fail", "none"]


def make(form: str, show: Show, again: Again) -> View:
    """The view that suits what was asked for and where stdout goes."""
    if form == "json":
        return JsonView(again)
    look = look_of(sys.stdout, os.environ)
    return LiveView(show, again, look) if look.live else TextView(show, again, look)


class TextView:
    """Lines, each case as it finishes: for CI, pipes and files."""

    def __init__(self, show: Show, again: Again, look: Look) -> None:
        self._which, self._again, self._look = show, again, look
        self._out = Out()
        self._unwritten: OSError | None = None
        self._seed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def show(self, update: Update) -> None:
        if isinstance(update, RunStarted):
            self._seed = update.seed
            self._write(summary.header(update, self._look))
        elif isinstance(update, Printed) and not update.id:
            self._write([visible(update.text)])
        elif isinstance(update, CaseDone) and self._wanted(update.result):
            self._write(case_lines(update.result, self._seed, self._again, self._look))

    def finish(self, outcome: Outcome) -> None:
        lines: list[str] = []
        if isinstance(outcome.refusal, Refused):
            lines = summary.refused(outcome.refusal, self._look)
        elif outcome.refusal is not None:
            lines = summary.spec_refused(outcome.refusal, self._look)
        elif outcome.started is not None and outcome.dry_run:
            lines = summary.dry_run(outcome.started)
        elif outcome.started is not None and outcome.result is not None:
            lines = summary.footer(
                outcome.started, outcome.result, self._look, bundle=outcome.bundle, notes=outcome.notes
            )
        lines += [self._look.bad(visible(f"error: {trouble}")) for trouble in outcome.troubles]
        self._write(lines)
        if self._unwritten is not None:
            raise self._unwritten  # only now: the run is over, and its bundle written

    def _wanted(self, result: CaseResult) -> bool:
        return self._which == "all" or (self._which == "fail" and result.verdict is not Verdict.PASSED)

    def _write(self, lines: Iterable[str]) -> None:
        try:
            self._out.lines(lines)
        except OSError as error:
            self._unwritten = error


class CheckView(TextView):
    """A spec that was only loaded and planned, in one line, or all that is wrong with it."""

    def __init__(self, again: Again) -> None:
        super().__init__("none", again, look_of(sys.stdout, os.environ))

    def show(self, update: Update) -> None:
        if isinstance(update, Printed):
            super().show(update)

    def finish(self, outcome: Outcome) -> None:
        if outcome.started is None or outcome.result is None:
            super().finish(outcome)
        else:
            self._write(summary.checked(outcome.started, self._look))


class LiveView(TextView):
    """The same lines, above a bar that says how far the run is and what is running."""

    def __init__(self, show: Show, again: Again, look: Look) -> None:
        super().__init__(show, again, look)
        self._bar: Any = None
        self._progress = Progress()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def show(self, update: Update) -> None:
        self._progress.apply(update, 0.0)
        super().show(update)
        if isinstance(update, RunStarted) and update.cases:
            from faultbox.cli.console.live import Bar

            self._bar = Bar(len(update.cases), self._look)
        if self._bar is not None:
            running = [each.info.id for each in self._progress.running]
            self._bar.update(running, advance=isinstance(update, CaseDone))

    def _write(self, lines: Iterable[str]) -> None:
        if self._bar is None:
            super()._write(lines)
        else:
            self._bar.above(list(lines))


class JsonView:
    """Nothing but one JSON document on stdout, when the run is over."""

    def __init__(self, again: Again) -> None:
        self._again = again

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def show(self, update: Update) -> None:
        pass

    def finish(self, outcome: Outcome) -> None:
        from faultbox.cli.results import document

        Out().lines([json.dumps(document(outcome, self._again), indent=2)])


def test_command(spec: Path) -> Again:
    """`faultbox test SPEC`, the spec as it was named."""
    return "faultbox", "test", str(spec)
