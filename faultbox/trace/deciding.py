"""The few events of a case that are worth showing when it went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faultbox.model.event import Event

MOST = 12
_WIDTH = 160
PLAIN = ("target", "method", "decision", "path", "peer", "status", "raw", "text")
"""Fields that are shown without their name, in this order; all others as name=value."""
QUIET = frozenset(
    {"syscall", "family", "pid", "fd", "kind", "errno", "op", "rule", "label", "size", "delay_ms"}
    | {"protocol", "side", "interface", "step", "summary", "status_code", "ok", "duration_ms", "expected"}
)
"""Fields that say nothing more beside the others."""


def deciding(events: Sequence[Event], named: Sequence[Event] = (), most: int = MOST) -> list[dict[str, Any]]:
    """At most `most` events in order: the named ones, unexpected ends, failed steps, calls that rules met.

    They have the shape of a line of events.jsonl, and `ms` since the case's first event. Of several
    that differ only in time the first is given, with `times`: how many there were.
    """
    seqs = {event.seq for event in named}
    groups: dict[tuple[str, ...], list[Event]] = {}
    for event in events:
        if event.seq in seqs or _rank(event) is not None:
            groups.setdefault(_sameness(event, apart=event.seq in seqs), []).append(event)
    ranked = sorted(groups.values(), key=lambda group: (group[0].seq not in seqs, _rank(group[0]) or 0, group[0].seq))
    chosen = sorted(ranked[:most], key=lambda group: group[0].seq)
    start = events[0].time_ns if events else 0
    return [_shape(group, start) for group in chosen]


def render(shape: Mapping[str, Any]) -> str:
    """One of those in one line: `#17 +210ms db write deny(EIO) /data/wal (3 times)`."""
    fields: Mapping[str, str] = shape["fields"]
    words = [f"#{shape['seq']}", f"+{shape['ms']:.0f}ms", shape["service"], fields.get("syscall") or shape["type"]]
    words += [fields[name] for name in PLAIN if fields.get(name)]
    words += [f"{name}={value}" for name, value in fields.items() if value and name not in QUIET and name not in PLAIN]
    line = " ".join(" ".join(words).split())
    if len(line) > _WIDTH:
        line = line[: _WIDTH - 3] + "..."
    return line + (f" ({shape['times']} times)" if shape.get("times", 1) > 1 else "")


def _rank(event: Event) -> int | None:
    """How much an event tells by itself, 0 the most; None when nothing."""
    if event.type == "service_exited" and event.fields.get("expected") != "true":
        return 0
    if event.type == "step_recv" and event.fields.get("ok") == "false":
        return 1
    if event.type == "syscall" and event.fields.get("decision", "").startswith(("deny", "delay")):
        return 2
    if event.type == "proxy" and event.fields.get("rule"):
        return 2
    return None


def _sameness(event: Event, *, apart: bool) -> tuple[str, ...]:
    if apart:
        return (str(event.seq),)
    names = ("syscall", "decision", "path", "peer", "target", "method", "status", "error")
    return (event.type, event.service, *(event.fields.get(name, "") for name in names))


def _shape(group: Sequence[Event], start_ns: int) -> dict[str, Any]:
    first = group[0]
    shape = {**first.as_json(), "ms": round((first.time_ns - start_ns) / 1e6, 3)}
    if len(group) > 1:
        shape["times"] = len(group)
    return shape
