"""The line on top: what is run, how far it is, what it found."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from faultbox.model.verdict import Verdict
from faultbox.tui import words
from faultbox.tui.desk import Desk

_COUNTED = (
    (Verdict.PASSED, "passed", "green"),
    (Verdict.FAILED, "failed", "bold red"),
    (Verdict.ERRORED, "errored", "bold red"),
    (Verdict.INCONCLUSIVE, "unsure", "yellow"),
    (Verdict.HALTED, "halted", "yellow"),
)


class Status(Static):
    """`orders.star  seed 1  ⠋ 12/28  10 passed, 2 failed  4 worlds, paused`."""

    def show(self, desk: Desk, began: float, now: float, frame: int) -> None:
        """Draw it anew."""
        progress = desk.progress
        text = Text(desk.title, "bold", no_wrap=True, overflow="ellipsis")
        if progress.started is not None:
            text.append(f"  seed {progress.started.seed}", "dim")
        if desk.busy:
            text.append(f"  {words.SPINNER[frame % len(words.SPINNER)]} {words.duration((now - began) * 1000)}", "cyan")
        text.append(f"  {len(progress.done)}/{len(progress.cells)}")
        for verdict, word, style in _COUNTED:
            if count := progress.count(verdict):
                text.append(f"  {count} {word}", style)
        if progress.not_exercised:
            text.append(f"  {progress.not_exercised} not exercised", "yellow")
        if progress.result is not None and progress.result.dead:
            text.append(f"  {len(progress.result.dead)} dead", "bold red")
        text.append(self._how(desk), "dim")
        self.update(text)

    @staticmethod
    def _how(desk: Desk) -> str:
        said = []
        if desk.busy:
            running = len(desk.progress.running)
            said.append(f"{running} running" + (f" of {desk.jobs}" if desk.jobs is not None else ""))
        if desk.paused:
            said.append("paused")
        if desk.fail_fast:
            said.append("stops at the first failure")
        return "  " + ", ".join(said) if said else ""
