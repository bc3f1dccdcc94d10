"""One run from the front: started, shown as it goes, interrupted in order, and packed into a bundle."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from faultbox.model.exit import Exit
from faultbox.model.frozen import frozen

if TYPE_CHECKING:  # a run starts before what shows it is imported
    from faultbox.model.update import Refused, RunStarted, SpecRefused, Update
    from faultbox.model.verdict import RunResult
    from faultbox.run.early import Runner
    from faultbox.run.request import Request

_STOPPING = b"\nfaultbox: stopping; what has finished is kept (once more to kill)\n"


@frozen
class Outcome:
    """A run that is over. `notes` is what else is to be told, `troubles` what went wrong after the run itself."""

    started: RunStarted | None = None
    result: RunResult | None = None
    refusal: SpecRefused | Refused | None = None
    dry_run: bool = False
    bundle: Path | None = None
    notes: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """The run's own code; a bundle that could not be written makes a green run errored."""
        from faultbox.model.update import Refused

        if isinstance(self.refusal, Refused):
            return Exit(self.refusal.exit)
        if self.refusal is not None:
            return Exit.USAGE
        code = self.result.exit if self.result is not None else Exit.ERRORED
        return Exit.ERRORED if self.troubles and code is Exit.PASSED else code


class View(Protocol):
    """Shows a run: updates as they come, then the outcome."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def show(self, update: Update) -> None: ...

    def finish(self, outcome: Outcome) -> None: ...


class Control(Protocol):
    """Whoever may end a run before its time, once it has been told of it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def pass_on_to(self, going: Any) -> None: ...


Afterwards = Callable[[Path, "RunResult"], Sequence[str]]
"""Looks at the spool of a run that is over, before it is removed; the lines are shown with the outcome."""


def carry_out(
    request: Request,
    make_view: Callable[[], View],
    *,
    bundle_to: Path | None,
    afterwards: Afterwards | None = None,
    control: Control | None = None,
    runner: Runner | None = None,
) -> Exit:
    """Run a request in its fresh run_dir, which is removed when everything in it is safe elsewhere.

    `control` may end it; without one the signals do that which ask this process to end. `runner`: one that has been
    started already.

    What dead runs have left of their worlds is swept, and the view is made, while the run is already starting.
    """
    from faultbox import run
    from faultbox.evidence import place
    from faultbox.run import front

    with control or Signals() as asking:
        with run.start(request, runner) as going:
            asking.pass_on_to(going)
            for dead in place.dead_runs(request.run_dir.parent.parent):
                front.sweep(dead)
            with make_view() as view:
                outcome = _with_killed(_follow(going, view, dry_run=request.dry_run), request.run_dir, view)
        outcome = _put_away(request, outcome, bundle_to, afterwards)
        view.finish(outcome)
    return outcome.exit


def _follow(going: Iterable[Update], view: View, *, dry_run: bool) -> Outcome:
    """Show a run until its last update."""
    from faultbox.model.update import Refused, RunDone, RunStarted, SpecRefused

    started: RunStarted | None = None
    for update in going:
        if isinstance(update, RunStarted):
            started = update
        view.show(update)
        if isinstance(update, SpecRefused | Refused):
            return Outcome(started, refusal=update)
        if isinstance(update, RunDone):
            return Outcome(started, update.result, dry_run=dry_run)
    return Outcome(started, refusal=Refused("the run ended without a result", "", Exit.ERRORED))


def _with_killed(outcome: Outcome, run_dir: Path, view: View) -> Outcome:
    """Where the runner died with its worlds, the cases that ran then: they have no results but in the spool."""
    result, started = outcome.result, outcome.started
    if result is None or started is None or not result.errors or result.interrupted:
        return outcome
    from faultbox.evidence.spool import Spool
    from faultbox.model.update import CaseDone

    known = {(each.info.id, each.info.run) for each in result.results}
    everything = Spool(run_dir).outcome().results
    for each in everything:
        if (each.info.id, each.info.run) not in known:
            view.show(CaseDone(each))
    return replace(outcome, result=replace(result, results=everything))


def _put_away(request: Request, outcome: Outcome, bundle_to: Path | None, afterwards: Afterwards | None) -> Outcome:
    """Pack the spool, then remove it; where packing fails it stays for `faultbox recover`."""
    from faultbox.evidence import Unreadable, pack, place

    run_dir, result = request.run_dir, outcome.result
    if result is None or outcome.started is None or request.dry_run:
        place.remove(run_dir)
        return outcome
    from faultbox.evidence import spool
    from faultbox.model.verdict import Verdict

    notes: list[str] = []
    bundle = None
    try:
        spool.conclude(run_dir, result)
        notes += afterwards(run_dir, result) if afterwards is not None else []
        bundle = pack(run_dir, bundle_to) if bundle_to is not None else None
    except (OSError, Unreadable) as error:
        trouble = f"no evidence: {_why(error, run_dir)}; what there is, is in {run_dir}: "
        trouble += "`faultbox recover` makes a bundle of it"
        return replace(outcome, notes=tuple(notes), troubles=(trouble,))
    if request.keep and any(each.verdict is not Verdict.PASSED for each in result.results):
        notes.append(f"Kept: {run_dir}")
        place.disown(run_dir)
    else:
        place.remove(run_dir)
    return replace(outcome, bundle=bundle, notes=tuple(notes))


def _why(error: Exception, run_dir: Path) -> str:
    from faultbox.run import room

    return f"{room.said(run_dir)} ({room.ADVICE})" if room.lacking(error) and room.gone(run_dir) else str(error)


class Signals:
    """While a run goes, signals that ask to end are passed on to it: it ends in order and leaves its bundle.

    A second one kills, but for SIGHUP: where a terminal goes away, the kernel and the shell each send it.
    """

    def __init__(self) -> None:
        self._going: Any = None
        self._early = 0
        self._hung_up = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._former[number] = signal.signal(number, self._received)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def pass_on_to(self, going: Any) -> None:
        """From now on; a signal that came before is passed on at once."""
        self._going = going
        if self._early:
            going.interrupt(self._early)

    def _received(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and self._hung_up:
            return
        self._hung_up = self._hung_up or number == signal.SIGHUP
        with contextlib.suppress(OSError):  # a terminal that is gone
            os.write(2, _STOPPING)  # not through sys.stderr, which the signal may have interrupted
        if self._going is None:
            self._early = number
        else:
            self._going.interrupt(number)
