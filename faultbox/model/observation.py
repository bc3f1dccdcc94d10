"""What the kernel shows of services without touching them: what is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from faultbox.model.frozen import frozen

DRIVER, EDGE = "driver", "(edge)"
"""The lanes of Faultbox's own: the scenario itself, and a world's proxies. No service is called so."""
READINESS = "(readiness)"
"""Whose connections are that were made before the scenario, to see whether services are ready."""


@frozen
class Watch:
    """What of one service becomes events. Totals are kept of everything, and its processes' lives are always events.

    `calls`: system calls by their kernel names. `files`: what it does with regular files, or only with those that
    one of `globs` means. `sockets`: connections made, accepted, refused, reset, closed.
    """

    calls: frozenset[str] = frozenset()
    files: bool = False
    sockets: bool = False
    globs: tuple[str, ...] = ()


@frozen
class CallTotals:
    """All calls of one system call by one service. `histogram[i]` counts those of 2**i to 2**(i+1) ns."""

    service: str
    syscall: str
    calls: int
    errors: int = 0
    total_ns: int = 0
    max_ns: int = 0
    histogram: tuple[int, ...] = ()


@frozen
class FileTotals:
    """What one service did with one regular file, by the path it had at first. Bytes by calls: through its `mappings`
    it may have been written unseen."""

    service: str
    path: str
    opens: int = 0
    reads: int = 0
    bytes_read: int = 0
    writes: int = 0
    bytes_written: int = 0
    syncs: int = 0
    mappings: int = 0


@frozen
class ConnectionTotals:
    """TCP connections from one service, or the driver, to one port; `callee` is "" where no service listens there."""

    caller: str
    callee: str
    port: int
    opened: int = 0
    refused: int = 0
    reset: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    retransmits: int = 0


@frozen
class Observed:
    """The totals of a case. `lost`: events that found no room, by kind; `share`: processor time of our own observing,
    of the case's length."""

    calls: tuple[CallTotals, ...] = ()
    files: tuple[FileTotals, ...] = ()
    connections: tuple[ConnectionTotals, ...] = ()
    lost: Mapping[str, int] = field(default_factory=dict)
    share: float = 0.0
