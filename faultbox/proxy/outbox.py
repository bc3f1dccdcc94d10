"""Events on their way from the edge process to the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from faultbox.link import Link

_MOST = 64
_PATIENCE_S = 0.005
_KEPT = 100_000
"""Records that a slow log may leave here; when there are more, messages wait for it."""

Record = tuple[int, str, str, Mapping[str, str], str]
"""Time in ns of CLOCK_MONOTONIC, the type, service, fields and origin of the event."""


class Outbox:
    """Records in batches: sent when 64 wait, when the oldest has waited 5 ms, or when the log asks.

    While the log has no time for them they are kept, so that no message waits for a monitor that thinks.
    """

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._records: list[Record] = []
        self._full = False

    def add(self, service: str, fields: Mapping[str, str], *, connection: int = 0, kind: str = "proxy") -> None:
        if not self._records:
            self._loop.call_later(_PATIENCE_S, self.flush)
        origin = f"connection {connection}" if connection else ""
        self._records.append((time.monotonic_ns(), kind, service, fields, origin))
        if len(self._records) >= _KEPT:
            self.drain()
        elif len(self._records) >= _MOST and not self._full:
            self.flush()

    def flush(self) -> None:
        """Send what there is room for, the rest in a while. Raises BrokenPipeError, ConnectionResetError: no log."""
        while self._records and self._link.has_room():
            self._send()
        self._full = bool(self._records)
        if self._full:
            self._loop.call_later(_PATIENCE_S, self.flush)

    def drain(self) -> None:
        """Send all, and wait for room. Raises as `flush`."""
        while self._records:
            self._send()

    def _send(self) -> None:
        records, self._records = self._records[:_MOST], self._records[_MOST:]
        self._link.send("events", records)
