"""The life signs of a world, and orders from the runner, as a source of the log that gives no events."""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping

from faultbox.link import Link
from faultbox.model.event import Event


class Vitals:
    """Watches pidfds of the helpers that a verdict depends on, and the link to the runner.

    `died(name)` and `ordered(kind)` are called from the log's thread, each at most once a cause.
    """

    name = "vitals"

    def __init__(
        self, helpers: Mapping[str, int], runner: Link, died: Callable[[str], None], ordered: Callable[[str], None]
    ) -> None:
        self._helpers = {pidfd: name for name, pidfd in helpers.items()}
        self._runner = runner
        self._died = died
        self._ordered = ordered
        self._promised = 0
        self._epoll = select.epoll()
        for fd in (*self._helpers, runner.fileno()):
            self._epoll.register(fd, select.EPOLLIN)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def ask(self, token: int) -> None:
        self._promised = token

    @property
    def promised(self) -> int:
        return self._promised

    def drain(self) -> list[Event]:
        for fd, _ in self._epoll.poll(0):
            if fd in self._helpers:
                self._epoll.unregister(fd)
                self._died(self._helpers[fd])
            else:
                self._take_orders()
        return []

    def _take_orders(self) -> None:
        for frame in self._runner.pending():
            if frame is None:
                self._epoll.unregister(self._runner.fileno())
            else:
                self._ordered(frame.kind)
