"""The application: it takes in what happens, starts what is asked for, and ends in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from faultbox.progress import Cell
from faultbox.tui.board import Board
from faultbox.tui.case import CaseScreen
from faultbox.tui.desk import Desk
from faultbox.tui.helping import Helping
from faultbox.tui.leaving import Leaving
from faultbox.tui.live import Glance, Live
from faultbox.tui.matrix import CellTable

_FRAME_S = 0.1
_LOOK_S = 1.0


class FaultboxApp(App[None]):
    """One window for a desk: the runs of a spec, or a bundle."""

    CSS_PATH = "style.tcss"
    TITLE = "faultbox"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "leave", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "to the shell", show=False, priority=True),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._board = Board(desk)
        self._began = self._frame = 0.0
        self._live: Live | None = None
        self._running_on_save = self._run_after_load = self._leaving = False

    def get_default_screen(self) -> Screen[None]:
        return self._board

    def on_mount(self) -> None:
        self.set_interval(_FRAME_S, self._turn)
        self.set_interval(_LOOK_S, self._look)
        if self._desk.can_run:
            self._start()

    # -- what goes on

    async def _turn(self) -> None:
        """Take in what has happened, and draw what has changed; ten times a second, however much that is."""
        now, was_busy = time.monotonic(), self._desk.busy
        while self._desk.signals:
            self._end(self._desk.signals.pop(0))
        self._frame += 1
        changed: Sequence[Cell] = self._desk.drain(now)
        ended = was_busy and not self._desk.busy
        if ended or self._frame == 1:
            changed = list(self._desk.progress.cells.values())
        await self._board.turn(changed, self._began, now, int(self._frame))
        if ended:
            self._after_run()

    def _after_run(self) -> None:
        if self._leaving or isinstance(self.screen, Leaving):  # asked or not, nothing stands in the way any more
            self.exit()
        elif self._run_after_load and not self._desk.progress.refusal:
            self._run_after_load = False
            self._start()

    def _look(self) -> None:
        """What is looked at less often: what runs, and whether the spec was edited."""
        self._count_fired()
        self._glance()
        self._desk.look_for_edits()
        if self._desk.edited and not self._desk.busy:
            self._run_after_load = self._running_on_save
            self._start(plan_only=True)

    def _count_fired(self) -> None:
        """How often rules have fired in the cases that run."""
        for cell in self._desk.progress.running:
            place = self._desk.place_of(cell)
            files = place.open() if place is not None else None
            if files is not None:
                cell.so_far = sum(rule.counts.fired for rule in files.rules())

    def _glance(self) -> None:
        """How the case is that is looked at."""
        cell = self.screen.cell if isinstance(self.screen, CaseScreen) else self._board.chosen
        glance: Glance | None = None
        if cell is not None and cell.running and cell.started is not None:
            if self._live is None or self._live.started is not cell.started:
                self._live = Live(cell.started, self._desk.ports)
            place = self._desk.place_of(cell)
            glance = self._live.look(place.open() if place is not None else None, time.monotonic())
        if isinstance(self.screen, CaseScreen):
            self.screen.glance = glance
        else:
            self._board.look(glance)

    def _start(self, select: Sequence[str] = (), *, plan_only: bool = False) -> None:
        if not self._desk.can_run:
            self.notify("a bundle can't be run from here: faultbox replay does that")
        elif self._desk.start(select, plan_only=plan_only):
            self._began = time.monotonic()
        else:
            self.notify("a run goes already")

    # -- keys

    def on_cell_table_opened(self, message: CellTable.Opened) -> None:
        self.push_screen(CaseScreen(message.cell, self._desk))

    def action_rerun_cell(self) -> None:
        cell = self.screen.cell if isinstance(self.screen, CaseScreen) else self._board.chosen
        if cell is not None:
            self._start([cell.info.id])

    def action_rerun_red(self) -> None:
        if red := list(dict.fromkeys(cell.info.id for cell in self._desk.red())):
            self._start(red)
        else:
            self.notify("nothing is red")

    def action_rerun_all(self) -> None:
        self._start()

    def action_run_on_save(self) -> None:
        self._running_on_save = not self._running_on_save
        self.notify("a saved spec is run at once" if self._running_on_save else "a saved spec is only loaded")

    def action_help(self) -> None:
        self.push_screen(Helping())

    def action_report(self) -> None:
        if not self._desk.bundles:
            self.notify("the bundle is written when the run is over")
            return
        bundle = self._desk.bundles[-1]
        self.notify(f"writing the report of {bundle.name}", markup=False)
        self.run_worker(lambda: self._report(bundle), thread=True, exclusive=True, group="report")

    def _report(self, path: Path) -> None:
        """In a thread: a long trace takes seconds."""
        from faultbox import evidence

        page = path.with_suffix(".html")
        try:
            with evidence.open(path) as bundle:
                evidence.report(bundle, page)
        except (OSError, evidence.BadBundle) as error:
            self.call_from_thread(self.notify, str(error), severity="error", markup=False)
            return
        self.call_from_thread(self.notify, f"report: {page}", markup=False, timeout=15)
        self.call_from_thread(self.open_url, page.as_uri())

    # -- the end

    async def action_quit(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        """Leave at once; while a run goes, ask first, and the third time kill it."""
        if not self._desk.busy:
            self.exit()
        elif isinstance(self.screen, Leaving):
            self.screen.action_answer(sure=True)
        elif self._leaving:
            self._end(signal.SIGINT)
        else:
            self.push_screen(Leaving(), self._leave)

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self._end(signal.SIGINT)

    def _end(self, number: int) -> None:
        """End the run, then leave; a terminal that is gone is left at once, however often it says so."""
        if number == signal.SIGHUP and self._leaving:
            return
        self._leaving = True
        self._desk.stop(number)
        if not self._desk.busy or number == signal.SIGHUP:
            self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        yield SystemCommand("Rerun the cell", "Run it and its control again", self.action_rerun_cell)
        yield SystemCommand("Rerun what is red", "Failed, errored and inconclusive cells", self.action_rerun_red)
        yield SystemCommand("Rerun everything", "The whole spec", self.action_rerun_all)
        yield SystemCommand("Pause or go on", "Start no further case", self._desk.pause)
        yield SystemCommand("Edit the spec", "In $VISUAL or $EDITOR", self._board.action_edit)
        yield SystemCommand("Run on save", "Run everything whenever the spec is saved", self.action_run_on_save)
        yield SystemCommand("Open the report", "Write the bundle's HTML page and open it", self.action_report)
        yield SystemCommand("Keys of Faultbox", "All of them on one screen", self.action_help)
