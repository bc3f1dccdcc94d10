"""The progress bar of a terminal, drawn by rich below the lines that stay."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from faultbox.cli.console.look import Look, visible


class Bar:
    """`━━━━━ 3/24 0:00:02 matrix_a_b, matrix_c_d`; gone without a trace when closed."""

    def __init__(self, total: int, look: Look) -> None:
        console = Console(
            file=sys.stdout,
            force_terminal=True,
            color_system="standard" if look.colour else None,
            no_color=not look.colour,
            width=look.width,
        )
        self._progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self._width = console.width
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def update(self, running: Sequence[str], *, advance: bool) -> None:
        """What runs now, and whether one more case has finished."""
        room = max(8, self._width - 48)
        text = visible(", ".join(running))
        text = text if len(text) <= room else text[: room - 3] + "..."
        self._progress.update(self._task, description=text, advance=1 if advance else 0)

    def above(self, lines: Sequence[str]) -> None:
        """Lines that stay, printed where the bar was; the bar moves down."""
        for line in lines:
            self._progress.console.print(Text.from_ansi(line), soft_wrap=True, highlight=False)

    def close(self) -> None:
        self._progress.stop()
