"""A trace as lines that a second run of the same thing would give again.

What a strand holds came from one place in one order: what one service printed, its life, its calls of one kind, the
driver's steps. Between strands the order is the scheduler's. What rules decided is left out: that is compared
call by call (`decisions`).
"""

from __future__ import annotations

from collections.abc import Iterable

from faultbox.evidence.decisions import is_decision
from faultbox.evidence.masks import masked
from faultbox.model.event import Event

Strand = tuple[str, str]
"""Service and what of it: `steps`, `life`, `faults`, or a type of events."""

_DRIVER = "driver"
_GROUPS = {
    "step_send": "steps", "step_recv": "steps",
    "service_started": "life", "service_ready": "life", "service_exited": "life", "service_detached": "life",
    "service_restarted": "life",
    "fault_applied": "faults", "fault_removed": "faults", "partition_applied": "faults",
    "partition_removed": "faults", "severed": "faults",
}  # fmt: skip
_OURS = frozenset({*_GROUPS, "syscall", "process", "socket", "file", "proxy"})
"""Types whose fields have our own names; those of others are what a service or a probe says."""
_ACCIDENTAL = frozenset(
    {"pid", "tid", "parent", "fd", "step", "size", "result", "local", "connections", "packets", "turn"}
    | {"bytes", "bytes_sent", "bytes_received", "duration_ms", "lasted_ms", "took_us"}
)
"""Fields of ours whose values are measured, or given by the kernel."""


def strands(events: Iterable[Event]) -> dict[Strand, list[str]]:
    """The lines of a trace by strand."""
    found: dict[Strand, list[str]] = {}
    steps = _Steps()
    for event in events:
        group = _GROUPS.get(event.type, event.type)
        if is_decision({"type": event.type, "fields": event.fields}) or _is_stop(event):
            continue
        service = _DRIVER if group == "steps" else event.service
        found.setdefault((service, group), []).extend(steps.take(event) if group == "steps" else [_line(event)])
    if rest := steps.rest():
        found[_DRIVER, "steps"] += rest
    return {strand: lines for strand, lines in found.items() if lines}


def _is_stop(event: Event) -> bool:
    """How a service ends when it is told to is a race between it and our patience."""
    return event.type == "service_exited" and event.fields.get("expected") == "true"


def _line(event: Event) -> str:
    left_out = _ACCIDENTAL if event.type in _OURS else frozenset()
    words = [f"{name}={masked(value)}" for name, value in event.fields.items() if name not in left_out]
    return " ".join([event.type, *words])


class _Steps:
    """Steps that overlap have no order among themselves: their lines are sorted once all of them are over."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._lines: list[str] = []

    def take(self, event: Event) -> list[str]:
        number = event.fields.get("step", "")
        if event.type == "step_send":
            self._open.add(number)
        else:
            self._open.discard(number)
        self._lines.append(_line(event))
        return [] if self._open else self.rest()

    def rest(self) -> list[str]:
        lines, self._lines = sorted(self._lines), []
        return lines
