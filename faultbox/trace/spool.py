"""The log on disk: one JSON object a line, so that a killed case still has its trace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from faultbox.model.event import Event, SourceLost

_FLUSH_NS = 50_000_000
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Spool:
    """An append-only events.jsonl. What was flushed survives a SIGKILL of this process.

    Opening raises OSError. When writing fails, nothing more is written and `lost` says why.
    """

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self.lost: SourceLost | None = None
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._clock = clock
        self._flushed_ns = clock()
        self._lines: list[str] = []

    def write(self, event: Event) -> None:
        """Store an event: at once on disk when the last flush was long ago."""
        self._lines.append(_encode(event.as_json()))
        self.flush_if_due()

    def flush_if_due(self) -> None:
        if self._clock() - self._flushed_ns >= _FLUSH_NS:
            self.flush()

    @property
    def due_ns(self) -> int | None:
        """When the next flush is due; None while everything is on disk."""
        return self._flushed_ns + _FLUSH_NS if self._lines else None

    def flush(self) -> None:
        self._flushed_ns = self._clock()
        if not self._lines:
            return
        rest = memoryview(("\n".join(self._lines) + "\n").encode())
        self._lines.clear()
        if self.lost is not None:
            return
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self.lost = SourceLost("spool", f"events can't be written to disk: {error.strerror}")

    def close(self) -> None:
        self.flush()
        os.close(self._fd)
