"""The tree of what a step caused, as data and as a few lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from faultbox.model.event import Event
from faultbox.trace.causes import Causes, Request

MOST_LINES = 14
_MOST_SEQS = 1000
_WORTH = 3
"""Kinds of events that a line names."""


def shape(node: Request, start_ns: int) -> dict[str, Any]:
    """A tree as bundles have it (docs/reference/bundle-format.md). `at_ms` counts from `start_ns`."""
    found: dict[str, Any] = {
        "service": node.service,
        "caller": node.caller,
        "at_ms": _ms(node.asked_ns - start_ns),
        "total_ms": _ms(node.total_ns) if node.heard_ns else None,
        "service_ms": _ms(node.service_ns) if node.answered_ns else None,
        "waiting_ms": _ms(node.waiting_ns),
        "between_ms": _ms(node.between_ns),
        "proxied": node.proxied,
        "events": [event.seq for event in node.events[:_MOST_SEQS]],
        "requests": [shape(each, start_ns) for each in node.requests],
        "possible": {
            "requests": dict(sorted(Counter(each.service for each in node.possible).items())),
            "events": [event.seq for event in node.possible_events[:_MOST_SEQS]],
        },
    }
    if node.step is not None:
        found = {"step": node.step.fields.get("step", ""), "target": node.step.fields.get("target", ""), **found}
    return found


def shapes(causes: Causes, start_ns: int) -> list[dict[str, Any]]:
    """The trees of all steps."""
    return [shape(step, start_ns) for step in causes.steps]


def deciding_step(causes: Causes, named: Sequence[Event]) -> Request | None:
    """The step that a verdict is about: that of a named event, else the last that failed, else the last."""
    for event in named:
        number = event.fields.get("step")
        for step in causes.steps:
            if step.step is not None and number and step.step.fields.get("step") == number:
                return step
        found = causes.step_of(event)
        if found is not None:
            return found
    failed = [step for step in causes.steps if step.failed]
    return next(reversed(failed or causes.steps), None)


def render(step: Request) -> list[str]:
    """What a step caused in a few lines, the longest first, each with the time spent in it."""
    lines = [_line(step)]
    lines += [f"{'  ' * depth}{text}" for depth, text in _below(step, 1)]
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES + 1
        lines = [*lines[: MOST_LINES - 1], f"  … {left} lines more: faultbox inspect shows all"]
    return lines


def _below(node: Request, depth: int) -> Iterator[tuple[int, str]]:
    for each in sorted(node.requests, key=lambda each: (each.heard_ns != 0, -each.total_ns)):
        yield depth, _line(each)
        yield from _below(each, depth + 1)
    if node.possible:
        counts = Counter(each.service or "?" for each in node.possible)
        among = ", ".join(f"{count} to {service}" for service, count in sorted(counts.items()))
        yield depth, f"not known whether for this or another: {among}"


def _line(node: Request) -> str:
    if node.step is not None:
        fields = node.step.fields
        words = [f"step {fields.get('step', '')}", fields.get("target", ""), fields.get("method", "")]
        words += [fields.get("summary", "")]
    else:
        words = [node.service or "an unknown service", "(by its proxy)" if node.proxied else ""]
        words = ["the proxy answered" if node.service == "edge" else words[0], words[1]]
    text = " ".join(word for word in words if word)
    times = [f"{_ms(node.total_ns):g}ms" if node.heard_ns else "no answer"]
    if node.waiting_ns:
        times.append(f"{_ms(node.waiting_ns):g}ms waiting for others")
    if node.step is None and node.between_ns > node.total_ns // 2 and node.heard_ns:
        times.append(f"{_ms(node.between_ns):g}ms on the way")
    return f"{text}: {', '.join(times)}{_done(node)}"


def _done(node: Request) -> str:
    """The kinds of things that were done for it, the rarest first: they tell the most."""
    kinds = Counter(_kind(event) for event in node.events)
    worth = sorted(kinds.items(), key=lambda item: (not item[0].endswith(")"), item[1], item[0]))[:_WORTH]
    said = ", ".join(f"{kind} ({count} times)" if count > 1 else kind for kind, count in worth)
    more = len(kinds) - len(worth)
    return f"; {said}{f' and {more} kinds more' if more > 0 else ''}" if said else ""


def _kind(event: Event) -> str:
    fields = event.fields
    what = fields.get("syscall") or (event.type if event.type in ("stdout", "stderr") else fields.get("op", event.type))
    where = fields.get("path") or fields.get("peer") or fields.get("event") or fields.get("raw", "")[:40]
    decision = fields.get("decision", "")
    shown = "" if decision in ("", "allow", "pass") else decision
    if not shown and fields.get("errno"):
        shown = f"failed ({fields['errno']})"
    return " ".join(word for word in (what, where, shown) if word)


def _ms(length_ns: int) -> float:
    return round(length_ns / 1e6, 3)
