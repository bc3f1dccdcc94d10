"""The line on top: what is run, how far it is, what it found."""

from __future__ import annotations

from collections import Counter

from rich.text import Text
from textual.widgets import Static

from faultbox.model.verdict import Verdict
from faultbox.progress import Progress
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
        self._counts(text, progress)
        if desk.dead:
            text.append(f"  {len(desk.dead)} dead", "bold red")
        said = ", ".join(how(desk))
        text.append(f"  {said}" if said else "", "cyan")
        self.update(text, layout=False)  # it is one line, and laying all out anew costs more than drawing it

    def _counts(self, text: Text, progress: Progress) -> None:
        """How many cells are over, with which verdicts. They are gone through once: there may be thousands."""
        results = progress.results
        text.append(f"  {len(results)}/{len(progress.cells)}")
        found = Counter(each.verdict for each in results)
        for verdict, word, style in _COUNTED:
            if found[verdict]:
                text.append(f"  {found[verdict]} {word}", style)
        if quiet := sum(each.exercised is False and each.verdict is Verdict.PASSED for each in results):
            text.append(f"  {quiet} not exercised", "yellow")
        if old := len(progress.stale):
            text.append(f"  {old} old", "dim")


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
