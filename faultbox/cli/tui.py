"""Watch a spec's matrix fill in the terminal, open cells, run them again; or look into a bundle."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from faultbox.cli import arguments
from faultbox.cli.arguments import UsageError
from faultbox.model.exit import Exit

if TYPE_CHECKING:
    from faultbox.cli.session import Outcome
    from faultbox.model.update import Update
    from faultbox.model.verdict import CaseResult
    from faultbox.tui import Desk, Order


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", help="a .star file, or the .fb file of a run that is over")
    parser.add_argument("--test", action="append", default=[], metavar="NAME", help="only these cases; may be repeated")
    parser.add_argument("--seed", type=arguments.seed, metavar="N", help="decide all that is random (default: drawn)")
    parser.add_argument("-j", "--jobs", type=arguments.count, metavar="N", help="worlds at once (default: by the host)")
    parser.add_argument("-x", "--fail-fast", action="store_true", help="start nothing more after the first failure")
    parser.add_argument("--timeout", type=arguments.duration_ms, metavar="DURATION", help="the limit of a case")
    parser.add_argument("--output", metavar="PATH", help="the bundles' directory, made if it ends in / (default: here)")


def run(options: argparse.Namespace) -> int:
    _check_terminal()
    path = Path(options.spec)
    return _browse(path) if path.suffix == ".fb" else _watch(options)


def _check_terminal() -> None:
    """Raises UsageError where nothing can be drawn."""
    if not all(each.isatty() for each in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "faultbox tui needs a terminal, as stdin, stdout and stderr", "in a pipe or in CI: faultbox test"
        )
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError("this terminal can't be drawn on (TERM=dumb)", "set TERM, or use faultbox test")


def _browse(path: Path) -> int:
    from faultbox import evidence, tui
    from faultbox.tui.bundled import desk_of

    try:
        desk = desk_of(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except evidence.BadBundle as error:
        raise UsageError(str(error)) from None
    return Exit.PASSED if _show(tui.watch, desk) else Exit.ERRORED


def _watch(options: argparse.Namespace) -> int:
    from faultbox import tui
    from faultbox.cli import views

    launcher = _Launcher(options, arguments.spec_path(options.spec))
    desk = tui.Desk(launcher.spec.name, launcher, str(launcher.spec))
    desk.jobs, desk.fail_fast = options.jobs, options.fail_fast
    whole = _show(tui.watch, desk)
    outcome = summed_up(desk)
    if outcome is not None:
        views.make("text", "none", views.test_command(launcher.spec)).finish(outcome)
    if not whole:
        return Exit.ERRORED
    return outcome.exit if outcome is not None else Exit.PASSED


def _show(watch: Callable[[Desk], bool], desk: Desk) -> bool:
    """Show a desk and wait until its run has ended. Textual takes NO_COLOR out of the environment: it is put back."""
    from faultbox.cli.session import Signals

    plain = os.environ.get("NO_COLOR")
    with _Noted(desk):
        try:
            return watch(desk)
        finally:  # also where the window broke because its terminal is gone
            if plain is not None:
                os.environ["NO_COLOR"] = plain
            if desk.busy and not desk.ending:
                desk.stop(desk.signals[0] if desk.signals else signal.SIGTERM)
            with Signals() as asking:
                if desk.going is not None:
                    asking.pass_on_to(desk.going)
                desk.wait(time.monotonic())


class _Noted:
    """Signals that ask to end are noted for the window, which looks ten times a second.

    At no moment do they have their default: a terminal that goes away sends several, and the second one would end the
    process between its window and its bundle.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._former: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._former[number] = signal.signal(number, lambda got, _: self._desk.signals.append(got))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)


def summed_up(desk: Desk) -> Outcome | None:
    """What all runs of a desk came to: of every case the latest one. None where nothing was even planned.

    Where some cases were run since the spec was edited, nothing is said of the others; where none was, it is the spec
    as it was before.
    """
    from dataclasses import replace

    from faultbox.cli.console.summary import first_to_replay
    from faultbox.cli.session import Outcome

    progress = desk.progress
    if progress.refusal is not None:
        return Outcome(progress.started, refusal=progress.refusal, notes=desk.notes, troubles=desk.troubles)
    if progress.started is None or progress.result is None:
        return None
    old = {cell.key for cell in progress.stale} if progress.results else set()
    known = [cell for cell in progress.cells.values() if cell.result is not None]
    results = tuple(_of_old(cell.result) if cell.key in old else cell.result for cell in known if cell.result)
    dead = progress.result.dead if progress.stale and not old else desk.dead
    result = replace(progress.result, results=results, dead=dead)
    started = replace(progress.started, cases=tuple(cell.info for cell in progress.cells.values()))
    red = first_to_replay(result)
    place = desk.place_of(progress.cells[red.info.id, red.info.run]) if red is not None else None
    bundle = place.bundle if place is not None and place.bundle is not None else None
    bundle = bundle or (desk.bundles[-1] if desk.bundles else None)
    others = tuple(f"Another bundle: {each}" for each in desk.bundles if each != bundle)
    before = ("These results are of the spec as it was before it was edited",) if progress.stale and not old else ()
    return Outcome(started, result, bundle=bundle, notes=(*others, *before, *desk.notes), troubles=desk.troubles)


def _of_old(result: CaseResult) -> CaseResult:
    """What a case that was not run since the spec was edited says of the spec as it is now."""
    from dataclasses import replace

    from faultbox.model.verdict import Verdict

    reason = f"not run since the spec was edited: {result.verdict} before"
    return replace(result, verdict=Verdict.INCONCLUSIVE, code="STALE", reason=reason, exercised=None)


class _Launcher:
    """Does the runs of a desk as `faultbox test` does them, all with one seed."""

    def __init__(self, options: argparse.Namespace, spec: Path) -> None:
        from faultbox.cli.test import bundle_place, drawn_seed

        self.spec = spec
        self._options = options
        self._bundle_to = bundle_place(options.output)
        if not self._bundle_to.is_dir():
            raise UsageError(f"--output {options.output}: not a directory; every run again makes a bundle of its own")
        self._seed = options.seed if options.seed is not None else drawn_seed()

    def __call__(self, order: Order, put: Callable[[object], None]) -> None:
        from faultbox.cli import session
        from faultbox.evidence import place
        from faultbox.run.request import Request

        request = Request(
            spec=self.spec,
            run_dir=place.new_run(place.state_dir(os.environ)),
            seed=self._seed,
            seed_origin="cli" if self._options.seed is not None else "generated",
            select=order.select or tuple(self._options.test),
            jobs=order.jobs,
            timeout_ms=self._options.timeout,
            fail_fast=order.fail_fast,
            dry_run=order.plan_only,
        )
        courier = _Courier(put)
        session.carry_out(request, lambda: courier, bundle_to=self._bundle_to, control=courier)


class _Courier:
    """Hands a run to whoever draws it: as its view, and as what may end it, since signals are that one's affair."""

    def __init__(self, put: Callable[[object], None]) -> None:
        self._put = put

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def show(self, update: Update) -> None:
        self._put(update)

    def finish(self, outcome: Outcome) -> None:
        from faultbox.tui import Finished

        self._put(Finished(outcome.bundle, outcome.notes, outcome.troubles))

    def pass_on_to(self, going: Any) -> None:
        from faultbox.tui import Going

        self._put(Going(going))
