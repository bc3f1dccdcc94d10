"""The ends of services, as a source of the log: no service dies unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from faultbox import world as worlds
from faultbox.model.event import Event, SourceLost
from faultbox.model.host import ExitStatus


class Exits:
    """Events `service_exited`, from the world's init.

    A main process whose descendants live on in its cgroup is a daemon's parent: that is no end
    of the service, its event is `service_detached`; the end of the last of them is one. The
    promise holds back while a process is known to end and init has not yet told how.
    """

    name = "exits"

    def __init__(self, world: worlds.World, told: Callable[[str], None]) -> None:
        self._world = world
        self._told = told
        self._ends: dict[str, ExitStatus] = {}
        self._unreported: dict[int, worlds.Process] = {}
        self._ended_early: set[int] = set()
        self._detached: set[str] = set()
        self._lock = threading.Lock()
        self._asked = 0
        self._promised = 0
        self.expected = False

    def get(self, service: str) -> ExitStatus | None:
        """How the service's newest main process ended; None while it runs."""
        return self._ends.get(service)

    @property
    def ended(self) -> dict[str, ExitStatus]:
        """Every service that has ended, with how."""
        return dict(self._ends)

    def started(self, process: worlds.Process) -> None:
        """A service has a new main process, of whose end init may have told already."""
        with self._lock:
            if process.pid in self._ended_early:
                self._ended_early.remove(process.pid)
                return
            self._ends.pop(process.service, None)
            self._detached.discard(process.service)
            self._unreported[process.pid] = process

    def fileno(self) -> int:
        """-1 once init is gone: its link would poll readable for ever."""
        return -1 if self._world.notices.lost else self._world.notices.fileno()

    def ask(self, token: int) -> None:
        self._asked = max(self._asked, token)

    @property
    def promised(self) -> int:
        return self._promised

    def drain(self) -> list[Event]:
        notices = self._world.notices
        events = [event for end in notices.drain() for event in self._ended(end)]
        if notices.lost and not self.expected:
            raise SourceLost("init", "the world's init process is gone, and every service with it")
        if not self._ended_untold():
            self._promised = max(self._promised, self._asked)
        return events

    def _ended(self, end: worlds.Exit) -> list[Event]:
        if not end.service:
            return [self._over(name, end) for name in self._daemons_gone()]
        detached = not self.expected and self._world.alive(end.service)
        with self._lock:
            if self._unreported.pop(end.pid, None) is None:
                self._ended_early.add(end.pid)
            if detached:
                self._detached.add(end.service)
        return [self._event("service_detached", end.service, end) if detached else self._over(end.service, end)]

    def _daemons_gone(self) -> list[str]:
        with self._lock:
            gone = [name for name in sorted(self._detached) if not self._world.alive(name)]
            self._detached.difference_update(gone)
        return gone

    def _over(self, service: str, end: worlds.Exit) -> Event:
        with self._lock:
            self._ends[service] = end.status
        self._told(service)
        return self._event("service_exited", service, end)

    def _event(self, kind: str, service: str, end: worlds.Exit) -> Event:
        fields = {"pid": str(end.pid), "expected": str(self.expected).lower()}
        fields |= {"code": str(end.status.code)} if end.status.signal is None else {"signal": str(end.status.signal)}
        return Event(time.monotonic_ns(), kind, service, fields)

    def _ended_untold(self) -> bool:
        """Whether somebody is gone, or on the way out, of whom init has not told yet.

        A caller learns that a service dies when its connections close, which is before it can be reaped.
        """
        with self._lock:
            untold, detached = list(self._unreported), list(self._detached)
        return any(map(worlds.ended, untold)) or not all(map(self._world.alive, detached))
