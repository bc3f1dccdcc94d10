"""The ordered events that queries look at, in bounded memory."""

from __future__ import annotations

import threading

from faultbox.model.event import Event


class History:
    """Numbers events from 1 and keeps the newest `keep` of them (and at most a quarter more).

    One thread appends, any may read and wait.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._dropped = 0
        self._waiters = 0

    @property
    def count(self) -> int:
        """How many there have been: the number of the newest."""
        with self._changed:
            return self._dropped + len(self._events)

    @property
    def dropped(self) -> int:
        """How many of the oldest are no longer here."""
        return self._dropped

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the next event."""
        return self._waiters > 0

    def append(self, event: Event) -> Event:
        """Give the event its number."""
        with self._changed:
            number = self._dropped + len(self._events) + 1
            numbered = Event(event.time_ns, event.type, event.service, event.fields, event.data, number, event.origin)
            if len(self._events) >= self._keep + self._keep // 4:
                surplus = len(self._events) - self._keep + 1
                del self._events[:surplus]
                self._dropped += surplus
            self._events.append(numbered)
            if self._waiters:
                self._changed.notify_all()
        return numbered

    def after(self, number: int) -> tuple[list[Event], int]:
        """The events with greater numbers that are still here, and how many such are not."""
        with self._changed:
            return self._events[max(0, number - self._dropped) :], max(0, self._dropped - number)

    def wait(self, number: int, timeout_s: float) -> None:
        """Until there is a greater number, at most that long."""
        with self._changed:
            self._waiters += 1
            try:
                self._changed.wait_for(lambda: self._dropped + len(self._events) > number, timeout_s)
            finally:
                self._waiters -= 1
