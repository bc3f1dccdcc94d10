"""What lasts, on a timeline: steps from send to answer, faults while they are armed, services from start to exit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 5_000
"""Spans of a case that are kept."""

_LIVES = ("service_started", "service_restarted")
_SCOPES = {
    "fault_applied": "fault_removed",
    "partition_applied": "partition_removed",
}
_ENDS = {end: start for start, end in _SCOPES.items()}


class Spans:
    """Made from all events of a case in order. Times are ns of the trace's clock; an open end is None."""

    def __init__(self) -> None:
        self._spans: list[dict[str, Any]] = []
        self._open: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self.left_out = 0

    def add(self, time_ns: int, kind: str, service: str, fields: Mapping[str, str]) -> None:
        if kind in {"step_send", "step_recv"}:
            self._step(time_ns, kind, service, fields)
        elif kind in _SCOPES:
            self._begin(("scope", kind, *_scope(service, fields)), time_ns, "fault", service, _armed(kind, fields))
        elif kind in _ENDS:
            self._end(("scope", _ENDS[kind], *_scope(service, fields)), time_ns)
        elif kind in _LIVES:
            self._begin(("life", service), time_ns, "life", service, kind)
        elif kind == "service_ready":
            self._ready(service, time_ns)
        elif kind == "service_exited":
            self._end(("life", service), time_ns)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._spans)

    def _step(self, time_ns: int, kind: str, service: str, fields: Mapping[str, str]) -> None:
        key = ("step", fields.get("step", ""), fields.get("target", ""))
        if kind == "step_send":
            text = f"{fields.get('target', '')}.{fields.get('method', '')}({fields.get('summary', '')})"
            self._begin(key, time_ns, "step", service, text)
        elif (span := self._end(key, time_ns)) is not None:
            span["ok"] = fields.get("ok") != "false"

    def _begin(self, key: tuple[str, ...], time_ns: int, kind: str, service: str, text: str) -> None:
        if len(self._spans) >= MOST:
            self.left_out += 1
            return
        span = {"kind": kind, "service": service, "text": text[:500], "start": time_ns, "end": None}
        self._spans.append(span)
        self._open.setdefault(key, []).append(span)

    def _end(self, key: tuple[str, ...], time_ns: int) -> dict[str, Any] | None:
        """Close the innermost span of that key."""
        spans = self._open.get(key)
        if not spans:
            return None
        span = spans.pop()
        span["end"] = time_ns
        return span

    def _ready(self, service: str, time_ns: int) -> None:
        for span in self._open.get(("life", service), [])[-1:]:
            span["ready"] = time_ns


def _scope(service: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """What an end shares with its beginning."""
    if "with" in fields:
        return (service, fields["with"])
    return (service, *(f"{name}={value}" for name, value in sorted(fields.items())))


def _armed(kind: str, fields: Mapping[str, str]) -> str:
    if kind == "partition_applied":
        return f"partition from {fields.get('with', '')}"
    return ", ".join(f"{name}={value}" for name, value in fields.items())
