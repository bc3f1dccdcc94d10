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
    (Verdict.INCONCLUSIVE, "inconclusive", "yellow"),
    (Verdict.HALTED, "halted", "yellow"),
)


class Status(Static):
    """`orders.star  seed 1  ⠋ 12.5s  12/28  10 passed, 2 failed  4 running, paused`."""

    def show(self, desk: Desk, began: float, now: float, frame: int) -> None:
        """Draw it anew."""
        progress = desk.progress
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(words.plain(desk.title), "bold")
        if progress.started is not None:
            text.append(f"  seed {progress.started.seed}", "dim")
        if desk.busy:
            text.append(f"  {words.SPINNER[frame % len(words.SPINNER)]} {words.duration((now - began) * 1000)}", "cyan")
        text.append(f"  {len(progress.results)}/{len(progress.cells)}")
        for verdict, word, style in _COUNTED:
            if count := progress.count(verdict):
                text.append(f"  {count} {word}", style)
        if progress.not_exercised:
            text.append(f"  {progress.not_exercised} not exercised", "yellow")
        if progress.stale:
            text.append(f"  {len(progress.stale)} old", "dim")
        if desk.dead:
            text.append(f"  {len(desk.dead)} dead", "bold red")
        said = ", ".join(how(desk))
        text.append(f"  {said}" if said else "", "cyan")
        self.update(text)


def how(desk: Desk) -> list[str]:
    """What the run does now, in words."""
    if desk.planning:
        return ["loading the spec"]
    said = []
    if desk.ending:
        said.append("ending: ^c once more kills it")
    elif desk.busy:
        running = len(desk.progress.running)
        said.append(f"{running} running" + (f" of {desk.jobs}" if desk.jobs is not None else ""))
    if desk.paused:
        said.append("PAUSED")
    if desk.fail_fast:
        said.append("stops at red")
    if desk.edited and desk.busy:
        said.append("edited")
    return said
