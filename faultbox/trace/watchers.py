"""Monitors: what looks at every event of a case, in order."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.host import CaseHalted


@frozen
class Violation:
    """A monitor's check raised at an event."""

    monitor: str
    event: Event
    error: Exception


@dataclass(eq=False)
class Watcher:
    """A check, run in a copy of the context in which it was made."""

    name: str
    check: Callable[[Event], object]
    context: contextvars.Context


class Watchers:
    """Those that still hold. One that has raised is not asked again."""

    def __init__(self, on_violation: Callable[[Violation], None] | None) -> None:
        self.violations: list[Violation] = []
        self._on_violation = on_violation
        self._holding: list[Watcher] = []

    def begin(self, watcher: Watcher, past: Sequence[Event]) -> None:
        """Show it what has happened, then let it take part."""
        self._holding.append(watcher)
        for event in past:
            if watcher in self._holding:
                self._ask(watcher, event)

    def show(self, event: Event) -> None:
        for watcher in tuple(self._holding):
            self._ask(watcher, event)

    def _ask(self, watcher: Watcher, event: Event) -> None:
        try:
            watcher.context.run(watcher.check, event)
        except CaseHalted:
            self._holding.remove(watcher)
        except Exception as error:  # noqa: BLE001 - a monitor is the user's code: all it raises is its finding
            self._holding.remove(watcher)
            violation = Violation(watcher.name, event, error)
            self.violations.append(violation)
            if self._on_violation is not None:
                self._on_violation(violation)
