"""The cells of a run as tables: one a fault matrix, one for all other tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from faultbox.progress import Cell, Grid
from faultbox.tui import words

_LABEL = 34
"""Characters of a scenario's name that are shown beside its cells; a test that stands alone has twice the room."""
_CELL = 13
"""The least width of a cell."""
_GAP = 2
_LABEL_STYLE, _HEADER_STYLE = Style(bold=True), Style(dim=True)
_CURSOR, _CURSOR_ELSEWHERE = Style(reverse=True), Style(underline=True)

Spot = tuple[int, int]
"""A row and a column, from 0."""


class CellTable(ScrollView, can_focus=True):
    """Scenarios down, faults across; every place is a cell, or none. The arrow keys go on into the next table.

    Only the lines in view are ever made, and only those whose cells have changed are made anew: a table of a thousand
    cells that all change costs what its window shows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", show=False),
        Binding("up,k", "move(-1, 0)", "up", show=False),
        Binding("down,j", "move(1, 0)", "down", show=False),
        Binding("left,h", "move(0, -1)", "left", show=False),
        Binding("right,l", "move(0, 1)", "right", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "column(0)", "first fault", show=False),
        Binding("end", "column(-1)", "last fault", show=False),
        Binding("ctrl+home", "row(0)", "first scenario", show=False),
        Binding("ctrl+end", "row(-1)", "last scenario", show=False),
    ]
    cursor: reactive[Spot] = reactive((0, 0))

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
        super().__init__()
        self.border_title = name
        self._rows, self._columns = rows, columns
        self._places = places
        self._excluded = excluded
        self._labels = min(label, max((cell_len(words.plain(each)) for each in rows), default=8)) + _GAP
        self._widths = [max(_CELL, cell_len(words.plain(each))) + _GAP for each in columns]
        line_of = {row: number for number, row in enumerate(rows)}
        column_of = {column: number for number, column in enumerate(columns)}
        self._where: dict[tuple[str, int], Spot] = {
            cell.key: (line_of[row], column_of[column]) for (row, column), cells in places.items() for cell in cells
        }
        self._now, self._frame, self._over = 0.0, 0, False
        self._kept: dict[Spot, tuple[object, list[Segment]]] = {}
        """What was drawn of places where nothing moves, and from what: a line is made anew for one cell of it."""
        self.virtual_size = Size(self._labels + sum(self._widths), len(rows) + 1)

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

    # -- what is drawn

    def refresh_cells(self, cells: Sequence[Cell], now: float, frame: int, *, over: bool) -> None:
        """Draw these anew, as far as they are here and in view. `over`: no run goes."""
        self._now, self._frame, self._over = now, frame, over
        self._refresh_rows({self._where[each.key][0] for each in cells if each.key in self._where})

    def _refresh_rows(self, rows: Iterable[int]) -> None:
        lines = (row + 1 - self.scroll_offset.y for row in rows)
        seen = [Region(0, line, self.size.width, 1) for line in lines if 0 < line < self.size.height]
        if seen:
            self.refresh(*seen)

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y - 1 if y else -1
        base = self.rich_style  # dear: asked for once a line
        if row >= len(self._rows):
            return Strip.blank(self.size.width, base)
        label = _cut("" if row < 0 else words.plain(self._rows[row]), self._labels)
        first = Strip([Segment(label, base + _LABEL_STYLE)], self._labels)
        left, room = self.scroll_offset.x, max(0, self.size.width - self._labels)
        segments: list[Segment] = []
        at, skipped = 0, 0
        for column, width in enumerate(self._widths):
            if at + width <= left:
                skipped = at + width
            elif at < left + room:
                segments += self._header(column, width, base) if row < 0 else self._drawn(row, column, width, base)
            at += width
        rest = Strip(segments).crop_extend(left - skipped, left - skipped + room, base)
        return Strip.join([first, rest]).crop(0, self.size.width)

    def _header(self, column: int, width: int, base: Style) -> list[Segment]:
        return [Segment(_cut(words.plain(self._columns[column]), width), base + _HEADER_STYLE)]

    def _drawn(self, row: int, column: int, width: int, base: Style) -> list[Segment]:
        style = base
        if (row, column) == self.cursor:
            style += _CURSOR if self.has_focus else _CURSOR_ELSEWHERE
        cells = self._places.get((self._rows[row], self._columns[column]), ())
        if any(cell.running for cell in cells):
            return self._made(row, column, width, style, base)
        looks = style, self._over, [(cell.result, cell.stale) for cell in cells]
        kept = self._kept.get((row, column))
        if kept is None or kept[0] != looks:
            kept = self._kept[row, column] = looks, self._made(row, column, width, style, base)
        return kept[1]

    def _made(self, row: int, column: int, width: int, style: Style, base: Style) -> list[Segment]:
        text = self._text(self._rows[row], self._columns[column])
        text.truncate(width - _GAP, pad=True)
        drawn = text.render(self.app.console)
        segments = [Segment(each.text, style + each.style if each.style else style) for each in drawn]
        return [*segments, Segment(" " * _GAP, base)]

    def _text(self, row: str, column: str) -> Text:
        if (row, column) in self._excluded:
            return words.EXCLUDED.copy()
        cells = self._places.get((row, column), ())
        shown = _first(cells)
        text = words.cell(shown, self._now, self._frame, over=self._over).copy() if shown is not None else Text()
        text.end = ""
        if len(cells) > 1:
            text.append(f" {sum(each.result is not None for each in cells)}/{len(cells)}", "dim")
        return text

    # -- where the cursor is

    @property
    def chosen(self) -> Cell | None:
        """The cell under the cursor; of several runs the first that is not green."""
        row, column = self.cursor
        if row >= len(self._rows) or column >= len(self._columns):
            return None
        return _first(self._places.get((self._rows[row], self._columns[column]), ()))

    def choose(self, cell: Cell) -> bool:
        """Put the cursor on a cell; False where it is not here."""
        if cell.key not in self._where:
            return False
        self.focus(scroll_visible=False)
        self.cursor = self._where[cell.key]
        self._follow()
        return True

    def watch_cursor(self, before: Spot, now: Spot) -> None:
        self._refresh_rows({before[0], now[0]})
        self._follow()
        self.post_message(self.Chosen(self.chosen))

    def on_focus(self) -> None:
        self.refresh()
        self._follow()
        self.post_message(self.Chosen(self.chosen))

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: Click) -> None:
        """A click is the cursor's; a second one opens the cell."""
        row = event.y - self.gutter.top + self.scroll_offset.y - 1
        left = event.x - self.gutter.left - self._labels + self.scroll_offset.x
        column = next((at for at in range(len(self._widths)) if left < sum(self._widths[: at + 1])), -1)
        if not 0 <= row < len(self._rows) or column < 0 or left < self.scroll_offset.x:
            return
        self.cursor = row, column
        if event.chain == 2:
            self.action_open()

    def action_open(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def action_move(self, down: int, right: int) -> None:
        row, column = self.cursor
        if 0 <= row + down < len(self._rows):
            self.cursor = row + down, max(0, min(column + right, len(self._columns) - 1))
        else:
            self._go_on(down)

    def action_page(self, by: int) -> None:
        row = self.cursor[0] + by * max(1, self.size.height - 2)
        self.cursor = max(0, min(row, len(self._rows) - 1)), self.cursor[1]

    def action_column(self, column: int) -> None:
        self.cursor = self.cursor[0], column % len(self._columns)

    def action_row(self, row: int) -> None:
        self.cursor = row % len(self._rows), self.cursor[1]

    def _go_on(self, by: int) -> None:
        """Into the next table, at the row that is nearest."""
        tables = list(self.screen.query(CellTable))
        at = tables.index(self) + by
        if 0 <= at < len(tables):
            there = tables[at]
            there.cursor = 0 if by > 0 else len(there._rows) - 1, there.cursor[1]  # noqa: SLF001 - one of us
            there.focus(scroll_visible=False)

    def _follow(self) -> None:
        """Scroll so far that the cursor is seen; what holds the tables too, where they are higher than it."""
        row, column = self.cursor
        left, width = sum(self._widths[:column]), self._widths[column]
        x, y, room = self.scroll_offset.x, self.scroll_offset.y, max(1, self.size.width - self._labels)
        lines = max(1, self.size.height - 1)
        if not x <= left <= x + room - width:
            starts = (sum(self._widths[:at]) for at in range(column + 1))
            x = next(start for start in starts if start >= left + width - room or start == left)
        y = min(row, max(y, row - lines + 1))
        if self.size.height:
            self.scroll_to(x, y, animate=False, immediate=True)
        if self.has_focus and isinstance(self.parent, Widget):
            top = self.virtual_region.y
            line = top + self.gutter.top + 1 + row - y
            first = top if row == 0 else line
            self.parent.scroll_to_region(Region(0, first, 1, line - first + 1), animate=False, force=True)


def _cut(text: str, width: int) -> str:
    """In exactly that many columns, with what is left out shown as such."""
    return set_cell_size(text if cell_len(text) < width else f"{set_cell_size(text, width - _GAP - 1)}…", width)


def _title(cell: Cell) -> str:
    return cell.info.id if cell.info.run == 1 else f"{cell.info.id} (run {cell.info.run})"


def _first(cells: Sequence[Cell]) -> Cell | None:
    """Of several runs of a case the one to look at: what is red, then what runs, then the first."""

    def rank(cell: Cell) -> int:
        if cell.result is not None and cell.result.verdict != "passed":
            return 0
        return 1 if cell.running else 2

    return min(cells, key=rank, default=None)
