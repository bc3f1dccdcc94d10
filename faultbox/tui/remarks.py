"""What is to be said of the run as a whole and must not scroll away: why it can't be run, what is dead, its bundle."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from faultbox.model.source import Problem
from faultbox.model.update import Refused, SpecRefused
from faultbox.tui import words
from faultbox.tui.desk import Desk

Line = tuple[str, str]
"""A text and its style."""


class Remarks(VerticalScroll, can_focus=False):
    """A few lines below the matrix; gone where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__(id="remarks")
        self._shown: tuple[Line, ...] | None = None
        self._text = Static()

    def compose(self) -> Iterator[Static]:
        yield self._text

    def show(self, desk: Desk) -> None:
        """Draw it anew, if something has changed."""
        lines = tuple(remarks(desk))
        if lines == self._shown:
            return
        self._shown = lines
        text = Text("\n").join(Text(words.plain(line), style) for line, style in lines)
        self._text.update(text)
        self.set_class(not lines, "nothing")
        self.set_class(desk.progress.refusal is not None, "refused")


def remarks(desk: Desk) -> Iterator[Line]:
    """Every line, the worst first."""
    progress = desk.progress
    if isinstance(progress.refusal, SpecRefused):
        yield (
            "the spec can't be run" + ("; what is shown is of the one before it" if progress.cells else ""),
            "bold red",
        )
        yield from (line for problem in progress.refusal.problems for line in _problem(problem, "red"))
    elif isinstance(progress.refusal, Refused):
        yield f"refused: {progress.refusal.reason}", "bold red"
        yield from ((f"  {line}", "") for line in progress.refusal.advice.splitlines())
    yield from ((f"error: {each}", "bold red") for each in desk.troubles)
    result, started = progress.result, progress.started
    if result is not None:
        yield from ((f"error: {each}", "bold red") for each in result.errors)
    yield from ((f"dead: {each.name} fired in no case ({each.position})", "bold red") for each in desk.dead)
    if result is not None:
        yield from ((f"warning: {each}", "yellow") for each in result.warnings)
    if started is not None:
        yield from (line for problem in started.warnings for line in _problem(problem, "yellow"))
        yield from ((each, "") for each in started.notes)
    yield from ((each, "") for each in progress.prints[-5:])
    yield from ((each, "") for each in desk.notes)
    if desk.bundles:
        yield f"bundle: {desk.bundles[-1]}", "dim"


def _problem(problem: Problem, style: str) -> Iterator[Line]:
    yield from ((line, style if number == 0 else "") for number, line in enumerate(str(problem).splitlines()))
