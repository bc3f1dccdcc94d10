"""What happened: the record every source gives and the log orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a world.

    `time_ns` is CLOCK_MONOTONIC. `service` is the lane it belongs to (`driver` for the
    scenario itself). `fields` are flat strings, as specs compare them; `data` keeps the
    types where a decoder knew them. `seq` is the position in the case's trace, counted
    from 1, and 0 until the log has ordered the event. `origin` says where it belongs among the case's flows
    (model.flow), "" where nothing is known: `thread <tid>`, `connection <number>` (of the edge process),
    `pipe <inode> <first> <last>` (the numbers of a line's bytes in it).
    """

    time_ns: int
    type: str
    service: str
    fields: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    origin: str = ""

    def as_json(self) -> dict[str, Any]:
        """The shape of one line of `events.jsonl`."""
        shape: dict[str, Any] = {
            "seq": self.seq,
            "time_ns": self.time_ns,
            "type": self.type,
            "service": self.service,
            "fields": dict(self.fields),
        }
        if self.data:
            shape["data"] = dict(self.data)
        if self.origin:
            shape["origin"] = self.origin
        return shape


class SourceLost(Exception):
    """A source died or lost events, so what it could have shown is unknown: events of these types, or (None) of any."""

    def __init__(self, source: str, reason: str, types: frozenset[str] | None = None) -> None:
        self.source = source
        self.reason = reason
        self.types = types
        super().__init__(f"{source}: {reason}")


class EventsLost(SourceLost):
    """A source lost some of its events and goes on: `events` are those that it has."""

    def __init__(self, source: str, reason: str, events: list[Event], types: frozenset[str] | None = None) -> None:
        self.events = events
        super().__init__(source, reason, types)


class Source(Protocol):
    """Something that gives events of a world to its log.

    The log's thread calls all methods. `drain` and `ask` never block.
    """

    @property
    def name(self) -> str: ...

    def fileno(self) -> int:
        """A descriptor that polls readable when `drain` has something to give; -1 once nothing more can come."""
        ...

    def drain(self) -> list[Event]:
        """Events that have arrived, oldest first.

        Raises SourceLost once when the source is gone, EventsLost where some found no room.
        """
        ...

    def ask(self, token: int) -> None:
        """Ask for a promise: after it, `promised` reaches `token` once all earlier events are drained.

        The token is the CLOCK_MONOTONIC time of asking, in ns: no event drained after the promise is older.
        """
        ...

    @property
    def promised(self) -> int:
        """The newest token for which everything that happened before `ask(token)` has been drained."""
        ...
