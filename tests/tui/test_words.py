"""Verdicts are words beside their colours, and what others wrote can't command the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from faultbox.model.verdict import Verdict
from faultbox.progress import Cell
from faultbox.tui import words


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(12, "12ms"), (999, "999ms"), (1500, "1.5s"), (59_900, "59.9s"), (125_000, "2m05")]
)
def test_durations(milliseconds: float, text: str) -> None:
    assert words.duration(milliseconds) == text


@pytest.mark.parametrize(("count", "text"), [(812, "812B"), (3_500_000, "3.3M"), (40_000, "39K"), (1 << 45, "32768G")])
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed() -> None:
    assert words.plain("\x1b]0;title\x07 \x9b31m tab\tline\n\r") == "\\x1b]0;title\\x07 \\x9b31m tab\tline\n\\x0d"


def test_a_cell_says_in_words_how_it_is(spools: Any) -> None:
    info = spools.cell("order", "down")
    cell = Cell(info)
    assert words.cell(cell, 0.0, 0).plain == "·"
    assert words.cell(cell, 0.0, 0, over=True).plain == "not run"
    cell.started, cell.since, cell.so_far = object(), 1.0, 3  # type: ignore[assignment]
    assert words.cell(cell, 1.25, 0).plain == "⠋ 250ms ×3"
    assert words.cell(cell, 1.25, 0, over=True).plain == "not run"
    shown = []
    for verdict, more in (
        (Verdict.PASSED, {"exercised": False}),
        (Verdict.FAILED, {"rules": (spools.rule(fired=4),)}),
        (Verdict.INCONCLUSIVE, {}),
    ):
        cell.result = spools.result(info, verdict, **more)
        shown.append(words.cell(cell, 9.0, 0).plain)
    assert shown == ["○ PASS 12ms", "FAIL 12ms ×4", "INCONCLUSIVE"]
    cell.stale = True
    assert words.cell(cell, 9.0, 0).plain == "old INCONCLUSIVE"
