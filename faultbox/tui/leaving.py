"""The question that a run's end is asked with."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label


class Leaving(ModalScreen[bool]):
    """A run goes: end it and leave?"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "end it"),
        Binding("n,escape,q", "answer(False)", "stay"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="question"):
            yield Label("A run goes. End it? What has finished is kept.")
            with Horizontal():
                yield Button("End it (y)", id="yes", variant="error")
                yield Button("Stay (n)", id="no", variant="primary")

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, sure: bool) -> None:
        self.dismiss(sure)
