"""What must be said of a run as a whole is said below the matrix, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from faultbox.model.source import Position, Problem
from faultbox.model.update import Refused, RunDone, RunStarted
from faultbox.model.verdict import DeadAssumption, RunResult
from faultbox.tui import Desk, Finished
from faultbox.tui.remarks import remarks


def test_everything_that_a_run_says(desk: Desk, hand: Any, drained: Callable[..., None]) -> None:
    warning = Problem("UNUSED", "db_slow is never used", Position("x.star", 4, 2))
    started = RunStarted(1, "cli", "x.star", (), (), (), ("No BPF here",), (warning,))
    dead = DeadAssumption("disk_full", "x.star:9:1", ())
    result = RunResult(1, (), dead=(dead,), warnings=("one was quiet",), errors=("it broke",))
    desk.start()
    hand.give(started, RunDone(result), Finished(Path("/run.fb"), ("Kept: /x",), ("no evidence: disk full",)))
    drained(lambda: not desk.busy, "the run to end")
    assert [line for line, _ in remarks(desk)] == [
        "error: no evidence: disk full",
        "error: it broke",
        "dead: disk_full fired in no case (x.star:9:1)",
        "warning: one was quiet",
        "x.star:4:2: [UNUSED] db_slow is never used",
        "No BPF here",
        "Kept: /x",
        "bundle: /run.fb",
    ]


def test_a_refusal_says_what_to_do(desk: Desk, hand: Any, drained: Callable[..., None]) -> None:
    desk.start()
    hand.give(Refused("this kernel is too old", "use Linux 5.19 or newer", 3), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    assert [line for line, _ in remarks(desk)] == ["refused: this kernel is too old", "  use Linux 5.19 or newer"]
