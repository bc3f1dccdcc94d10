"""The application: the matrix, what the cursor is on, and the keys."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer

from faultbox.model.update import SpecRefused
from faultbox.progress import Cell
from faultbox.tui.case import CaseScreen
from faultbox.tui.desk import Desk
from faultbox.tui.detail import Detail
from faultbox.tui.leaving import Leaving
from faultbox.tui.matrix import CellTable
from faultbox.tui.notes import notes
from faultbox.tui.status import Status
from faultbox.tui.vitals import Vitals

_FRAME_S = 0.1
_LOOK_S = 1.0
_NARROW = 110
"""Below this many columns the detail stands below the matrix."""


class FaultboxApp(App[None]):
    """One window for a desk: the runs of a spec, or a bundle."""

    CSS_PATH = "style.tcss"
    TITLE = "faultbox"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", show=False),
        Binding("r", "rerun", "rerun"),
        Binding("R", "rerun_red", "rerun red"),
        Binding("a", "rerun_all", "all"),
        Binding("n", "next_red", "next red"),
        Binding("p", "pause", "pause"),
        Binding("plus,minus", "ignore", "worlds", key_display="+/-"),
        Binding("plus", "jobs(1)", "more worlds", show=False),
        Binding("minus", "jobs(-1)", "fewer worlds", show=False),
        Binding("x", "fail_fast", "stop at red"),
        Binding("e", "edit", "edit"),
        Binding("o", "report", "report"),
        Binding("q,ctrl+c", "leave", "quit"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._began = 0.0
        self._frame = 0
        self._spec_time: dict[str, int] = {}
        self._vitals: tuple[Cell, Vitals] | None = None
        self._chosen: Cell | None = None

    def compose(self) -> ComposeResult:
        yield Status(id="status")
        with Container(id="body"):
            yield VerticalScroll(id="tables")
            yield Detail(id="detail")
        yield Footer()

    async def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._ended_by, number)
        await self._rebuild()
        self.set_interval(_FRAME_S, self._turn)
        self.set_interval(_LOOK_S, self._look)
        if self._desk.can_run:
            self._start()

    # -- what goes on

    async def _turn(self) -> None:
        """Take in what has happened, and draw what has changed; ten times a second, however much that is."""
        now, self._frame = time.monotonic(), self._frame + 1
        known = self._desk.progress.cells.keys() | set()
        was_busy = self._desk.busy
        changed = self._desk.drain(now)
        if self._desk.progress.cells.keys() != known:
            await self._rebuild()
        moving = {cell.key: cell for cell in (*changed, *self._desk.progress.running)}
        for table in self.query(CellTable):
            table.refresh_cells(list(moving.values()), now, self._frame)
        self.query_one(Status).show(self._desk, self._began, now, self._frame)
        if self._chosen is not None and self._chosen.key in moving:
            self._draw_detail()
        if was_busy and not self._desk.busy:
            self._say_what_is_left()

    async def _rebuild(self) -> None:
        """The plan is another one: tables for it, the cursor where it was."""
        tables = self.query_one("#tables")
        await tables.remove_children()
        progress = self._desk.progress
        made = [CellTable.of(grid) for grid in progress.grids()]
        if beside := progress.beside():
            made.append(CellTable.beside(beside))
        await tables.mount_all(made)
        if made:
            made[0].focus()
        self._chosen = made[0].chosen if made else None
        self._draw_detail()

    def _look(self) -> None:
        """What is looked at less often: services of the chosen case, and whether the spec was edited."""
        if self._chosen is not None and self._chosen.running:
            self._draw_detail()
        if self._spec_changed() and not self._desk.busy:
            self.notify("the spec has changed: loading it again")
            self._start()

    def _draw_detail(self) -> None:
        cell = self._chosen
        current = None if cell is None else self._desk.progress.cells.get(cell.key)
        self._chosen = current
        detail = self.query_one(Detail)
        if current is None or not current.running:
            detail.show(current)
            return
        files = self._desk.files_of(current)
        rules = files.rules() if files is not None else ()
        logs = files.logs() if files is not None else {}
        tail = [f"{name}: {line}" for name, text in logs.items() for line in text.splitlines()[-3:]]
        detail.show(current, rules, self._healths(current), "", tail)

    def _healths(self, cell: Cell):  # type: ignore[no-untyped-def]
        started = self._desk.progress.started
        if cell.started is None or not cell.started.cgroup or started is None:
            return ()
        if self._vitals is None or self._vitals[0] is not cell:
            self._vitals = (cell, Vitals(Path(cell.started.cgroup), started.services))
        return self._vitals[1].look(time.monotonic())

    def _say_what_is_left(self) -> None:
        for line in notes(self._desk):
            self.notify(line, timeout=8)
        refusal = self._desk.progress.refusal
        if isinstance(refusal, SpecRefused):
            self.notify(
                "\n".join(map(str, refusal.problems)), title="the spec can't be run", severity="error", timeout=30
            )
        elif refusal is not None:
            self.notify(f"{refusal.reason}: {refusal.advice}", severity="error", timeout=30)

    # -- keys

    def on_cell_table_chosen(self, message: CellTable.Chosen) -> None:
        self._chosen = message.cell
        self._draw_detail()

    def on_cell_table_opened(self, message: CellTable.Opened) -> None:
        self.push_screen(CaseScreen(message.cell, self._desk.files_of))

    def action_rerun(self) -> None:
        if self._chosen is not None:
            self._start([self._chosen.info.id])

    def action_rerun_red(self) -> None:
        red = list(dict.fromkeys(cell.info.id for cell in self._desk.red()))
        if red:
            self._start(red)
        else:
            self.notify("nothing is red")

    def action_rerun_all(self) -> None:
        self._start()

    def action_next_red(self) -> None:
        red = self._desk.red()
        if not red:
            self.notify("nothing is red")
            return
        keys = [cell.key for cell in red]
        at = keys.index(self._chosen.key) + 1 if self._chosen is not None and self._chosen.key in keys else 0
        target = red[at % len(red)]
        any(table.choose(target) for table in self.query(CellTable))

    def action_pause(self) -> None:
        self._desk.pause()

    def action_jobs(self, by: int) -> None:
        self._desk.change_jobs(by, len(self._desk.progress.running))
        self.notify(f"{self._desk.jobs} worlds at once")

    def action_fail_fast(self) -> None:
        self._desk.toggle_fail_fast()

    def action_ignore(self) -> None:
        """The key that the footer shows for two others."""

    def action_edit(self) -> None:
        """Edit the spec where the chosen cell is declared; what is saved is loaded again."""
        position = self._chosen.info.position if self._chosen is not None else None
        started = self._desk.progress.started
        if started is None or not self._desk.can_run:
            self.notify("a bundle's spec can't be edited")
            return
        path, line = (position.file, position.line) if position is not None else (started.spec, 1)
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with self.suspend():
            subprocess.run([*editor, f"+{line}", path], check=False)

    def action_report(self) -> None:
        if self._desk.bundle is None:
            self.notify("the bundle is written when the run is over")
            return
        page = self._desk.bundle.with_suffix(".html")
        from faultbox import evidence

        with evidence.open(self._desk.bundle) as bundle:
            evidence.report(bundle, page)
        self.notify(f"report: {page}")
        self.open_url(page.as_uri())

    def action_leave(self) -> None:
        """Leave at once, or ask first while a run goes."""
        if self._desk.busy:
            self.push_screen(Leaving(), self._leave)
        else:
            self.exit()

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self._ended_by(signal.SIGINT)

    def _ended_by(self, number: int) -> None:
        self._desk.stop(number)
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        yield SystemCommand("Rerun this cell", "Run the chosen case again", self.action_rerun)
        yield SystemCommand("Rerun what is red", "Run every case again that is not green", self.action_rerun_red)
        yield SystemCommand("Rerun all", "Load the spec and run all of it", self.action_rerun_all)
        yield SystemCommand("Pause or go on", "Start no further case", self.action_pause)
        yield SystemCommand("Stop at the first failure", "On or off", self.action_fail_fast)
        yield SystemCommand("Edit the spec", "In $EDITOR, where the chosen case is declared", self.action_edit)
        yield SystemCommand("Open the report", "Write the bundle's HTML page and open it", self.action_report)

    # -- the rest

    def on_resize(self, event: Resize) -> None:
        self.query_one("#body").set_class(event.size.width < _NARROW, "narrow")

    def _start(self, select: list[str] | None = None) -> None:
        if not self._desk.can_run:
            self.notify("a bundle can't be run from here: faultbox replay does that")
        elif self._desk.busy:
            self.notify("a run goes already")
        else:
            self._began = time.monotonic()
            self._desk.start(select or ())

    def _spec_changed(self) -> bool:
        """Whether a file of the spec was written since it was last looked at."""
        positions = {cell.info.position.file for cell in self._desk.progress.cells.values()}
        started = self._desk.progress.started
        names = positions | ({started.spec} if started is not None and self._desk.can_run else set())
        times = {}
        for name in names if self._desk.can_run else ():
            try:
                times[name] = os.stat(name).st_mtime_ns
            except OSError:
                continue
        changed = any(self._spec_time.get(name, at) != at for name, at in times.items())
        self._spec_time = times
        return changed
