"""The one way into libc: a failed call becomes an OSError that names the call."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

libc: Any = ctypes.CDLL(None, use_errno=True)
holding_gil: Any = ctypes.PyDLL(None, use_errno=True)
"""The same library, called without letting go of the interpreter's lock: for calls that return twice."""


def check(result: int, call: str, about: str | os.PathLike[str] | None = None) -> int:
    """`result`, or OSError(errno, "call: reason", about) where it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}", None if about is None else os.fspath(about))
    return result


def syscall(name: str, number: int, *arguments: Any, about: str | os.PathLike[str] | None = None) -> int:
    """A system call that libc has no function for, or one that must not go through libc's."""
    words = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return check(libc.syscall(ctypes.c_long(number), *words), name, about)


def number_of(name: str, by_machine: Mapping[str, int]) -> int:
    """The number of a call whose number differs between machines."""
    machine = os.uname().machine
    try:
        return by_machine[machine]
    except KeyError:
        accepted = ", ".join(sorted(by_machine))
        raise NotImplementedError(f"the number of {name} is not known on {machine}: use one of {accepted}") from None
