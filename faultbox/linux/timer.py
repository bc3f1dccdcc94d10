"""A time to come, as a descriptor: timerfd_create(2)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

from faultbox.linux._call import check, libc

_MONOTONIC, _NONBLOCK, _CLOEXEC = 1, os.O_NONBLOCK, os.O_CLOEXEC
_WHEN = struct.Struct("=16xqq")
"""struct itimerspec: no interval; seconds and nanoseconds until it is over, 0 for never."""


class Timer:
    """Polls readable once its time is over."""

    def __init__(self) -> None:
        self._fd = check(libc.timerfd_create(_MONOTONIC, _NONBLOCK | _CLOEXEC), "timerfd_create")

    def fileno(self) -> int:
        return self._fd

    def start(self, ns: int) -> None:
        """Be over in so many ns; replaces a time that was set before."""
        when = _WHEN.pack(*divmod(max(ns, 1), 1_000_000_000))
        check(libc.timerfd_settime(self._fd, 0, ctypes.c_char_p(when), None), "timerfd_settime")

    def clear(self) -> None:
        """Poll readable no more, until started again."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)

    def close(self) -> None:
        os.close(self._fd)
