"""What stands behind the screens: the runs that were started, how far they are, and where their cases lie."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.model.frozen import frozen
from faultbox.model.update import CaseDone, CaseStarted, RunDone, RunStarted, SpecRefused, Update
from faultbox.model.verdict import DeadAssumption, Verdict
from faultbox.progress import Cell, Key, Progress
from faultbox.tui.files import Place
from faultbox.tui.sources import Sources

if TYPE_CHECKING:
    from faultbox.run.front import Run

_RED = {Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE}


@frozen
class Order:
    """What a run is to do: only these cases (none: all of the spec), so many worlds at once (None: by the host).

    `plan_only`: load the spec and plan, start nothing.
    """

    select: tuple[str, ...] = ()
    jobs: int | None = None
    fail_fast: bool = False
    plan_only: bool = False


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
    """Runs one after the other, in threads of their own. All methods belong to the thread of the screens.

    `spec`: the file that is run, "" for a bundle. `progress` is what all of them came to: of every cell the latest run.
    `ports` are those that services declare. `dead`: the assumptions that fired in no case of it.
    `bundles`: of every run that has ended, the latest last; `notes`, `troubles`: what else is to be told of the latest.
    `edited`: the spec has changed since it was loaded. `signals`: those that asked this process to end, not yet obeyed.
    """

    def __init__(self, title: str, launch: Launch | None = None, spec: str = "") -> None:
        self.title, self.spec = title, spec
        self.progress = Progress()
        self.jobs: int | None = None
        self.paused = self.fail_fast = self.ending = self.edited = False
        self.going: Run | None = None
        self.signals: list[int] = []
        self.bundles: list[Path] = []
        self.notes: tuple[str, ...] = ()
        self.troubles: tuple[str, ...] = ()
        self.dead: tuple[DeadAssumption, ...] = ()
        self.ports: dict[str, str] = {}
        self._launch = launch
        self._sources = Sources([spec] if spec else [])
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._places: dict[Key, Place] = {}
        self._fresh: set[Key] = set()
        self._order = Order()
        self._run_dir: Path | None = None
        self._stop_by = 0
        self._then: tuple[str, ...] = ()

    # -- what goes on

    @property
    def can_run(self) -> bool:
        """Whether there is a spec to run, and not only a bundle to look at."""
        return self._launch is not None

    @property
    def busy(self) -> bool:
        """Whether a run goes, or is being put away."""
        return self._thread is not None

    @property
    def planning(self) -> bool:
        """Whether that run only loads the spec."""
        return self.busy and self._order.plan_only

    def start(self, select: Sequence[str] = (), *, plan_only: bool = False) -> bool:
        """Run the whole spec, again only the cases of these ids, or only load it. False while a run goes.

        Where the spec was edited, it is loaded before only some cases are run: what is known of the others is old then.
        """
        if self._launch is None or self.busy:
            return False
        self.look_for_edits()
        if select and self.edited:
            self._then, select, plan_only = tuple(select), (), True
        self.paused = self.ending = self.edited = False
        self._stop_by, self.notes, self.troubles = 0, (), ()
        self._order = Order(tuple(select), self.jobs, self.fail_fast, plan_only)
        self._thread = threading.Thread(target=self._run, args=(self._launch, self._order), name="run", daemon=True)
        self._thread.start()
        return True

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

    def wait(self, now: float) -> None:
        """Until no run goes any more."""
        if self._thread is not None:
            self._thread.join()
        self.drain(now)

    def look_for_edits(self) -> bool:
        """Whether a file of the spec was written since this was asked last; `edited` stays until it is loaded again."""
        changed = self.can_run and self._sources.changed()
        self.edited = self.edited or changed
        return changed

    # -- what the user asks for

    def pause(self) -> None:
        """Start no further case, or go on."""
        if self.busy:
            self.paused = not self.paused
        if self.going is not None:
            self.going.pause(paused=self.paused)

    def change_jobs(self, by: int) -> None:
        """More or fewer worlds at once; from following the host, counted from how many there are now."""
        self.jobs = max(1, (self.jobs or len(self.progress.running)) + by)
        if self.going is not None:
            self.going.keep_to(self.jobs)

    def toggle_fail_fast(self) -> None:
        """Whether the first failure ends the run."""
        self.fail_fast = not self.fail_fast
        if self.going is not None:
            self.going.stop_at_failure(stop=self.fail_fast)

    def stop(self, number: int) -> None:
        """End the run in order, as by that signal; a second time kills it. What has finished is kept."""
        if self.busy:
            self.ending, self._stop_by = True, number
        if self.going is not None:
            self.going.interrupt(number)

    # -- what there is to see

    def red(self) -> list[Cell]:
        """Cells that are not green, in the order of the plan."""
        done = self.progress.done
        return [each for each in done if each.result is not None and each.result.verdict in _RED]

    def place_of(self, cell: Cell) -> Place | None:
        """Where lies what a case has left so far; None before it began, and where its run kept nothing."""
        return self._places.get(cell.key)

    def control_of(self, cell: Cell) -> Cell | None:
        """The case without faults that a cell rests on."""
        return self.progress.cells.get((cell.info.control, cell.info.run)) if cell.info.control else None

    def keep(self, bundle: Path, keys: Collection[Key]) -> None:
        """These cases lie in a bundle now."""
        self.bundles.append(bundle)
        for cell in map(self.progress.cells.__getitem__, keys):
            if cell.result is not None:
                self._places[cell.key] = Place.bundled(bundle, cell.result.directory)

    # -- inside

    def _run(self, launch: Launch, order: Order) -> None:
        try:
            launch(order, self._inbox.put)
        except BaseException as error:  # noqa: BLE001 - a thread's error is seen nowhere but where it is put
            self._inbox.put(Broke(f"{type(error).__name__}: {error}"))

    def _take(self, message: object, now: float) -> Collection[Cell]:
        match message:
            case Going(run=run):
                self._catch_up(run)
                return ()
            case Finished():
                self._ended(message.notes, message.troubles)
                if message.bundle is not None:
                    self.keep(message.bundle, self._fresh)
                self._fresh.clear()
                self._go_on()
                return list(self.progress.cells.values())
            case Broke(reason=reason):
                self._ended((), (f"the run could not go on: {reason}",))
                return ()
            case _:
                return self._update(message, now)  # type: ignore[arg-type]

    def _go_on(self) -> None:
        """Run the cases that waited for the spec to be loaded, those that it still has."""
        wanted, self._then = self._then, ()
        names = {cell.info.id for cell in self.progress.cells.values()}
        if self.progress.refusal is None and (there := [each for each in wanted if each in names]):
            self.start(there)
        elif wanted and self.progress.refusal is None:
            self.notes = (f"the edited spec has no {', '.join(wanted)}",)

    def _catch_up(self, run: Run) -> None:
        """A run can be asked from now on; what was asked while it started is asked now."""
        self.going = run
        if self.jobs != self._order.jobs:
            run.keep_to(self.jobs)
        if self.fail_fast != self._order.fail_fast:
            run.stop_at_failure(stop=self.fail_fast)
        if self.paused:
            run.pause(paused=True)
        if self._stop_by:
            run.interrupt(self._stop_by)

    def _update(self, update: Update, now: float) -> Collection[Cell]:
        match update:
            case RunStarted():
                return self._started(update)
            case RunDone() if self._order.plan_only:
                return ()
            case SpecRefused(problems=problems):
                self._sources.add(each.position.file for each in problems)
            case CaseStarted(id=name, run=run, directory=directory) if directory:
                self._read_declared(Path(directory).parent.parent)
                self._places[name, run] = Place.folder(Path(directory))
            case CaseDone(result=result):
                self._fresh.add((result.info.id, result.info.run))
        cell = self.progress.apply(update, now)
        if isinstance(update, RunDone):
            self.dead = self._still_dead(update)
        return (cell,) if cell is not None else ()

    def _started(self, update: RunStarted) -> Collection[Cell]:
        self._sources.add(each.position.file for each in update.cases)
        if self._order.plan_only:
            self.progress.replan(update)
            self.dead = ()
        elif self._order.select:
            for cell in self.progress.rejoin(update):
                self._places.pop(cell.key, None)
        else:
            self._places.clear()
            self.progress.apply(update, 0.0)
        return list(self.progress.cells.values())

    def _read_declared(self, run_dir: Path) -> None:
        """What the run's directory says of the spec: its files, and its services' ports."""
        if run_dir == self._run_dir:
            return
        self._run_dir = run_dir
        try:
            self._sources.add(json.loads((run_dir / "spec.json").read_bytes())["sources"])
            services = json.loads((run_dir / "declared.json").read_bytes())["services"]
        except FileNotFoundError:  # the run is over already
            return
        self.ports = {each["name"]: _ports(each["interfaces"]) for each in services}

    def _still_dead(self, update: RunDone) -> tuple[DeadAssumption, ...]:
        """A run of some cases judges no assumption, but may have let one fire."""
        if not self._order.select:
            return update.result.dead
        rules = [rule for result in self.progress.results for rule in result.rules]
        alive = {rule.assumption for rule in rules if rule.counts.fired}
        found = {each.name: each for each in (*self.dead, *update.result.dead)}.values()
        return tuple(each for each in found if not alive & {each.name, *(rule.assumption for rule in each.rules)})

    def _ended(self, notes: tuple[str, ...], troubles: tuple[str, ...]) -> None:
        if self._thread is not None:
            self._thread.join()
        self._thread = self.going = None
        self.paused = self.ending = False
        self.notes, self.troubles = notes, troubles


def _ports(interfaces: Sequence[Mapping[str, object]]) -> str:
    return ", ".join(f"{each['name']} {each['port']}/{each['protocol']}" for each in interfaces)
