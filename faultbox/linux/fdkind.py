"""What a descriptor is open on, as rules and events name it."""

from __future__ import annotations

import stat

from faultbox.model.fault import FdKind

_TTY_MAJORS = frozenset((4, 5, *range(136, 144), 204))
"""Virtual and serial terminals, /dev/tty and /dev/console, Unix98 pseudo-terminals (kernel's devices.txt)."""


def fd_kind(mode: int, major: int) -> FdKind:
    """By st_mode, and the major number of st_rdev (inode(7))."""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
        return "file"
    if stat.S_ISFIFO(mode):
        return "pipe"
    if stat.S_ISSOCK(mode):
        return "socket"
    return "tty" if stat.S_ISCHR(mode) and major in _TTY_MAJORS else "other"
