"""One cell from inside: what came of it, its events, rules and logs, and how it differs from its control."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane

from faultbox.evidence.query import BadFilter, parse
from faultbox.model.event import Event
from faultbox.progress import Cell
from faultbox.tui import words
from faultbox.tui.detail import outcome
from faultbox.tui.events import EventList
from faultbox.tui.files import CaseFiles, Trace
from faultbox.tui.kernel import observed

_TURN_S = 0.05
_LOOK_S = 0.5


class CaseScreen(Screen[None]):
    """Tabs; the trace grows while the case runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "back"),
        Binding("1", "tab('outcome')", "outcome", show=False),
        Binding("2", "tab('events')", "events", show=False),
        Binding("3", "tab('logs')", "logs", show=False),
        Binding("4", "tab('kernel')", "kernel", show=False),
        Binding("slash", "find", "filter"),
        Binding("b", "first_bad", "first bad event"),
    ]

    def __init__(self, cell: Cell, open_files: Callable[[Cell], CaseFiles | None]) -> None:
        super().__init__()
        self._cell = cell
        self._open_files = open_files
        self._files: CaseFiles | None = None
        self._trace: Trace | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with TabbedContent(initial="outcome"):
            with TabPane("1 Outcome", id="outcome"), VerticalScroll():
                yield Static(id="outcome-text")
            with TabPane("2 Events", id="events"):
                yield Input(
                    placeholder="type=syscall service=db decision=deny*   (* and ? stand for anything)", id="filter"
                )
                yield EventList(id="list")
                yield Static(id="event")
            with TabPane("3 Logs", id="logs"), VerticalScroll():
                yield Static(id="logs-text")
            with TabPane("4 Kernel and files", id="kernel"), VerticalScroll():
                yield Static(id="kernel-text")
        yield Footer()

    def on_mount(self) -> None:
        self._look()
        self.set_interval(_TURN_S, self._work)
        self.set_interval(_LOOK_S, self._look)

    def on_unmount(self) -> None:
        self._close_files()

    def _close_files(self) -> None:
        for each in (self._trace, self._files):
            if each is not None:
                each.close()
        self._trace = self._files = None

    def _look(self) -> None:
        """Draw all that isn't the trace, which is done once the case is over."""
        if self._files is None:
            self._files = self._open_files(self._cell)
            self._trace = self._files.trace() if self._files is not None else None
            self.query_one(EventList).show(self._trace)
        self._draw_title()
        if self._cell.running or not getattr(self, "_drawn", False):
            self._drawn = not self._cell.running
            self._draw()

    def _draw_title(self) -> None:
        text = Text(self._cell.info.id, "bold", no_wrap=True, overflow="ellipsis")
        text.append("  ")
        text.append_text(words.cell(self._cell, self._cell.since, 0))
        events = self.query_one(EventList)
        text.append(f"  {events.count} events", "dim")
        self.query_one("#title", Static).update(text)

    def _draw(self) -> None:
        result = self._cell.result
        shown = outcome(result) if result is not None else Text("\nit runs\n", "cyan")
        self.query_one("#outcome-text", Static).update(shown)
        logs = self._files.logs() if self._files is not None else {}
        text = Text()
        for name, content in logs.items():
            text.append(f"\n{name}\n", "bold")
            text.append(content or "  (nothing)\n", "" if content else "dim")
        self.query_one("#logs-text", Static).update(
            text if logs else Text("\nno service has written anything\n", "dim")
        )
        changed = self._files.changed() if self._files is not None else []
        self.query_one("#kernel-text", Static).update(observed(result.observed if result else None, changed))

    def _work(self) -> None:
        if self.query_one(EventList).work():
            self._draw_title()

    def on_event_list_at(self, message: EventList.At) -> None:
        self.query_one("#event", Static).update(_whole(message.event))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        events = self.query_one(EventList)
        try:
            events.filter(parse(message.value) if message.value.strip() else None)
        except BadFilter as error:
            self.notify(f"{error}: {error.advice}", severity="error")
            return
        events.focus()

    def action_tab(self, name: str) -> None:
        self.query_one(TabbedContent).active = name

    def action_find(self) -> None:
        self.action_tab("events")
        self.query_one("#filter", Input).focus()

    def action_first_bad(self) -> None:
        """Go to the first event that decided the verdict."""
        result = self._cell.result
        if result is None or not result.deciding:
            self.notify("nothing here says which event decided it")
            return
        self.action_tab("events")
        events = self.query_one(EventList)
        events.focus()
        events.go_to(int(result.deciding[0]["seq"]))

    def action_close(self) -> None:
        self.dismiss()


def _whole(event: Event | None) -> Text:
    """All fields of an event."""
    if event is None:
        return Text("")
    text = Text(f"#{event.seq} {event.type} of {event.service}  ", "bold")
    for name, value in event.fields.items():
        text.append(f"{name}=", "dim")
        text.append(f"{value}  ")
    return text
