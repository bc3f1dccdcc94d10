"""Bytes on their way between threads: what causality is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FlowKind = Literal["opened", "sent", "received", "closed", "wrote", "waits", "forked", "ended", "came"]


@dataclass(frozen=True, slots=True)
class Flow:
    """One thing that a thread did with a connection, a pipe or itself. Times are of CLOCK_MONOTONIC.

    `end` is one end of a connection or a pipe: a number that is its own from `opened` to `closed`. `lane` is a service,
    `driver` or `(edge)`. `pid` and `tid` are the host's; 0 with `closed` where no thread did it.

    opened: the end came to be, with `local` and `remote` ("127.0.0.1:5432"; "" for what has no address) and `peer`, the
    other end, where the kernel knows it (0 otherwise: then it is found by the addresses). `accepted` tells the side.
    sent, received: `length` bytes, the last of which is number `position` (mod 2**32) of its direction; 0: not known.
    Both ends of a connection number alike, so a received byte was sent by whoever sent that number. `received` with a
    length of 0 is the end of what the other one says; it had been waited for since `began_ns`, as any bytes.
    Of a pipe that a service has made `local` is "pipe", and both directions have the one `end`.
    wrote: `length` bytes into the pipe that is the service's standard output or error (`local` says which), the last of
    them the pipe's number `position`. `end` is the pipe's inode number here.
    waits: the thread had nothing to do until something came, from `began_ns` on. `local` says in what: epoll, poll,
    select, futex or sleep. `length`: how many ends were ready then (1 for a futex that was woken), 0 where the time
    was over. `position`: how long it would have waited at most, in microseconds; 2**32-1: for ever, longer than that,
    or not known (a futex's by the wall clock). A look that found something ready without any waiting (a position of 0)
    is given as well.
    came: something that isn't followed has been read: `local` says whether a datagram (or bytes of a pipe that was made
    by others, or has a name), or a signal, which only tells that something has happened (an eventfd, a timer, inotify).
    forked: `child` is the new thread or process. ended: the thread is gone, in a call that began at `began_ns`.
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
