"""The cells of a run as tables: one a fault matrix, one for all other tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.coordinate import Coordinate
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable

from faultbox.progress import Cell, Grid
from faultbox.tui import words

_LABEL = 34
"""Characters of a scenario's name that are shown beside its cells; a test that stands alone has twice the room."""
_CELL = 13
"""The least width of a cell."""
_ABOVE = 2
"""Lines of a table above its first row: border and header."""


class CellTable(DataTable[Text]):
    """Scenarios down, faults across; every place is a cell, or none. The arrow keys go on into the next table."""

    class Chosen(Message):
        """The cursor is on another cell (None: on an empty place)."""

        def __init__(self, cell: Cell | None) -> None:
            self.cell = cell
            super().__init__()

    class Opened(Message):
        """The user wants to see a cell from inside."""

        def __init__(self, cell: Cell) -> None:
            self.cell = cell
            super().__init__()

    def __init__(
        self, name: str, rows: Sequence[str], columns: Sequence[str], places: Mapping[tuple[str, str], Sequence[Cell]],
        *, excluded: frozenset[tuple[str, str]] = frozenset(), label: int = _LABEL,
    ) -> None:  # fmt: skip
        super().__init__(cursor_type="cell", zebra_stripes=True, fixed_columns=1, header_height=1)
        self.border_title = name
        self._rows, self._columns = rows, columns
        self._places = places
        self._excluded = excluded
        self._label = label
        self._where = {cell.key: place for place, cells in places.items() for cell in cells}
        self._line = {row: number for number, row in enumerate(rows)}

    @classmethod
    def of(cls, grid: Grid) -> CellTable:
        """A fault matrix, without the scenarios and faults that this run has no cell of."""
        rows, columns = {row for row, _ in grid.cells}, {column for _, column in grid.cells}
        shown = [row for row in grid.rows if row in rows], [name for name in grid.columns if name in columns]
        return cls("Fault matrix", *shown, grid.cells, excluded=grid.excluded)

    @classmethod
    def beside(cls, cells: Sequence[Cell]) -> CellTable:
        """Tests that belong to no matrix, a line each."""
        places = {(_title(cell), "verdict"): [cell] for cell in cells}
        return cls("Tests", [row for row, _ in places], ("verdict",), places, label=2 * _LABEL)

    def on_mount(self) -> None:
        label = min(self._label, max((len(each) for each in self._rows), default=8))
        self.add_column("", width=label, key="")
        for name in self._columns:
            self.add_column(Text(words.plain(name)), width=max(_CELL, len(name)), key=name)
        for row in self._rows:
            texts = [self._text(row, column, 0.0, 0, over=False) for column in self._columns]
            self.add_row(Text(words.plain(row), overflow="ellipsis", no_wrap=True), *texts, key=row)
        self.move_cursor(column=1)

    def refresh_cells(self, cells: Sequence[Cell], now: float, frame: int, *, over: bool) -> None:
        """Draw these anew, as far as they are here. `over`: no run goes."""
        for place in {self._where[each.key] for each in cells if each.key in self._where}:
            self.update_cell(*place, self._text(*place, now, frame, over=over))

    @property
    def chosen(self) -> Cell | None:
        """The cell under the cursor; of several runs the first that is not green."""
        at = self.cursor_coordinate
        if not self._rows or not 1 <= at.column <= len(self._columns):
            return None
        return _first(self._places.get((self._rows[at.row], self._columns[at.column - 1]), ()))

    def choose(self, cell: Cell) -> bool:
        """Put the cursor on a cell; False where it is not here."""
        if cell.key not in self._where:
            return False
        row, column = self._where[cell.key]
        self.focus(scroll_visible=False)
        self.move_cursor(row=self._line[row], column=self._columns.index(column) + 1)
        self._follow()
        return True

    def watch_cursor_coordinate(self, old_coordinate: Coordinate, new_coordinate: Coordinate) -> None:
        super().watch_cursor_coordinate(old_coordinate, new_coordinate)
        self._follow()
        self.post_message(self.Chosen(self.chosen))

    def on_focus(self) -> None:
        self._follow()
        self.post_message(self.Chosen(self.chosen))

    def on_data_table_cell_selected(self, event: DataTable.CellSelected) -> None:
        event.stop()
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def action_cursor_down(self) -> None:
        if self.cursor_row < len(self._rows) - 1:
            super().action_cursor_down()
        else:
            self._go_on(1)

    def action_cursor_up(self) -> None:
        if self.cursor_row > 0:
            super().action_cursor_up()
        else:
            self._go_on(-1)

    def action_cursor_left(self) -> None:
        if self.cursor_column > 1:  # the first column is the scenario's name
            super().action_cursor_left()

    def _go_on(self, by: int) -> None:
        """Into the next table, at the row that is nearest."""
        tables = list(self.screen.query(CellTable))
        at = tables.index(self) + by
        if 0 <= at < len(tables):
            there = tables[at]
            there.focus(scroll_visible=False)
            there.move_cursor(row=0 if by > 0 else len(there._rows) - 1)  # noqa: SLF001 - one of us

    def _follow(self) -> None:
        """A table that is higher than the window scrolls itself; what holds the tables must show the cursor's line."""
        if self.has_focus and isinstance(self.parent, Widget):
            top = self.virtual_region.y
            line = top + _ABOVE + self.cursor_row - self.scroll_offset.y
            first = top if self.cursor_row == 0 else line
            shown = Region(self.parent.scroll_offset.x, first, 1, line - first + 1)
            self.parent.scroll_to_region(shown, animate=False, force=True)

    def _text(self, row: str, column: str, now: float, frame: int, *, over: bool) -> Text:
        if (row, column) in self._excluded:
            return words.EXCLUDED
        cells = self._places.get((row, column), ())
        shown = _first(cells)
        if shown is None:
            return Text("")
        text = words.cell(shown, now, frame, over=over)
        if len(cells) > 1:
            text = text.copy()
            text.append(f" {sum(each.result is not None for each in cells)}/{len(cells)}", "dim")
        return text


def _title(cell: Cell) -> str:
    return cell.info.id if cell.info.run == 1 else f"{cell.info.id} (run {cell.info.run})"


def _first(cells: Sequence[Cell]) -> Cell | None:
    """Of several runs of a case the one to look at: what is red, then what runs, then the first."""

    def rank(cell: Cell) -> int:
        if cell.result is not None and cell.result.verdict != "passed":
            return 0
        return 1 if cell.running else 2

    return min(cells, key=rank, default=None)
