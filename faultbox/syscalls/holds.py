"""Calls that wait: a heap and one timer, so that no delay is in another call's way."""

from __future__ import annotations

import ctypes
import heapq
import itertools
import os
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

from faultbox.linux._call import check, libc

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK, _TFD_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_ITIMERSPEC = struct.Struct("=4q")
_SECOND = 1_000_000_000


class Held(NamedTuple):
    """A call that waits until `due_ns`, then gets `errno` (0: is let go)."""

    due_ns: int
    order: int
    listener: int
    identity: bytes
    errno: int


class Holds:
    """Held calls by the time they are due. `fileno` polls readable when the first one is (timerfd_create(2))."""

    def __init__(self) -> None:
        self._heap: list[Held] = []
        self._order = itertools.count()
        self._timer = check(libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC), "timerfd_create")

    def fileno(self) -> int:
        return self._timer

    def add(self, due_ns: int, listener: int, identity: bytes, errno: int) -> None:
        held = Held(due_ns, next(self._order), listener, identity, errno)
        heapq.heappush(self._heap, held)
        if self._heap[0] is held:
            self._set()

    def due(self) -> Iterator[Held]:
        """The calls whose time has come, earliest first."""
        now = time.monotonic_ns()
        while self._heap and self._heap[0].due_ns <= now:
            yield heapq.heappop(self._heap)
        self._set()

    def all(self) -> Iterator[Held]:
        """Every held call, whenever it is due; none is held afterwards."""
        while self._heap:
            yield heapq.heappop(self._heap)
        self._set()

    def forget(self, listener: int) -> None:
        """Drop the calls of a listener that is gone: its number may come to mean another."""
        self._heap = [held for held in self._heap if held.listener != listener]
        heapq.heapify(self._heap)
        self._set()

    def _set(self) -> None:
        """To the first call's time; an all-zero time disarms, and setting clears an expiration that was not read."""
        due = max(self._heap[0].due_ns, 1) if self._heap else 0
        when = _ITIMERSPEC.pack(0, 0, due // _SECOND, due % _SECOND)
        check(libc.timerfd_settime(self._timer, _TFD_TIMER_ABSTIME, ctypes.c_char_p(when), None), "timerfd_settime")
