"""The tree of what a step caused, as data and as a few lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from faultbox.model.event import Event
from faultbox.model.observation import EDGE
from faultbox.trace.causes import Causes, Request

MOST_LINES = 14
_MOST_EVENTS = 1000
"""Of one request, that are named by their numbers."""
_MOST_KINDS = 12
_KINDS_SHOWN = 3
_WIDTH = 160


def shapes(causes: Causes, start_ns: int) -> list[dict[str, Any]]:
    """The trees of all steps, as bundles have them."""
    return [shape(step, start_ns) for step in causes.steps]


def shape(node: Request, start_ns: int, *, answered_ns: int = 0) -> dict[str, Any]:
    """A tree as docs/reference/bundle-format.md has it. `at_ms` counts from `start_ns`; `answered_ns`: when the request
    was answered for which this one was made, 0 where it was not."""
    found: dict[str, Any] = {
        "service": node.service,
        "caller": node.caller,
        "at_ms": _ms(node.asked_ns - start_ns),
        "total_ms": _ms(node.total_ns) if node.heard_ns else None,
        "service_ms": _ms(node.service_ns) if node.answered_ns else None,
        "waiting_ms": _ms(node.waiting_ns),
        "between_ms": _ms(node.between_ns),
        "proxied": node.proxied,
        "merged": node.merged,
        "late": 0 < answered_ns <= node.asked_ns,
        "events": [event.seq for event in node.events[:_MOST_EVENTS]],
        "did": _did(node.events),
        "requests": [shape(each, start_ns, answered_ns=node.answered_ns) for each in node.requests],
        "possible": {
            "requests": dict(sorted(Counter(each.service for each in node.possible).items())),
            "events": [event.seq for event in node.possible_events[:_MOST_EVENTS]],
        },
    }
    if node.step is not None:
        names = ("step", "target", "method", "summary")
        found = {**{name: node.step.fields.get(name, "") for name in names}, **found}
    return found


def deciding_step(causes: Causes, named: Sequence[Event]) -> Request | None:
    """The step that a verdict is about: that of a named event, else the last that failed, else the last."""
    for event in named:
        number = event.fields.get("step")
        own = [step for step in causes.steps if step.step is not None and step.step.fields.get("step") == number]
        found = own[0] if own and number else causes.step_of(event)
        if found is not None:
            return found
    failed = [step for step in causes.steps if step.failed]
    return next(reversed(failed or causes.steps), None)


def render(tree: Mapping[str, Any]) -> list[str]:
    """What a step caused in a few lines, what took longest first, each with the time spent in it."""
    lines = [_line(tree), *(f"{'  ' * depth}{text}" for depth, text in _below(tree, 1))]
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES + 1
        lines = [*lines[: MOST_LINES - 1], f"  ... {left} lines more: the bundle has them"]
    return [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..." for line in lines]


def _below(tree: Mapping[str, Any], depth: int) -> Iterator[tuple[int, str]]:
    for each in sorted(tree["requests"], key=lambda each: (each["total_ms"] is not None, -(each["total_ms"] or 0))):
        yield depth, _line(each)
        yield from _below(each, depth + 1)
    possible: Mapping[str, int] = tree["possible"]["requests"]
    if possible:
        among = ", ".join(f"{count} to {service}" for service, count in possible.items())
        yield depth, f"not known whether for this or something else: {among}"


def _line(tree: Mapping[str, Any]) -> str:
    if "step" in tree:
        words = ["step", tree["step"], tree["target"], tree["method"], tree["summary"]]
    elif tree["service"] == EDGE:
        words = ["answered by the proxy"]
    else:
        words = [tree["service"] or "an unknown service", "(through its proxy)" if tree["proxied"] else ""]
        words.append("(requests that overlap)" if tree["merged"] else "")
        words.append("(after the answer)" if tree.get("late") else "")
    total, waiting, between = tree["total_ms"], tree["waiting_ms"], tree["between_ms"]
    times = ["no answer" if total is None else f"{total:g}ms"]
    if waiting:
        times.append(f"{waiting:g}ms of them waiting for others")
    if total and between > total / 2:
        times.append(f"{between:g}ms on the way")
    return f"{' '.join(filter(None, words))}: {', '.join(times)}{_summary(tree['did'])}"


def _summary(did: Sequence[Sequence[Any]]) -> str:
    said = [f"{what} ({count} times)" if count > 1 else str(what) for what, count in did[:_KINDS_SHOWN]]
    more = [f"{len(did) - len(said)} kinds more"] if len(did) > len(said) else []
    return "; " + ", ".join(said + more) if said else ""


def _did(events: Iterable[Event]) -> list[list[Any]]:
    """The kinds of things that were done and how often: what a rule or an error met first, then the rarest."""
    kinds = Counter(_kind(event) for event in events)
    ranked = sorted(kinds.items(), key=lambda item: (not item[0][1], item[1], item[0]))
    return [[f"{text} {met}".strip(), count] for (text, met), count in ranked[:_MOST_KINDS]]


def _kind(event: Event) -> tuple[str, str]:
    """What was done, and what met it: ("write /data/wal", "deny(EIO)")."""
    fields = event.fields
    printed = event.type in ("stdout", "stderr", "tail")
    what = event.type if printed else fields.get("syscall") or fields.get("op") or event.type
    where = fields.get("event", "") if printed else fields.get("path") or fields.get("peer") or ""
    decision = fields.get("decision", "")
    met = "" if decision in ("", "allow", "pass") else decision
    if not met and fields.get("errno"):
        met = f"failed ({fields['errno']})"
    return f"{what} {where}".strip(), met


def _ms(length_ns: int) -> float:
    return round(length_ns / 1e6, 3)
