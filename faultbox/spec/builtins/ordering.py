"""Which of two events came of the other: what asserts and events' methods say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from faultbox.model.event import Event
from faultbox.model.host import Inconclusive, SpecError, current

_UNSEEN = "no chain of messages is seen, but what threads of one service tell each other can't be"


def caused(first: Event, then: Event) -> bool:
    """Whether a chain of messages leads from one event to the other. Raises Inconclusive where that isn't known."""
    host = current.get(None)
    if host is None:
        raise SpecError("OUTSIDE_SCENARIO", "there are no events while a spec loads")
    known = host.caused(first, then)
    if known is None:
        raise Inconclusive(f"whether {_named(then)} came of {_named(first)} isn't known: {_UNSEEN}")
    return known


def _happens_before(event: Event, other: object) -> bool:
    return caused(event, _event(other))


def _happens_after(event: Event, other: object) -> bool:
    return caused(_event(other), event)


def _concurrent_with(event: Event, other: object) -> bool:
    return not caused(event, _event(other)) and not caused(_event(other), event)


METHODS: Mapping[str, Callable[[Event, object], bool]] = {
    "happens_before": _happens_before,
    "happens_after": _happens_after,
    "concurrent_with": _concurrent_with,
}
"""Of events, each called with another event."""


def _event(value: object) -> Event:
    if not isinstance(value, Event):
        raise SpecError("WRONG_TYPE", "it is compared with an event, as events() and await_event() give them")
    return value


def _named(event: Event) -> str:
    return f"#{event.seq} ({event.type} of {event.service})"
