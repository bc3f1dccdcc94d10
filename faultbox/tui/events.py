"""The events of a case as lines that are read from its trace when they come into view."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from faultbox.model.event import Event
from faultbox.trace.deciding import PLAIN, QUIET
from faultbox.tui import words
from faultbox.tui.lanes import Mark, mark_of
from faultbox.tui.trace import Reader, Wanted

_WIDTH = 400
_STYLES = {Mark.BAD: "bold red", Mark.FAULT: "yellow", Mark.STEP: "cyan", Mark.LIFE: "green"}
_KERNEL = frozenset({"process", "syscall", "file", "socket"})
"""Types of which there are many, each telling little."""


class EventList(ScrollView, can_focus=True):
    """A trace that may grow and may be larger than memory: only the lines in view are ever read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("left", "sideways(-20)", "left", show=False),
        Binding("right", "sideways(20)", "right", show=False),
        Binding("home,g", "edge(0)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
    ]
    cursor = reactive(0)

    class At(Message):
        """The cursor is on this event."""

        def __init__(self, event: Event | None) -> None:
            self.event = event
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._reader: Reader | None = None
        self._start: int | None = None
        self._read = lru_cache(maxsize=512)(self._read_anew)

    def show(self, reader: Reader | None) -> None:
        """Begin with a trace; the caller closes it."""
        self._reader, self._start = reader, None
        self.filter(None)

    def filter(self, wanted: Wanted | None) -> None:
        """Show only these, from the beginning; None: all."""
        if self._reader is not None:
            self._reader.find(wanted)
        self._read.cache_clear()
        self.virtual_size = Size(_WIDTH, 0)
        self.scroll_to(0, 0, animate=False)
        self.cursor = 0
        self.work()

    def work(self) -> None:
        """Show what the reader has found meanwhile. To be called every so often."""
        before = self.virtual_size.height
        if self.count != before:
            self.virtual_size = Size(_WIDTH, self.count)
            self.refresh()
            if before == 0:
                self.watch_cursor()

    @property
    def count(self) -> int:
        """How many lines there are to show, as far as the trace has been looked through."""
        if self._reader is None:
            return 0
        search = self._reader.search
        return len(search.found) if search is not None else len(self._reader.trace)

    def event_at(self, line: int) -> Event | None:
        return self._read(line) if 0 <= line < self.count else None

    def go_to(self, seq: int) -> None:
        """Put the cursor on the event of that number, where it is shown; numbers grow line by line."""
        low, high = 0, self.count - 1
        while low < high:
            middle = (low + high) // 2
            event = self.event_at(middle)
            low, high = (middle + 1, high) if event is not None and event.seq < seq else (low, middle)
        self._move_to(low)

    def _read_anew(self, line: int) -> Event | None:
        assert self._reader is not None
        search = self._reader.search
        return self._reader.trace.event(search.found[line] if search is not None else line)

    def render_line(self, y: int) -> Strip:
        line = self.scroll_offset.y + y
        event = self.event_at(line)
        if event is None:
            return Strip.blank(self.size.width, self.rich_style)
        style = self.rich_style + Style.parse(_style(event))
        if line == self.cursor:
            style += Style(reverse=True)
        text = f"{event.seq:>7} {(event.time_ns - self._began(event)) / 1e6:>10.1f}ms  {said(event)}"
        strip = Strip([Segment(text, style)])
        left = self.scroll_offset.x
        return strip.crop_extend(left, left + self.size.width, style)

    def _began(self, event: Event) -> int:
        if self._start is None:
            first = self._reader.trace.event(0) if self._reader is not None else None
            self._start = first.time_ns if first is not None else event.time_ns
        return self._start

    def watch_cursor(self) -> None:
        self.refresh()
        self.post_message(self.At(self.event_at(self.cursor)))

    def on_click(self, event: Click) -> None:
        self._move_to(self.scroll_offset.y + event.y)

    def action_move(self, by: int) -> None:
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._move_to(self.cursor + by * max(1, self.size.height - 1))

    def action_sideways(self, by: int) -> None:
        self.scroll_to(x=self.scroll_offset.x + by, animate=False)

    def action_edge(self, last: int) -> None:
        self._move_to(self.count - 1 if last else 0)

    def _move_to(self, line: int) -> None:
        self.cursor = max(0, min(line, self.count - 1))
        top, height = self.scroll_offset.y, max(1, self.size.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)


def said(event: Event) -> str:
    """An event in a line: `db           write            deny(EIO) /data/wal`."""
    fields = event.fields
    kind = fields.get("syscall") or (f"{event.type} {fields['op']}" if fields.get("op") else event.type)
    found = [fields[name] for name in PLAIN if fields.get(name)]
    found += [f"{name}={value}" for name, value in fields.items() if value and name not in QUIET and name not in PLAIN]
    return words.plain(f"{event.service:<12} {kind:<16} {' '.join(' '.join(found).split())}"[:_WIDTH]).replace(
        "\t", " "
    )


def _style(event: Event) -> str:
    if event.fields.get("error"):
        return _STYLES[Mark.BAD]
    return _STYLES.get(mark_of(event), "dim" if event.type in _KERNEL else "")
