"""What a service prints, line by line, as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from faultbox.model.event import Event
from faultbox.observe.decoders import Decode, raw

_FOREVER = 1 << 63


class OutputSource:
    """Events of type `stdout` or `stderr` from a pipe that somebody else drains to a file.

    `drain` reads all that is in the pipe when it is called and gives the lines that became complete,
    as bytes with or without their line end, each with its event's origin. `fileno` gives the pipe, or -1 once it has
    ended. A line's time is when it had been written, as `written` tells by the origins of several, in ns, or else when
    it was read: `written` gives 0 where that isn't known, and where the write is not over, so that nothing came of it
    yet.
    """

    def __init__(
        self,
        service: str,
        kind: Literal["stdout", "stderr"],
        drain: Callable[[], list[tuple[bytes, str]]],
        fileno: Callable[[], int],
        decode: Decode | None = None,
        *,
        written: Callable[[Sequence[str]], list[int]] = lambda origins: [0] * len(origins),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._service = service
        self._kind = kind
        self._drain = drain
        self._fileno = fileno
        self._decode = decode or raw
        self._written = written
        self._clock = clock
        self._read: list[Event] = []
        self._promised = 0

    @property
    def name(self) -> str:
        return f"{self._kind} of {self._service}"

    def fileno(self) -> int:
        return self._fileno()

    def drain(self) -> list[Event]:
        """What was read since the last time, and what is in the pipe now."""
        events = self._read + self._lines()
        self._read = []
        return events

    def ask(self, token: int) -> None:
        """All that is in the pipe now was written before: reading it makes the promise true at once."""
        self._read += self._lines()
        self._promised = token

    @property
    def promised(self) -> int:
        return _FOREVER if self._fileno() < 0 else self._promised

    def _lines(self) -> list[Event]:
        if self._fileno() < 0:
            return []
        lines = self._drain()
        read = self._clock()  # before anybody is asked: a write that is not over then ends later
        times = [each or read for each in self._written([origin for _, origin in lines])]
        for index in range(len(times) - 1, 0, -1):
            times[index - 1] = min(times[index - 1], times[index])
        return [self._event(*line, min(time_ns, read)) for line, time_ns in zip(lines, times, strict=True)]

    def _event(self, line: bytes, origin: str, time_ns: int) -> Event:
        fields, data = self._decode(line.rstrip(b"\r\n").decode("utf-8", "replace"))
        return Event(time_ns, self._kind, self._service, fields, data, origin=origin)
