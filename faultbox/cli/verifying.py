"""What `faultbox verify` does."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from faultbox import evidence
from faultbox.cli import arguments, differing, session, views
from faultbox.cli.arguments import UsageError
from faultbox.cli.console.look import Look, look_of
from faultbox.cli.console.summary import counts_line
from faultbox.cli.out import say
from faultbox.cli.session import Outcome
from faultbox.cli.test import bundle_place, drawn_seed
from faultbox.evidence import place
from faultbox.model.exit import Exit
from faultbox.run.request import Request

_COMPARABLE = frozenset({Exit.PASSED, Exit.FAILED, Exit.INCONCLUSIVE})
"""How a run may end that can be compared: it was carried out."""


def carry_out(options: argparse.Namespace) -> Exit:
    spec = arguments.spec_path(options.spec)
    target = bundle_place(options.output)
    if not target.is_dir():
        raise UsageError(f"--output {options.output} is no directory", "end it with / to have it made")
    seed = drawn_seed() if options.seed is None else options.seed
    bundles: list[Path] = []
    for number in (1, 2):
        code, bundle = _run(options, spec, seed, target)
        if code not in _COMPARABLE or bundle is None:
            return code
        bundles.append(bundle)
        if options.format == "text":
            say(f"Run {number} of 2 is over: exit code {int(code)}", "")
    return _compare(bundles, options)


def _run(options: argparse.Namespace, spec: Path, seed: int, target: Path) -> tuple[Exit, Path | None]:
    view = _view(options, spec)
    code = session.carry_out(_request(options, spec, seed), lambda: view, bundle_to=target)
    return code, view.outcome.bundle


def _compare(bundles: list[Path], options: argparse.Namespace) -> Exit:
    with evidence.open(bundles[0]) as a, evidence.open(bundles[1]) as b:
        code = differing.show(a, b, options)
    if code is Exit.PASSED and options.output is None:
        for bundle in bundles:
            bundle.unlink()
    return code


def _request(options: argparse.Namespace, spec: Path, seed: int) -> Request:
    return Request(
        spec=spec,
        run_dir=place.new_run(place.state_dir(os.environ)),
        seed=seed,
        seed_origin="generated" if options.seed is None else "cli",
        select=tuple(options.test),
        runs=options.runs,
        jobs=options.jobs,
        timeout_ms=options.timeout,
    )


class _Kept:
    """A view that keeps the outcome for what comes after the run."""

    outcome = Outcome()

    def _over(self, outcome: Outcome) -> bool:
        """Whether the run was carried out, so that its comparison will say the rest."""
        self.outcome = outcome
        return outcome.exit in _COMPARABLE and outcome.bundle is not None


class _Text(_Kept, views.TextView):
    def finish(self, outcome: Outcome) -> None:
        if self._over(outcome):
            self._write(_counts(outcome, self._look))
        else:
            super().finish(outcome)


class _Live(_Kept, views.LiveView):
    def finish(self, outcome: Outcome) -> None:
        if self._over(outcome):
            self._write(_counts(outcome, self._look))
        else:
            super().finish(outcome)


def _counts(outcome: Outcome, look: Look) -> list[str]:
    if outcome.result is None or outcome.started is None:
        return []
    return [counts_line(outcome.result, len(outcome.started.cases), look)]


class _Json(_Kept, views.JsonView):
    def finish(self, outcome: Outcome) -> None:
        if not self._over(outcome):
            super().finish(outcome)


def _view(options: argparse.Namespace, spec: Path) -> _Text | _Live | _Json:
    again = views.test_command(spec)
    if options.format == "json":
        return _Json(again)
    look = look_of(sys.stdout, os.environ)
    return _Live("none", again, look) if look.live else _Text("none", again, look)
