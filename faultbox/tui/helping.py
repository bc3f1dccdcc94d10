"""The keys, on one screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = (
    (
        "the matrix",
        (
            ("arrows", "another cell; the tables follow each other"),
            ("Enter", "look into the cell"),
            ("n", "the next cell that is not green"),
            ("r", "run this cell again (its control comes along)"),
            ("R", "run again all that is not green"),
            ("a", "run everything again"),
            ("p", "pause: start no further case; again: go on"),
            ("+  -", "more, fewer worlds at once"),
            ("x", "stop at the first red cell, or don't"),
            ("e", "edit the spec in $VISUAL or $EDITOR"),
            ("w", "run everything whenever the spec is saved, or don't"),
            ("o", "write the report of the last bundle and open it"),
            ("q  ^c", "leave; asks while a run goes"),
        ),
    ),
    (
        "a cell",
        (
            ("1 to 6", "outcome, timeline, events, logs, kernel, control"),
            ("/", "filter events: type=syscall service=db decision=deny*"),
            ("b", "the first event that decided the verdict"),
            ("r", "run it again"),
            ("Esc  q", "back to the matrix"),
        ),
    ),
    ("everywhere", (("^p", "all commands by name"), ("^z", "to the shell for now; fg comes back"))),
)


class Helping(ModalScreen[None]):
    """Any of Escape, q and ? closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "back")]

    def compose(self) -> ComposeResult:
        text = Text()
        for title, keys in KEYS:
            text.append(f"{title}\n", "bold")
            for key, what in keys:
                text.append(f"  {key:<9}", "cyan")
                text.append(f"{what}\n")
        text.append("\nPASS ○ PASS (no fault fired) FAIL ERROR INCONCLUSIVE HALTED   ×3 faults fired\n", "dim")
        text.append("· waits   — excluded   old: of the spec before it was edited", "dim")
        with VerticalScroll(id="help"):
            yield Static(text)
