"""The cells of a run as tables: one a fault matrix, one for all other tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from faultbox.progress import Cell, Grid
from faultbox.tui import words

_LABEL = 34
"""Characters of a scenario's name that are shown."""


class CellTable(DataTable[Text]):
    """Scenarios down, faults across; every place is a cell, or none."""

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
        excluded: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:  # fmt: skip
        super().__init__(cursor_type="cell", zebra_stripes=True, fixed_columns=1, header_height=1)
        self.border_title = name
        self._rows, self._columns = rows, columns
        self._places = places
        self._excluded = excluded
        self._where = {cell.key: place for place, cells in places.items() for cell in cells}

    @classmethod
    def of(cls, grid: Grid) -> CellTable:
        """A fault matrix."""
        return cls("Fault matrix", grid.rows, grid.columns, grid.cells, grid.excluded)

    @classmethod
    def beside(cls, cells: Sequence[Cell]) -> CellTable:
        """Tests that belong to no matrix, a line each."""
        places = {(_title(cell), "verdict"): [cell] for cell in cells}
        return cls("Tests", [row for row, _ in places], ("verdict",), places)

    def on_mount(self) -> None:
        self.add_column("", width=min(_LABEL, max((len(each) for each in self._rows), default=8)), key="")
        for name in self._columns:
            self.add_column(name, width=max(15, len(name)), key=name)
        for row in self._rows:
            texts = [self._text(row, column, 0.0, 0) for column in self._columns]
            self.add_row(Text(row, overflow="ellipsis", no_wrap=True), *texts, key=row)
        self.move_cursor(column=1)

    def refresh_cells(self, cells: Sequence[Cell], now: float, frame: int) -> None:
        """Draw these anew, as far as they are here."""
        for place in {self._where[each.key] for each in cells if each.key in self._where}:
            self.update_cell(*place, self._text(*place, now, frame))

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
        self.focus()
        self.move_cursor(row=self._rows.index(row), column=self._columns.index(column) + 1)
        return True

    def watch_cursor_coordinate(self, old_coordinate: Coordinate, new_coordinate: Coordinate) -> None:
        super().watch_cursor_coordinate(old_coordinate, new_coordinate)
        self.post_message(self.Chosen(self.chosen))

    def on_focus(self) -> None:
        self.post_message(self.Chosen(self.chosen))

    def on_data_table_cell_selected(self, event: DataTable.CellSelected) -> None:
        event.stop()
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def _text(self, row: str, column: str, now: float, frame: int) -> Text:
        if (row, column) in self._excluded:
            return words.EXCLUDED
        cells = self._places.get((row, column), ())
        shown = _first(cells)
        if shown is None:
            return Text("")
        text = words.cell(shown, now, frame)
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
