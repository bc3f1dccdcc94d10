from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from faultbox.model.event import Event
from faultbox.trace.intake import Intake

INTERVAL = 20_000_000


def test_who_owes_an_answer_is_not_asked_again(clock: Any, source: Callable[..., Any]) -> None:
    intake = Intake(clock)
    mute = source("db", prompt=False)
    intake.open(mute)
    intake.append(Event(0, "x", "driver"))
    for _ in range(3):
        clock.now += INTERVAL
        intake.ask_laggards(INTERVAL)
    assert len(mute.asked) == 1
    assert intake.due_ns(INTERVAL) is None
    intake.close()


def test_who_has_answered_for_less_is_asked_again_after_the_interval(clock: Any, source: Callable[..., Any]) -> None:
    intake = Intake(clock)
    db = source("db")
    intake.open(db)
    asked = intake.ask_all()
    clock.now += 5
    intake.append(Event(0, "x", "driver"))
    intake.ask_laggards(INTERVAL)
    assert db.asked == [asked]
    assert intake.due_ns(INTERVAL) == asked + INTERVAL
    clock.now = asked + INTERVAL
    intake.ask_laggards(INTERVAL)
    assert db.asked == [asked, asked + INTERVAL]
    assert intake.pop() is not None
    intake.close()


def test_a_source_at_its_end_is_not_polled_though_its_descriptor_is_open(clock: Any) -> None:
    reader, writer = os.pipe()
    os.close(writer)

    class Ended:
        """A pipe after end of file: readable for ever."""

        name, promised, drained = "stdout of db", 0, 0

        def fileno(self) -> int:
            return -1 if self.drained else reader

        def ask(self, token: int) -> None: ...

        def drain(self) -> list[Event]:
            self.drained += 1
            return []

    ended = Ended()
    intake = Intake(clock)
    intake.open(ended)
    for _ in range(3):
        intake.wait(0)
    assert ended.drained == 1
    intake.close()
    os.close(reader)
