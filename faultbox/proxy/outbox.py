"""Events on their way from the edge process to the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from faultbox.link import Link

_MOST = 64
_PATIENCE_S = 0.005

Record = tuple[int, str, str, Mapping[str, str], str]
"""Time in ns of CLOCK_MONOTONIC, the type, service, fields and origin of the event."""


class Outbox:
    """Records in batches: sent when 64 wait, when the oldest has waited 5 ms, or when the log asks."""

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._records: list[Record] = []

    def add(self, service: str, fields: Mapping[str, str], *, connection: int = 0, kind: str = "proxy") -> None:
        if not self._records:
            self._loop.call_later(_PATIENCE_S, self.flush)
        origin = f"connection {connection}" if connection else ""
        self._records.append((time.monotonic_ns(), kind, service, fields, origin))
        if len(self._records) >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Raises BrokenPipeError or ConnectionResetError when the log is gone."""
        if self._records:
            records, self._records = self._records, []
            self._link.send("events", records)
