"""One cell from inside: what came of it, its events, rules and logs, and how it differs from its control."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane

from faultbox.evidence.query import BadFilter, parse
from faultbox.model.event import Event
from faultbox.model.update import CaseStarted
from faultbox.progress import Cell
from faultbox.tui import words
from faultbox.tui.contrasting import Contrasting
from faultbox.tui.desk import Desk
from faultbox.tui.detail import about
from faultbox.tui.dossier import Dossier, read
from faultbox.tui.events import EventList
from faultbox.tui.kernel import observed
from faultbox.tui.live import Glance
from faultbox.tui.timeline import Timeline
from faultbox.tui.trace import Reader

_TURN_S = 0.1
_LOOK_S = 0.5
_HINT = "filter, as type=syscall service=db decision=deny*"


class CaseScreen(Screen[None]):
    """Tabs; all of them grow while the case runs, and begin anew when it is run again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "back"),
        *(Binding(str(at), f"tab('{name}')", name, show=False)
          for at, name in enumerate(("outcome", "timeline", "events", "logs", "kernel", "control"), start=1)),
        Binding("slash", "find", "filter"),
        Binding("b", "first_bad", "first bad event"),
        Binding("r", "app.rerun_cell", "rerun"),
        Binding("question_mark", "app.help", "help", key_display="?"),
    ]  # fmt: skip

    def __init__(self, cell: Cell, desk: Desk) -> None:
        super().__init__()
        self.cell = cell
        self.glance: Glance | None = None
        self._desk = desk
        self._reader: Reader | None = None
        self._of: CaseStarted | None = None
        self._final = False
        self._reading = False
        # Held, not looked for: a turn may still come while the screen is being taken down.
        self._title, self._about, self._logs, self._kernel = Static(id="title"), Static(), Static(), Static()
        self._events, self._event, self._filter = EventList(), Static(id="event"), Input(placeholder=_HINT)
        self._lanes, self._contrast, self._tabs = Timeline(), Contrasting(), TabbedContent(initial="outcome")

    def compose(self) -> ComposeResult:
        yield self._title
        with self._tabs:
            with TabPane("1 Outcome", id="outcome"), VerticalScroll():
                yield self._about
            with TabPane("2 Timeline", id="timeline"), VerticalScroll():
                yield self._lanes
            with TabPane("3 Events", id="events"):
                yield self._filter
                yield self._events
                yield self._event
            with TabPane("4 Logs", id="logs"), VerticalScroll():
                yield self._logs
            with TabPane("5 Kernel", id="kernel"), VerticalScroll():
                yield self._kernel
            with TabPane("6 Control", id="control"), VerticalScroll():
                yield self._contrast
        yield Footer()

    def on_mount(self) -> None:
        self._look()
        self.set_interval(_TURN_S, self._turn)
        self.set_interval(_LOOK_S, self._look)

    def on_unmount(self) -> None:
        if self._reader is not None:
            self._reader.close()

    # -- what is drawn when

    def _turn(self) -> None:
        """What the reader has found meanwhile."""
        self._events.work()
        self._draw_title()
        if self._reader is not None and self._tabs.active == "timeline":
            self._reader.draw_lanes()
            if self._reader.lanes is not None:
                self._lanes.show(self._reader.lanes, self._reader.laned, len(self._reader.trace))

    def _look(self) -> None:
        """What the case's files say; for the last time once they are whole."""
        if self.cell.started is not self._of:
            self._of, self._final = self.cell.started, False
            self._forget()
        if self._final or self._reading:
            return
        over = not self._desk.busy
        self._about.update(about(self.cell, self.glance, over=over))
        self._reading = True
        place, of, last = self._desk.place_of(self.cell), self._of, self.cell.result is not None
        with_trace = self._reader is None

        def reading() -> None:
            found = read(place, with_trace=with_trace)
            self.app.call_from_thread(self._show, found, last=last, of=of)

        self.run_worker(reading, thread=True, group="files")

    def _show(self, found: Dossier | None, *, last: bool, of: CaseStarted | None) -> None:
        self._reading = False
        if of is not self._of or not self.is_attached:
            if found is not None and found.trace is not None:
                found.trace.close()
            return
        self._draw_kernel(found)
        if found is None:
            return
        self._final = last
        if found.trace is not None:
            self._reader = Reader(found.trace)
            self._events.show(self._reader)
        self._logs.update(_logs(found))

    def _draw_kernel(self, found: Dossier | None) -> None:
        result = self.cell.result
        seen = observed(result.observed if result else None, found.changed if found is not None else ())
        self._kernel.update(seen)

    def _draw_title(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(words.plain(self.cell.info.id), "bold")
        text.append("  ")
        text.append_text(words.cell(self.cell, time.monotonic(), 0, over=not self._desk.busy))
        text.append(f"  {self._events.count} events", "dim")
        search = self._reader.search if self._reader is not None else None
        if self._reader is not None and search is not None:
            text.append(f" of {len(self._reader.trace)}", "dim")
            if search.seen < len(self._reader.trace):
                text.append(f", {search.seen * 100 // len(self._reader.trace)}% looked through", "yellow")
        self._title.update(text, layout=False)  # one line, drawn anew ten times a second

    def _forget(self) -> None:
        """The case has begun anew, and its trace with it."""
        self._events.show(None)
        self._contrast.forget()
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    # -- what the user does

    def on_event_list_at(self, message: EventList.At) -> None:
        self._event.update(_whole(message.event))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        try:
            self._events.filter(parse(message.value) if message.value.strip() else None)
        except BadFilter as error:
            self.notify(f"{error}: {error.advice}", severity="error", markup=False)
            return
        self._events.focus()

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        if event.pane.id == "control":
            self._contrast.show(self._desk, self.cell)
        if self.focused is self._filter and event.pane.id == "events":
            return
        reader = self._events if event.pane.id == "events" else event.pane.query_one(VerticalScroll)
        reader.focus()

    def action_tab(self, name: str) -> None:
        self._tabs.active = name

    def action_find(self) -> None:
        self.action_tab("events")
        self.set_focus(self._filter)  # at once: what is typed next is the filter, and no key of ours

    def action_first_bad(self) -> None:
        """Go to the first event that decided the verdict."""
        result = self.cell.result
        if result is None or not result.deciding:
            self.notify("nothing here says which event decided it")
            return
        self.action_tab("events")
        self._filter.value = ""
        self._events.filter(None)
        self._events.go_to(int(result.deciding[0]["seq"]))

    def action_close(self) -> None:
        self.dismiss()


def _logs(found: Dossier) -> Text:
    text = Text()
    for name, content in found.logs.items():
        text.append(f"\n{words.plain(name)}\n", "bold")
        text.append(words.plain(content) or "  (nothing)\n", "" if content else "dim")
    return text or Text("\nno service has written anything\n", "dim")


def _whole(event: Event | None) -> Text:
    """All fields of an event."""
    if event is None:
        return Text("")
    text = Text.assemble((words.plain(f"#{event.seq} {event.type} of {event.service}  "), "bold"))
    for name, value in event.fields.items():
        text.append(f"{words.plain(name)}=", "dim")
        text.append(f"{words.plain(value)}  ")
    return text
