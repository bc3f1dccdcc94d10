"""A trace as swim lanes: a lane a service, time from left to right, in every place the most telling event of it."""

from __future__ import annotations

from enum import IntEnum

from faultbox.model.event import Event

_SLOTS = 1024
"""Places of a lane. Once a trace outgrows them, each comes to stand for twice the time."""
_FIRST_SLOT_NS = 1_000


class Mark(IntEnum):
    """What a place shows, the more telling the higher."""

    NOTHING = 0
    SEEN = 1
    STEP = 2
    LIFE = 3
    FAULT = 4
    BAD = 5


def mark_of(event: Event) -> Mark:
    """How much an event tells."""
    fields = event.fields
    if event.type == "service_exited":
        return Mark.LIFE if fields.get("expected") == "true" else Mark.BAD
    if event.type.startswith("step_"):
        return Mark.BAD if fields.get("ok") == "false" else Mark.STEP
    if event.type == "monitor_violated":
        return Mark.BAD
    if event.type == "syscall" and fields.get("decision", "").startswith(("deny", "delay")):
        return Mark.FAULT
    if fields.get("rule") or event.type.startswith(("fault_", "partition_", "severed")):
        return Mark.FAULT
    return Mark.LIFE if event.type.startswith("service_") else Mark.SEEN


class Lanes:
    """Takes events in any order, however many; holds a fixed number of places for each service."""

    def __init__(self) -> None:
        self._start: int | None = None
        self._slot_ns = _FIRST_SLOT_NS
        self._lanes: dict[str, bytearray] = {}
        self._last = 0

    @property
    def length_ns(self) -> int:
        """From the first event to the last one."""
        return self._last - self._start if self._start is not None else 0

    def take(self, event: Event) -> None:
        """Put an event in its lane; one that is older than the first one stands where that stands."""
        if self._start is None:
            self._start = self._last = event.time_ns
        self._last = max(self._last, event.time_ns)
        offset = max(0, event.time_ns - self._start)
        while offset // self._slot_ns >= _SLOTS:
            self._fold()
        name = "driver" if event.type.startswith("step_") else event.service
        lane = self._lanes.setdefault(name, bytearray(_SLOTS))
        at = offset // self._slot_ns
        lane[at] = max(lane[at], mark_of(event))

    def drawn(self, width: int) -> dict[str, list[Mark]]:
        """Every lane in that many places, from the first event to the last one."""
        used = self.length_ns // self._slot_ns + 1
        return {name: [_most(lane, at, used, width) for at in range(width)] for name, lane in list(self._lanes.items())}

    def _fold(self) -> None:
        self._slot_ns *= 2
        for lane in self._lanes.values():
            halves = [max(lane[at], lane[at + 1]) for at in range(0, _SLOTS, 2)]
            lane[:] = bytes(halves) + bytes(_SLOTS - len(halves))


def _most(lane: bytearray, at: int, used: int, width: int) -> Mark:
    """What stands in the `at`-th of `width` equal parts of the places that are used."""
    first = at * used // width
    return Mark(max(lane[first : max(first + 1, (at + 1) * used // width)], default=0))
