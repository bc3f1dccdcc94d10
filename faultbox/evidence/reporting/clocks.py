"""Wall time: what the trace's clock showed at one moment of UTC, on the host where a case ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.frozen import frozen

_MAX_NS = 1 << 62


@frozen
class Clock:
    """One moment on the trace's clock (CLOCK_MONOTONIC) and in UTC."""

    monotonic_ns: int
    utc_ns: int

    def utc_ms(self, time_ns: int) -> float:
        """A time of the trace as ms since 1970, to a fraction of a microsecond."""
        return (time_ns - self.monotonic_ns + self.utc_ns) / 1e6


def clock_of(environment: Mapping[str, Any]) -> Clock | None:
    """The clock of the host that a case ran on; None where the version that ran it did not write it down."""
    clock = environment.get("clock")
    if not isinstance(clock, dict):
        return None
    monotonic, utc = clock.get("monotonic_ns"), clock.get("utc_ns")
    if type(monotonic) is not int or type(utc) is not int or max(abs(monotonic), abs(utc)) >= _MAX_NS:
        return None
    return Clock(monotonic, utc)
