"""What has gone through an edge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """Connections ever (of datagrams: callers' addresses), those open now, bytes from callers and from the service."""

    connections: int
    open: int
    sent: int
    received: int
