"""Being told that files change (inotify(7), Linux 2.6.27)."""

from __future__ import annotations

import contextlib
import os

from faultbox.linux._call import check, libc

MODIFY, MOVED_TO, CREATE = 0x2, 0x80, 0x100
_EVENTS = 64 * 1024


def init() -> int:
    """A descriptor that polls readable once something has happened. Raises OSError (EMFILE: too many for this user)."""
    return check(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")


def watch(inotify: int, fd: int, mask: int) -> None:
    """Watch what `fd`, which may be O_PATH, is open on. Watching it again changes nothing."""
    path = f"/proc/self/fd/{fd}"
    check(libc.inotify_add_watch(inotify, os.fsencode(path), mask), "inotify_add_watch", path)


def forget(inotify: int) -> None:
    """Take what was told, unread. Never waits."""
    with contextlib.suppress(BlockingIOError):
        while os.read(inotify, _EVENTS):
            pass
