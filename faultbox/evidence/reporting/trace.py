"""A case's events for a browser: columns that a timeline is drawn from, and rows in chunks that are read when shown.

Columns, one entry an event, little endian: `delta` float64 (ns since the event before), `lane` and `far` uint16
(indices into `lanes`; NO_LANE for none), `kind` uint8 (an index into KINDS), `arriving` uint8 (1: the far end sent it).
A row is `[seq, shape, value, ...]`, its shape `[type, service, [field names]]`; typed data that fields can't hold
follow as an object.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faultbox.evidence.reporting.blocks import as_json, packed
from faultbox.evidence.reporting.cutting import fits, fitted
from faultbox.evidence.reporting.kinds import Link, far_end, is_fault, kind_of, link_of
from faultbox.evidence.reporting.spans import Spans

CHUNK = 4_096
"""Events that are unpacked together."""
NO_LANE = 0xFFFF
MOST_LANES = 256
_MOST_SHAPES = 200_000
"""Kinds of rows: as many as this only a bundle has that was made to be a burden."""
_LONGEST_NAME = 1_000
_TAIL = 50_000
"""Of a case with too many events, how many of the last ones are kept at most."""
_MAX_NS = 1 << 62
_SHAPE = (("seq", int), ("time_ns", int), ("type", str), ("service", str), ("fields", dict))


class BadEvent(ValueError):
    """A line of events.jsonl that is no event."""


class Columns:
    """What there is of every event that is kept."""

    def __init__(self) -> None:
        self.delta, self.lane, self.far = array("d"), array("H"), array("H")
        self.kind, self.arriving = array("B"), array("B")

    def content(self) -> bytes:
        """One after the other, widest first, so that each begins where a browser can view it as its type."""
        pieces: list[array[Any]] = [self.delta, self.lane, self.far, self.kind, self.arriving]
        if sys.byteorder == "big":
            for piece in pieces:
                piece.byteswap()
        return b"".join(piece.tobytes() for piece in pieces)


class Trace:
    """Reads all events of a case; keeps the first and the last ones where there are more than `most`.

    `known` are the lanes that are there whatever happens, first. `wanted` are events, by seq, whose
    places are asked for.
    """

    def __init__(self, known: Sequence[str], wanted: Iterable[int], most: int) -> None:
        self.columns = Columns()
        self.chunks: list[str] = []  # packed as they are filled: a million rows in the open are a gigabyte
        self.lanes = list(dict.fromkeys(known))[:MOST_LANES]
        self.shapes: list[tuple[str, str, list[str]]] = []
        self.spans = Spans()
        self.places: dict[int, int] = {}
        self.links: set[Link] = set()
        self.fired: Counter[tuple[str, Link]] = Counter()
        self.disks: set[str] = set()
        self.start_ns = 0
        self.total = self.gap_at = self.left_out = self.shortened = 0
        self._numbers = {name: number for number, name in enumerate(self.lanes)}
        self._shape_numbers: dict[tuple[str, ...], int] = {}
        self._wanted = set(wanted)
        self._rows: list[list[Any]] = []
        self._before = 0
        self._tail: deque[Mapping[str, Any]] = deque(maxlen=max(1, min(most // 2, _TAIL)))
        self._head = most - (self._tail.maxlen or 0)

    @property
    def kept(self) -> int:
        return len(self.columns.kind)

    def read(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Raises BadEvent, or what `events` raises."""
        for event in events:
            _check(event, self.total + 1)
            self.total += 1
            self.spans.add(event["time_ns"], event["type"], event["service"], event["fields"])
            self._learn(event["type"], event["service"], event["fields"])
            if self.total <= self._head:
                self._keep(event)
            else:
                self._tail.append(event)
        self.gap_at = self.kept
        self.left_out = self.total - self.kept - len(self._tail)
        while self._tail:
            self._keep(self._tail.popleft())
        self._close_chunk()

    def _learn(self, kind: str, service: str, fields: Mapping[str, str]) -> None:
        """Who calls whom, which rules fired on that, and who has files."""
        if (link := link_of(kind, service, fields)) is not None:
            self.links.add(link)
            if fields.get("rule") and is_fault(kind, fields):
                self.fired[fields["rule"], link] += 1
        elif kind == "file" or (kind == "syscall" and fields.get("kind") == "file"):
            self.disks.add(service)

    def _keep(self, event: Mapping[str, Any]) -> None:
        kind, service, fields, time_ns = event["type"], event["service"], event["fields"], event["time_ns"]
        if not self.kept:
            self.start_ns = self._before = time_ns
        if event["seq"] in self._wanted:
            self.places[event["seq"]] = self.kept
        far = far_end(kind, service, fields)
        self.columns.delta.append(time_ns - self._before)
        self.columns.lane.append(self._lane(service))
        self.columns.far.append(self._numbers.get(far.name, NO_LANE) if far is not None else NO_LANE)
        self.columns.kind.append(kind_of(kind, fields))
        self.columns.arriving.append(1 if far is not None and far.arriving else 0)
        self._before = time_ns
        self._rows.append(self._row(event))
        if len(self._rows) == CHUNK:
            self._close_chunk()

    def _row(self, event: Mapping[str, Any]) -> list[Any]:
        fields, whole = fitted(event["fields"])
        data = event.get("data")
        if not _says_more(data, event["fields"]):
            data = None
        elif data is not None and not fits(data):
            data, whole = None, False
        self.shortened += not whole
        key = (event["type"], event["service"], *fields)
        shape = self._shape_numbers.setdefault(key, len(self.shapes))
        if shape == len(self.shapes):
            if shape == _MOST_SHAPES:
                raise BadEvent(f"more than {_MOST_SHAPES} kinds of events")
            self.shapes.append((event["type"], event["service"], list(fields)))
        row = [event["seq"], shape, *fields.values()]
        return row if data is None else [*row, data]

    def _lane(self, service: str) -> int:
        number = self._numbers.get(service)
        if number is None:
            if len(self.lanes) >= MOST_LANES:
                return NO_LANE
            number = self._numbers[service] = len(self.lanes)
            self.lanes.append(service)
        return number

    def _close_chunk(self) -> None:
        if self._rows:
            self.chunks.append(packed(as_json(self._rows)))
            self._rows = []


def _check(event: Mapping[str, Any], number: int) -> None:
    """Raises BadEvent for what is not of the shape that the format says."""
    for name, kind in _SHAPE:
        if type(event.get(name)) is not kind:
            raise BadEvent(f"event {number}: {name} must be {kind.__name__}")
    if len(event["type"]) + len(event["service"]) > _LONGEST_NAME:
        raise BadEvent(f"event {number}: type and service are longer than {_LONGEST_NAME} characters")
    if not 0 <= event["time_ns"] < _MAX_NS or not 0 <= event["seq"] < _MAX_NS:
        raise BadEvent(f"event {number}: seq and time_ns must be numbers of 62 bits")
    if set(map(type, event["fields"].values())) - {str}:
        raise BadEvent(f"event {number}: fields must be strings")


def _says_more(data: Any, fields: Mapping[str, str]) -> bool:
    """Whether typed data hold something that the flat fields don't."""
    if not isinstance(data, dict) or not data:
        return False
    return any(name not in fields or isinstance(value, dict | list) for name, value in data.items())
