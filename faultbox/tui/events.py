"""The events of a case as lines that are read from its trace when they come into view."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from faultbox.model.event import Event
from faultbox.trace.deciding import PLAIN, QUIET
from faultbox.tui.files import Trace

_WIDTH = 400
_A_TURN = 1 << 19
"""Bytes of a trace that are looked through at once: some ms."""
_BAD, _STEP, _RULE, _QUIET, _CURSOR = "bold red", "cyan", "yellow", "dim", "reverse"


class EventList(ScrollView, can_focus=True):
    """A trace that may grow and may be larger than memory: only the lines in view are ever read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "edge(0)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
    ]
    cursor = reactive(0)

    class At(Message):
        """The cursor is on this event."""

        def __init__(self, event: Event | None) -> None:
            self.event = event
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as all widgets call it
        super().__init__(id=id)
        self._trace: Trace | None = None
        self._wanted: Callable[[Event], bool] | None = None
        self._found = array("Q")
        self._seen = 0
        self._start: int | None = None
        self._read = lru_cache(maxsize=512)(self._read_anew)

    def show(self, trace: Trace | None) -> None:
        """Begin with a trace; the caller closes it."""
        self._trace = trace
        self.filter(None)

    def filter(self, wanted: Callable[[Event], bool] | None) -> None:
        """Show only these, from the beginning."""
        self._wanted = wanted
        self._found = array("Q")
        self._seen = 0
        self._read.cache_clear()
        self.cursor = 0
        self.virtual_size = Size(_WIDTH, 0)
        self.work()

    def work(self) -> bool:
        """Look through some more of the trace; whether there was more. To be called every so often."""
        if self._trace is None:
            return False
        more = self._trace.index(_A_TURN)
        if self._wanted is not None:
            more = self._sift(self._wanted) or more
        if (size := Size(_WIDTH, self.count)) != self.virtual_size:
            self.virtual_size = size
            self.refresh()
        return more

    def _sift(self, wanted: Callable[[Event], bool]) -> bool:
        assert self._trace is not None
        until = min(len(self._trace), self._seen + 2_000)
        for number in range(self._seen, until):
            event = self._trace.event(number)
            if event is not None and wanted(event):
                self._found.append(number)
        self._seen = until
        return self._seen < len(self._trace)

    @property
    def count(self) -> int:
        """How many lines there are to show, as far as the trace has been looked through."""
        return len(self._found) if self._wanted is not None else len(self._trace) if self._trace is not None else 0

    @property
    def looked_through(self) -> int:
        """How many events have been looked at for the filter."""
        return self._seen if self._wanted is not None else self.count

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
        assert self._trace is not None
        return self._trace.event(self._found[line] if self._wanted is not None else line)

    def render_line(self, y: int) -> Strip:
        line = self.scroll_offset.y + y
        event = self.event_at(line)
        if event is None:
            return Strip.blank(self.size.width, self.rich_style)
        if self._start is None:
            first = self._trace.event(0) if self._trace is not None else None
            self._start = first.time_ns if first is not None else event.time_ns
        style = Style.parse(_style(event))
        if line == self.cursor:
            style += Style.parse(_CURSOR)
        text = f"{event.seq:>7} {(event.time_ns - self._start) / 1e6:>10.1f}ms  {_said(event)}"
        strip = Strip([Segment(text, self.rich_style + style)])
        left = self.scroll_offset.x
        return strip.crop_extend(left, left + self.size.width, self.rich_style + style)

    def watch_cursor(self) -> None:
        self.refresh()
        self.post_message(self.At(self.event_at(self.cursor)))

    def on_click(self, event: object) -> None:
        self._move_to(self.scroll_offset.y + int(getattr(event, "y", 0)))

    def action_move(self, by: int) -> None:
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._move_to(self.cursor + by * max(1, self.size.height - 1))

    def action_edge(self, last: int) -> None:
        self._move_to(self.count - 1 if last else 0)

    def _move_to(self, line: int) -> None:
        self.cursor = max(0, min(line, self.count - 1))
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self.cursor < top + height:
            self.scroll_to(y=self.cursor - height // 2, animate=False)


def _said(event: Event) -> str:
    """An event in a line: `db          write  deny(EIO) /data/wal`."""
    fields = event.fields
    kind = fields.get("syscall") or (f"{event.type} {fields['op']}" if fields.get("op") else event.type)
    words = [fields[name] for name in PLAIN if fields.get(name)]
    words += [f"{name}={value}" for name, value in fields.items() if value and name not in QUIET and name not in PLAIN]
    return f"{event.service:<12} {kind:<16} {' '.join(' '.join(words).split())}"[:_WIDTH]


def _style(event: Event) -> str:
    fields = event.fields
    if event.type == "service_exited" and fields.get("expected") != "true":
        return _BAD
    if fields.get("ok") == "false" or fields.get("error"):
        return _BAD
    if fields.get("decision", "").startswith(("deny", "delay")) or fields.get("rule"):
        return _RULE
    if event.type.startswith(("step_", "fault_", "partition_")):
        return _STEP
    return _QUIET if event.type in ("process", "syscall", "file", "socket") else ""
