"""One order for the events of many lanes, none of which is known to be complete."""

from __future__ import annotations

import heapq

from faultbox.model.event import Event

_Waiting = tuple[int, int, int, Event]


class BrokenPromise(Exception):
    """A lane gave an event that it had promised not to have."""


class Merge:
    """Holds events back until every lane has promised that it has nothing older.

    A lane is a number; between events of one time the lower lane goes first, and within a lane
    the earlier arrival. Promises and events are in nanoseconds of one clock.
    """

    def __init__(self) -> None:
        self._promised: dict[int, int] = {}
        self._waiting: list[_Waiting] = []
        self._arrivals = 0

    def open(self, lane: int) -> None:
        self._promised[lane] = 0

    def close(self, lane: int) -> None:
        """Nothing waits for this lane any more; what it gave stays."""
        self._promised.pop(lane, None)

    def offer(self, lane: int, event: Event) -> None:
        """Take an event in. Raises BrokenPromise, the event being taken all the same."""
        self._arrivals += 1
        heapq.heappush(self._waiting, (event.time_ns, lane, self._arrivals, event))
        promised = self._promised.get(lane, 0)
        if event.time_ns < promised:
            raise BrokenPromise(f"gave an event {(promised - event.time_ns) / 1e6:g} ms older than it had promised")

    def promise(self, lane: int, time_ns: int) -> None:
        """All that happened in the lane before `time_ns` has been offered."""
        self._promised[lane] = max(self._promised[lane], time_ns)

    def watermark(self, now_ns: int) -> int:
        """The time before which the order is final: the least promise, and never later than now."""
        return min(now_ns, min(self._promised.values(), default=now_ns))

    def behind(self, time_ns: int) -> list[int]:
        """The lanes that have not promised as much."""
        return [lane for lane, promised in self._promised.items() if promised < time_ns]

    def pop(self, now_ns: int) -> Event | None:
        """The next event whose place is final, or None while there is none."""
        if not self._waiting or self._waiting[0][0] > self.watermark(now_ns):
            return None
        return heapq.heappop(self._waiting)[3]

    @property
    def oldest(self) -> int | None:
        """The time of the first event that is held back."""
        return self._waiting[0][0] if self._waiting else None
