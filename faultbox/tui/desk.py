"""What stands behind the screens: the runs that were started, how far they are, and where their cases lie."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox import evidence
from faultbox.model.frozen import frozen
from faultbox.model.update import CaseDone, RunDone, RunStarted, Update
from faultbox.model.verdict import Verdict
from faultbox.progress import Cell, Key, Progress
from faultbox.tui.files import CaseFiles, Place

if TYPE_CHECKING:
    from faultbox.run.front import Run

_RED = {Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE}


@frozen
class Order:
    """What a run is to do: only these cases (none: all of the spec), so many worlds at once (None: by the host)."""

    select: tuple[str, ...] = ()
    jobs: int | None = None
    fail_fast: bool = False


@frozen
class Finished:
    """A run has ended and what it leaves is in its bundle, or `troubles` says why it isn't."""

    bundle: Path | None
    notes: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


@frozen
class Going:
    """A run goes, and may be asked to do this or that."""

    run: Run


@frozen
class Broke:
    """The tool itself failed while it ran something; the traceback's last line."""

    reason: str


Launch = Callable[[Order, Callable[[object], None]], None]
"""Does one run, in the thread that calls it: hands over `Going`, then its updates, then `Finished`."""


class Desk:
    """Runs one after the other, in threads of their own. All methods belong to the thread of the screens."""

    def __init__(self, title: str, launch: Launch | None = None) -> None:
        self.title = title
        self.progress = Progress()
        self.jobs: int | None = None
        self.paused = False
        self.fail_fast = False
        self.going: Run | None = None
        self.bundle: Path | None = None
        self.notes: list[str] = []
        self._launch = launch
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._places: dict[Key, Place] = {}
        self._fresh: set[Key] = set()
        self._partial = False

    @classmethod
    def of_bundle(cls, path: Path) -> Desk:
        """A run that is over. Raises BadBundle, OSError."""
        desk = cls(path.name)
        with evidence.open(path) as bundle:
            outcome, infos = bundle.outcome(), bundle.cases
            spec = bundle.original
        started = RunStarted(outcome.seed, "bundle", spec, (), infos, (), (), ())
        updates: list[Update] = [started, *map(CaseDone, outcome.results), RunDone(outcome)]
        for update in updates:
            desk.progress.apply(update, 0.0)
        desk._keep(path)
        return desk

    # -- what goes on

    @property
    def can_run(self) -> bool:
        """Whether there is a spec to run, and not only a bundle to look at."""
        return self._launch is not None

    @property
    def busy(self) -> bool:
        """Whether a run goes, or is being put away."""
        return self._thread is not None

    def start(self, select: Sequence[str] = ()) -> None:
        """Run the whole spec, or again only the cases of these ids. One run at a time: ignored while one goes."""
        if self._launch is None or self.busy:
            return
        self._partial = bool(select)
        self.paused = False
        order = Order(tuple(select), self.jobs, self.fail_fast)
        self._thread = threading.Thread(target=self._run, args=(self._launch, order), name="run", daemon=True)
        self._thread.start()

    def drain(self, now: float) -> list[Cell]:
        """Take in what has happened since the last time; gives the cells that have changed."""
        changed: dict[Key, Cell] = {}
        while True:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                return list(changed.values())
            for cell in self._take(message, now):
                changed[cell.key] = cell

    def wait(self) -> None:
        """Until no run goes any more."""
        if self._thread is not None:
            self._thread.join()

    # -- what the user asks for

    def pause(self) -> None:
        """Start no further case, or go on."""
        if self.going is not None:
            self.paused = not self.paused
            self.going.pause(paused=self.paused)

    def change_jobs(self, by: int, running: int) -> None:
        """More or fewer worlds at once; from following the host, counted from how many there are now."""
        self.jobs = max(1, (self.jobs if self.jobs is not None else running) + by)
        if self.going is not None:
            self.going.keep_to(self.jobs)

    def toggle_fail_fast(self) -> None:
        """Whether the first failure ends the run."""
        self.fail_fast = not self.fail_fast
        if self.going is not None:
            self.going.stop_at_failure(stop=self.fail_fast)

    def stop(self, number: int) -> None:
        """End the run in order, as by that signal; a second time kills it. What has finished is kept."""
        if self.going is not None:
            self.going.interrupt(number)

    def red(self) -> list[Cell]:
        """Cells that are not green, in the order of the plan."""
        done = self.progress.done
        return [each for each in done if each.result is not None and each.result.verdict in _RED]

    def files_of(self, cell: Cell) -> CaseFiles | None:
        """What a case has left so far; None before it began, and where its run kept nothing. To be closed."""
        place = self._places.get(cell.key)
        return place.open() if place is not None else None

    # -- inside

    def _run(self, launch: Launch, order: Order) -> None:
        try:
            launch(order, self._inbox.put)
        except BaseException as error:  # noqa: BLE001 - a thread's error is seen nowhere but where it is put
            self._inbox.put(Broke(f"{type(error).__name__}: {error}"))

    def _take(self, message: object, now: float) -> Collection[Cell]:
        match message:
            case RunStarted() if self._partial:
                return self.progress.rejoin(message)
            case Finished():
                self._ended()
                self.bundle = message.bundle
                self.notes += [*message.notes, *message.troubles]
                if message.bundle is not None:
                    self._keep(message.bundle)
                return list(self.progress.cells.values())
            case Broke(reason=reason):
                self._ended()
                self.notes.append(f"the run could not go on: {reason}")
                return []
            case Going(run=run):
                self.going = run
                return []
            case _:
                return self._update(message, now)  # type: ignore[arg-type]

    def _update(self, update: Update, now: float) -> Collection[Cell]:
        cell = self.progress.apply(update, now)
        if isinstance(update, RunStarted):
            self._places.clear()
            self._fresh.clear()
            return list(self.progress.cells.values())
        if cell is None:
            return ()
        if cell.started is not None and cell.started.directory:
            self._places[cell.key] = Place.folder(Path(cell.started.directory))
            self._fresh.add(cell.key)
        return (cell,)

    def _ended(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._thread = self.going = None

    def _keep(self, bundle: Path) -> None:
        """The cases of the run that has just ended lie in its bundle now."""
        self.bundle = bundle
        for key, cell in self.progress.cells.items():
            if cell.result is not None and (key in self._fresh or not self._places):
                self._places[key] = Place.bundled(bundle, cell.result.directory)
        self._fresh.clear()
