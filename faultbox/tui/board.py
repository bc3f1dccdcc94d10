"""The first screen: the matrix, the cell under the cursor, what is to be said of the run, and the keys."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Static

from faultbox.progress import Cell
from faultbox.tui.desk import Desk
from faultbox.tui.detail import about
from faultbox.tui.live import Glance
from faultbox.tui.matrix import CellTable
from faultbox.tui.remarks import Remarks
from faultbox.tui.status import Status

_NARROW = 110
"""Below this many columns the detail stands below the matrix."""

Shape = tuple[object, ...]


class Board(Screen[None]):
    """Of a desk."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "app.rerun_cell", "rerun"),
        Binding("R", "app.rerun_red", "rerun red"),
        Binding("a", "app.rerun_all", "all", show=False),
        Binding("n", "next_red", "next"),
        Binding("p", "pause", "pause"),
        Binding("plus,equals_sign", "jobs(1)", "worlds", key_display="+/-"),
        Binding("minus", "jobs(-1)", "fewer worlds", show=False),
        Binding("x", "fail_fast", "stop at red", show=False),
        Binding("e", "edit", "edit"),
        Binding("w", "app.run_on_save", "run on save", show=False),
        Binding("o", "app.report", "report", show=False),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.leave", "quit"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.chosen: Cell | None = None
        self._desk = desk
        self._shape: Shape = ()
        self._glance: Glance | None = None
        # Held, not looked for: a turn may still come while the window is being taken down.
        self._status, self._remarks, self._about = Status(id="status"), Remarks(), Static(id="about")
        self._tables = VerticalScroll(id="tables", can_focus=False)

    def compose(self) -> ComposeResult:
        yield self._status
        with Container(id="body"):
            yield self._tables
            with VerticalScroll(id="detail", can_focus=False):
                yield self._about
        yield self._remarks
        yield Footer(show_command_palette=False)

    def on_resize(self, event: Resize) -> None:
        self.query_one("#body").set_class(event.size.width < _NARROW, "narrow")

    # -- what is drawn when

    async def turn(self, changed: Collection[Cell], began: float, now: float, frame: int) -> None:
        """Draw what has changed, and what moves by itself."""
        progress, over = self._desk.progress, not self._desk.busy
        if changed and (shape := self._shape_now()) != self._shape:
            self._shape = shape
            await self._rebuild()
            changed = list(progress.cells.values())
        moving = list({cell.key: cell for cell in (*changed, *progress.running)}.values())
        for table in self.query(CellTable):
            table.refresh_cells(moving, now, frame, over=over)
        self._status.show(self._desk, began, now, frame)
        self._remarks.show(self._desk)
        if self.chosen is not None and self.chosen in changed:
            self._draw_detail()

    def look(self, glance: Glance | None) -> None:
        """How the chosen case is, where it runs."""
        self._glance = glance
        if self.chosen is not None and self.chosen.running:
            self._draw_detail()

    def _shape_now(self) -> Shape:
        """All that decides how the tables are laid out."""
        progress = self._desk.progress
        places = [(key, cell.info.matrix, cell.info.row, cell.info.column) for key, cell in progress.cells.items()]
        return (*places, *(progress.started.excluded if progress.started is not None else ()))

    async def _rebuild(self) -> None:
        """The plan is another one: tables for it, with the cursor where it was."""
        before, progress = self.chosen, self._desk.progress
        await self._tables.remove_children()
        made = [CellTable.of(grid) for grid in progress.grids()]
        if beside := progress.beside():
            made.append(CellTable.beside(beside))
        await self._tables.mount_all(made)
        if before is not None and before.key in progress.cells:
            any(table.choose(progress.cells[before.key]) for table in made)
        elif made:
            made[0].focus()
        self.chosen = next((table.chosen for table in made if table.has_focus), None)
        self._draw_detail()

    def _draw_detail(self) -> None:
        shown = about(self.chosen, self._glance, over=not self._desk.busy)
        self._about.update(shown)

    # -- what the user does

    def on_cell_table_chosen(self, message: CellTable.Chosen) -> None:
        if message.cell is not self.chosen:
            self._glance = None
        self.chosen = message.cell
        self._draw_detail()
        self.query_one("#detail").scroll_home(animate=False)

    def action_next_red(self) -> None:
        red = self._desk.red()
        if not red:
            self.notify("nothing is red")
            return
        keys = [cell.key for cell in red]
        at = keys.index(self.chosen.key) + 1 if self.chosen is not None and self.chosen.key in keys else 0
        target = red[at % len(red)]
        any(table.choose(target) for table in self.query(CellTable))

    def action_pause(self) -> None:
        self._desk.pause()

    def action_jobs(self, by: int) -> None:
        self._desk.change_jobs(by)
        self.notify(f"at most {self._desk.jobs} worlds at once")

    def action_fail_fast(self) -> None:
        self._desk.toggle_fail_fast()
        self.notify("the first red cell ends the run" if self._desk.fail_fast else "red cells don't end the run")

    def action_edit(self) -> None:
        """Edit the spec where the chosen cell is declared; what is saved is loaded again."""
        if not self._desk.can_run:
            self.notify("a bundle's spec can't be edited")
            return
        words = editor()
        with self.app.suspend():
            try:
                subprocess.run([*words, *self._where()], check=False, stderr=sys.__stderr__)
            except OSError as error:
                failure = f"{words[0]}: {error.strerror}; set EDITOR to an editor that is there"
            else:
                failure = ""
        self.refresh(layout=True)
        if failure:
            self.notify(failure, severity="error", markup=False)

    def _where(self) -> Sequence[str]:
        """What tells the editor where to go: a mistake in the spec, else the chosen case, else the spec."""
        progress = self._desk.progress
        if progress.problems:
            at = progress.problems[0].position
        elif self.chosen is not None:
            at = self.chosen.info.position
        else:
            return (self._desk.spec,)
        return f"+{at.line}", at.file


def editor() -> list[str]:
    """The user's editor, with its flags."""
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "") or ["vi"]
