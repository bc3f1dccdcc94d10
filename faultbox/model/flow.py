"""Bytes on their way between threads: what causality is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FlowKind = Literal["opened", "sent", "received", "closed", "wrote", "waits", "forked", "ended"]


@dataclass(frozen=True, slots=True)
class Flow:
    """One thing that a thread did with a connection, a pipe or itself. Times are of CLOCK_MONOTONIC.

    `end` is one end of a connection or a pipe: a number that is its own from `opened` to `closed`. `lane` is a service,
    `driver` or `edge`. `pid` and `tid` are the host's.

    opened: the end came to be, with `local` and `remote` ("127.0.0.1:5432"; "" for what has no address) and `peer`, the
    other end, where the kernel knows it (0 otherwise: then it is found by the addresses). `accepted` tells the side.
    sent, received: `length` bytes, the last of which is number `position` (mod 2**32) of its direction. Both ends of a
    connection number alike, so a received byte was sent by whoever sent that number.
    wrote: `length` bytes into the pipe that is the service's standard output or error (`local` says which).
    waits: the thread has nothing to do until something comes (a wait for events that may block begins at `began_ns`).
    forked: `child` is the new thread or process. ended: the thread is gone.
    """

    time_ns: int
    began_ns: int
    lane: str
    pid: int
    tid: int
    kind: FlowKind
    end: int = 0
    length: int = 0
    position: int = 0
    peer: int = 0
    local: str = ""
    remote: str = ""
    accepted: bool = False
    child: int = 0
