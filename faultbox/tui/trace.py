"""A trace by line: found by a thread of its own while it grows, read when a line comes into view."""

from __future__ import annotations

import json
import os
import threading
from array import array
from collections.abc import Callable
from itertools import pairwise
from typing import IO

from faultbox.model.event import Event
from faultbox.tui.lanes import Lanes

_CHUNK = 1 << 20
"""Bytes of a trace that are looked through at once."""
_LONGEST = 1 << 20
"""Bytes of a line that are read: a stranger's may have no end."""
_A_TURN = 500
"""Lines that are parsed at once: some ms, in which the screens wait for the interpreter only as it switches threads."""
_PAUSE_S = 0.1

Wanted = Callable[[Event], bool]
"""Which events are to be shown; one with `may_match(line)` is asked that before a line is parsed."""


class Trace:
    """The lines of an events.jsonl that may still grow. One thread may `index` while others read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._starts = array("Q", [0])
        self._end = 0

    def __len__(self) -> int:
        """How many whole lines have been found so far."""
        return len(self._starts) - 1

    def index(self, most: int = _CHUNK) -> bool:
        """Look through the next bytes, at most that many; whether there were any."""
        chunk = os.pread(self._file.fileno(), most, self._end)
        at = -1
        while (at := chunk.find(b"\n", at + 1)) >= 0:
            self._starts.append(self._end + at + 1)
        self._end += len(chunk)
        return bool(chunk)

    def line(self, number: int) -> bytes:
        """The line of that number, counted from 0."""
        start, end = self._starts[number], self._starts[number + 1]
        return os.pread(self._file.fileno(), min(end - start, _LONGEST), start)

    def lines(self, first: int, most: int) -> list[bytes]:
        """The lines from that number on, as many as there are up to `most`, or fewer where they are long.

        Read at once: every read lets another thread have the interpreter, and to get it back takes its time.
        """
        until = min(len(self), first + most)
        while until > first + 1 and self._starts[until] - self._starts[first] > _CHUNK:
            until = (first + until) // 2
        if until <= first + 1:
            return [self.line(first)] if until > first else []
        begin = self._starts[first]
        data = os.pread(self._file.fileno(), self._starts[until] - begin, begin)
        edges = [start - begin for start in self._starts[first : until + 1]]
        return [data[start:end] for start, end in pairwise(edges)]

    def event(self, number: int) -> Event | None:
        """That line as an event; None where it is none."""
        return parse(self.line(number))

    def close(self) -> None:
        self._file.close()


class Search:
    """The numbers of the lines that are wanted, as far as a trace has been looked through."""

    def __init__(self, trace: Trace, wanted: Wanted) -> None:
        self.found = array("Q")
        self.seen = 0
        self._trace, self._wanted = trace, wanted
        self._may_match: Callable[[bytes], bool] = getattr(wanted, "may_match", lambda _: True)

    def work(self, most: int = _A_TURN) -> bool:
        """Look at some more lines; whether there were any."""
        lines = self._trace.lines(self.seen, most)
        for number, line in enumerate(lines, start=self.seen):
            if self._may_match(line) and (event := parse(line)) is not None and self._wanted(event):
                self.found.append(number)
        self.seen += len(lines)
        return bool(lines)


class Reader:
    """A thread that looks through a trace as it grows, through what is searched in it, and for its lanes once asked.

    All methods belong to the thread that made it, which may read `trace`, `search` and `lanes` at any time.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.search: Search | None = None
        self.lanes: Lanes | None = None
        self._laned = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def find(self, wanted: Wanted | None) -> None:
        """From now on search for these, from the beginning; None: for all."""
        self.search = Search(self.trace, wanted) if wanted is not None else None

    def draw_lanes(self) -> None:
        """From now on sort events into lanes too."""
        self.lanes = self.lanes or Lanes()

    @property
    def laned(self) -> int:
        """How many events have been sorted into lanes."""
        return self._laned

    def close(self) -> None:
        """End the thread, then the trace."""
        self._over.set()
        self._thread.join()
        self.trace.close()

    def _run(self) -> None:
        while not self._over.is_set():
            search = self.search
            more = self.trace.index()
            more = (search is not None and search.work()) or more
            more = self._sort() or more
            if not more:
                self._over.wait(_PAUSE_S)

    def _sort(self) -> bool:
        if self.lanes is None:
            return False
        lines = self.trace.lines(self._laned, _A_TURN)
        for event in map(parse, lines):
            if event is not None:
                self.lanes.take(event)
        self._laned += len(lines)
        return bool(lines)


def parse(line: bytes) -> Event | None:
    """An event from a line of events.jsonl, which may be a stranger's."""
    try:
        shape = json.loads(line)
        fields = {str(name): str(value) for name, value in shape["fields"].items()}
        return Event(int(shape["time_ns"]), str(shape["type"]), str(shape["service"]), fields, {}, int(shape["seq"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
