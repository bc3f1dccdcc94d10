"""The near side of the sources: polling, draining and asking them, and merging what they give."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from faultbox.model.event import Event, EventsLost, Source, SourceLost
from faultbox.trace.merge import BrokenPromise, Merge

_DRIVER = 0
"""The lane of what this process itself appends; sources count from 1."""


@dataclass(eq=False)
class _Lane:
    source: Source
    order: int
    fd: int
    asked: int = 0
    promised: int = 0
    broken: bool = False
    gap: bool = False
    missing: set[str] = field(default_factory=set)


class Intake:
    """Events from all sources and from this process, merged.

    `append`, `wake` and `behind` may be called from any thread, all else from the log's.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.lost: list[SourceLost] = []
        self._clock = clock
        self._lock = threading.Lock()  # guards _merge and the life of _wakeup
        self._merge = Merge()
        self._lanes: list[_Lane] = []
        self._orders = _DRIVER
        self._asked_ns = 0
        self._closed = False
        self._epoll = select.epoll()
        self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wakeup, select.EPOLLIN)

    def append(self, event: Event) -> None:
        """Something this process did just now: the event gets its time here. Once closed, nothing is taken any more."""
        with self._lock:
            if self._closed:
                return
            # Stamped under the lock, so that the driver's lane never gets anything older than "now".
            self._merge.offer(_DRIVER, replace(event, time_ns=self._clock()))
        self.wake()

    def wake(self) -> None:
        """Make `wait` return."""
        with self._lock:
            if not self._closed:
                os.eventfd_write(self._wakeup, 1)

    def behind(self, time_ns: int) -> list[str]:
        """The sources that have not promised as much, by name."""
        with self._lock:
            orders = self._merge.behind(time_ns)
        return [lane.source.name for lane in list(self._lanes) if lane.order in orders]

    def open(self, source: Source) -> None:
        self._orders += 1
        lane = _Lane(source, self._orders, source.fileno())
        with self._lock:
            self._merge.open(lane.order)
        self._lanes.append(lane)
        if lane.fd >= 0:
            self._epoll.register(lane.fd, select.EPOLLIN)

    def forget(self, source: Source) -> None:
        """Drain a source a last time, then let nothing wait for it."""
        for lane in [lane for lane in self._lanes if lane.source is source]:
            self._drain(lane)
            self._close(lane)

    def close(self) -> None:
        """Let go of all sources. What they gave can still be popped."""
        for lane in list(self._lanes):
            self._close(lane)
        with self._lock:
            self._closed = True
            os.close(self._wakeup)
        self._epoll.close()

    def wait(self, timeout_s: float | None) -> None:
        """Until a source has something or `wake`, at most that long; then take in what there is."""
        ready = {fd for fd, _ in self._epoll.poll(timeout_s)}
        if self._wakeup in ready:
            os.eventfd_read(self._wakeup)
        for lane in [lane for lane in self._lanes if lane.fd in ready]:
            self._drain(lane)

    def pop(self) -> Event | None:
        """The next event whose place is final."""
        with self._lock:
            return self._merge.pop(self._clock())

    def holds(self, until_ns: int | None) -> bool:
        """Whether an event of at most that time (None: any) still waits to be popped."""
        with self._lock:
            oldest = self._merge.oldest
        return oldest is not None and (until_ns is None or oldest <= until_ns)

    def ask_all(self) -> int:
        """Ask every source for a promise as of now. The token is the time of asking."""
        return self._ask(list(self._lanes))

    def ask_laggards(self, interval_ns: int) -> None:
        """Ask those who hold back the oldest event, unless somebody was asked less than an interval ago."""
        due = self.due_ns(interval_ns)
        if due is not None and self._clock() >= due:
            self._ask(self._laggards())

    def due_ns(self, interval_ns: int) -> int | None:
        """When to look again though no source has spoken: None when that is no use."""
        with self._lock:
            oldest = self._merge.oldest
            free = oldest is not None and not self._merge.behind(oldest)
        if free:
            return oldest
        return self._asked_ns + interval_ns if self._laggards() else None

    def _laggards(self) -> list[_Lane]:
        """The lanes that hold back the oldest event and owe no answer yet."""
        with self._lock:
            oldest = self._merge.oldest
        if oldest is None:
            return []
        return [lane for lane in self._lanes if lane.promised < oldest and lane.asked <= lane.promised]

    def _ask(self, lanes: list[_Lane]) -> int:
        token = self._asked_ns = self._clock()
        for lane in lanes:
            lane.asked = token
            try:
                lane.source.ask(token)
            except (SourceLost, OSError) as error:
                self._lose(lane, error)
            else:
                self._drain(lane)
        return token

    def _drain(self, lane: _Lane) -> None:
        try:
            events = self._given(lane)
            promised = lane.source.promised
        except (SourceLost, OSError) as error:
            self._lose(lane, error)
            return
        with self._lock:
            for event in events:
                self._offer(lane, event)
            self._merge.promise(lane.order, promised)
        lane.promised = promised
        if lane.fd >= 0 and lane.source.fileno() < 0:
            self._unpoll(lane)

    def _given(self, lane: _Lane) -> list[Event]:
        """What the source has; that it lost some is said once, for each type where it knows of which they were."""
        try:
            return lane.source.drain()
        except EventsLost as error:
            fresh = error.types - lane.missing if error.types is not None else error.types
            if not lane.gap and (fresh is None or fresh):
                lane.gap = fresh is None
                lane.missing |= fresh or set()
                self.lost.append(SourceLost(error.source, error.reason, fresh))
            return error.events

    def _offer(self, lane: _Lane, event: Event) -> None:
        try:
            self._merge.offer(lane.order, event)
        except BrokenPromise as broken:
            if not lane.broken:
                lane.broken = True
                self.lost.append(SourceLost(lane.source.name, str(broken)))

    def _lose(self, lane: _Lane, error: SourceLost | OSError) -> None:
        self.lost.append(error if isinstance(error, SourceLost) else SourceLost(lane.source.name, str(error)))
        self._close(lane)

    def _close(self, lane: _Lane) -> None:
        self._lanes.remove(lane)
        self._unpoll(lane)
        with self._lock:
            self._merge.close(lane.order)

    def _unpoll(self, lane: _Lane) -> None:
        if lane.fd >= 0:
            with contextlib.suppress(OSError):  # its owner closed it too early: then epoll has forgotten it
                self._epoll.unregister(lane.fd)
            lane.fd = -1
