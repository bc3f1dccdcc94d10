"""Opening a path as it looks from another root (openat2(2), Linux 5.6)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from faultbox.linux._call import libc

_NUMBER = 437
_RESOLVE_IN_ROOT = 0x10
_ATTEMPTS = 16
_HOW = struct.Struct("=QQQ")


def open_in_root(root: int, path: str, flags: int) -> int:
    """An O_PATH descriptor of `path` with `root` as its root directory, whatever symlinks and `..` say.

    Magic links of /proc are not followed (ELOOP). Raises OSError.
    """
    how = _HOW.pack(flags | os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    name = os.fsencode(path)
    for _ in range(_ATTEMPTS):
        fd: int = libc.syscall(_NUMBER, root, name, how, len(how))
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code != errno.EAGAIN:  # a rename elsewhere made the kernel unsure: it asks to try again
            break
    raise OSError(code, os.strerror(code), path)
