"""The swim lanes of a case: who was busy when, where faults met whom, and where it broke."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from faultbox.tui import words
from faultbox.tui.lanes import Lanes, Mark

_NAME = 14
"""Characters of a lane's name."""
_LOOKS = {
    Mark.NOTHING: (" ", ""),
    Mark.SEEN: ("·", "dim"),
    Mark.STEP: ("s", "cyan"),
    Mark.LIFE: ("|", "green"),
    Mark.FAULT: ("F", "yellow"),
    Mark.BAD: ("X", "bold red"),
}
LEGEND = "s step   F a fault at work   X it went wrong   | starts, ready, ends   · other events"


class Timeline(Static):
    """A line a lane, a letter for the most telling event of each moment."""

    def show(self, lanes: Lanes, sorted_: int, events: int) -> None:
        """Draw it anew. `sorted_` of so many `events` are in the lanes."""
        width = max(20, self.content_size.width - _NAME - 2)
        text = Text(no_wrap=True)
        text.append(f"{'':{_NAME}} 0ms{words.duration(lanes.length_ns / 1e6):>{width - 3}}\n", "dim")
        for name, marks in lanes.drawn(width).items():
            text.append(f"{words.plain(name)[:_NAME]:<{_NAME}} ", "bold")
            for mark in marks:
                text.append(*_LOOKS[mark])
            text.append("\n")
        text.append(f"\n{LEGEND}\n", "dim")
        if sorted_ < events:
            text.append(f"{sorted_} of {events} events so far\n", "yellow")
        self.update(text)
