"""A case's trace as events, read from a bundle one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.model.event import Event


def trace(bundle: Bundle, directory: str, may_be: Callable[[bytes], bool] | None = None) -> Iterator[Event]:
    """A case's events in order, but for lines that `may_be` has no use for. Raises BadBundle at what is no event."""
    for number, shape in enumerate(bundle.events(directory, may_be=may_be), start=1):
        event = _event(shape)
        if event is None:
            raise BadBundle(f"{bundle.path}: cases/{directory}/events.jsonl: line {number} is no event")
        yield event


def _event(shape: Mapping[str, Any]) -> Event | None:
    """As Event.as_json gives it; None for anything else."""
    time_ns, kind, service = shape.get("time_ns"), shape.get("type"), shape.get("service")
    fields, data, seq, origin = shape.get("fields"), shape.get("data", {}), shape.get("seq"), shape.get("origin", "")
    if type(time_ns) is not int or type(seq) is not int or type(kind) is not str or type(service) is not str:
        return None
    if type(fields) is not dict or type(data) is not dict or type(origin) is not str:
        return None
    if not all(type(value) is str for value in fields.values()):
        return None
    return Event(time_ns, kind, service, fields, data, seq, origin)
