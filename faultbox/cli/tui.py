"""Watch a spec's matrix fill in the terminal, open cells, run them again; or look into a bundle."""

from __future__ import annotations

import argparse
import os
import sys
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
    from faultbox.tui import Order


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", help="a .star file, or the .fb file of a run that is over")
    parser.add_argument("--test", action="append", default=[], metavar="NAME", help="only these cases; may be repeated")
    parser.add_argument("--seed", type=arguments.seed, metavar="N", help="decide all that is random (default: drawn)")
    parser.add_argument("-j", "--jobs", type=arguments.count, metavar="N", help="worlds at once (default: by the host)")
    parser.add_argument("-x", "--fail-fast", action="store_true", help="start nothing more after the first failure")
    parser.add_argument("--timeout", type=arguments.duration_ms, metavar="DURATION", help="the limit of a case")
    parser.add_argument("--output", metavar="PATH", help="the bundles' directory (default: here)")


def run(options: argparse.Namespace) -> int:
    _check_terminal()
    path = Path(options.spec)
    return _browse(path) if path.suffix == ".fb" else _watch(options)


def _check_terminal() -> None:
    """Raises UsageError where nothing can be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("faultbox tui needs a terminal", "in a pipe or in CI: faultbox test")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError("this terminal can't be drawn on (TERM=dumb)", "set TERM, or use faultbox test")


def _browse(path: Path) -> int:
    from faultbox import evidence, tui

    try:
        tui.browse(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except evidence.BadBundle as error:
        raise UsageError(str(error)) from None
    return Exit.PASSED


def _watch(options: argparse.Namespace) -> int:
    from faultbox import tui
    from faultbox.cli import views

    launcher = _Launcher(options, arguments.spec_path(options.spec))
    desk = tui.Desk(launcher.spec.name, launcher)
    desk.jobs, desk.fail_fast = options.jobs, options.fail_fast
    tui.watch(desk)
    if launcher.outcome is None:
        return Exit.PASSED
    views.make("text", "none", views.test_command(launcher.spec)).finish(launcher.outcome)
    return launcher.outcome.exit


class _Launcher:
    """Does the runs of a desk as `faultbox test` does them. `outcome` is the last one's."""

    def __init__(self, options: argparse.Namespace, spec: Path) -> None:
        from faultbox.cli.test import bundle_place, drawn_seed

        self.spec = spec
        self.outcome: Outcome | None = None
        self._options = options
        self._bundle_to = bundle_place(options.output)
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
        )
        session.carry_out(request, lambda: _Post(put, self), bundle_to=self._bundle_to, control=_Handing(put))


class _Post:
    """A view that only passes on."""

    def __init__(self, put: Callable[[object], None], launcher: _Launcher) -> None:
        self._put, self._launcher = put, launcher

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def show(self, update: Update) -> None:
        self._put(update)

    def finish(self, outcome: Outcome) -> None:
        from faultbox.tui import Finished

        self._launcher.outcome = outcome
        self._put(Finished(outcome.bundle, outcome.notes, outcome.troubles))


class _Handing:
    """Hands the run over to whoever draws it; signals are that one's affair."""

    def __init__(self, put: Callable[[object], None]) -> None:
        self._put = put

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def pass_on_to(self, going: Any) -> None:
        from faultbox.tui import Going

        self._put(Going(going))
