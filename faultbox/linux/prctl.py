"""prctl(2): what a process says about itself."""

from __future__ import annotations

import ctypes
import signal

from faultbox.linux._call import check, libc

_SET_PDEATHSIG = 1
_SET_NAME = 15


def _prctl(option: int, argument: int | ctypes.c_char_p) -> None:
    word = ctypes.c_ulong(argument) if isinstance(argument, int) else argument
    zero = ctypes.c_ulong(0)
    check(libc.prctl(ctypes.c_int(option), word, zero, zero, zero), "prctl")


def set_pdeathsig(number: int = signal.SIGKILL) -> None:
    """Be sent this signal when the *thread* that made us ends. A parent that died before is missed: re-check it."""
    _prctl(_SET_PDEATHSIG, number)


def set_name(name: str) -> None:
    """The name of this thread in ps and top; cut to 15 bytes."""
    _prctl(_SET_NAME, ctypes.c_char_p(name.encode()[:15]))
