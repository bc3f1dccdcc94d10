"""Being told that files change (inotify(7), Linux 2.6.27)."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

from faultbox.linux._call import check, libc
from faultbox.model.frozen import frozen

MODIFY, MOVED_FROM, MOVED_TO, CREATE, DELETE, OVERFLOW = 0x2, 0x40, 0x80, 0x100, 0x200, 0x4000
_HEAD = struct.Struct("=iIII")
"""struct inotify_event: watch, mask, cookie, length of the name with its padding."""
_BUFFER = 64 * 1024


@frozen
class Change:
    """Something happened to `name` in the watched directory, or (name "") to the watched file itself.

    Both halves of a rename have one `cookie`. OVERFLOW: some changes were not told, of whatever watch.
    """

    watch: int
    mask: int
    cookie: int
    name: str


def init() -> int:
    """A descriptor that polls readable once something has happened. Raises OSError (EMFILE: too many for this user)."""
    return check(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")


def watch(inotify: int, fd: int, mask: int) -> int:
    """Watch what `fd`, which may be O_PATH, is open on; the watch's number. Watching it again changes nothing."""
    path = f"/proc/self/fd/{fd}"
    return check(libc.inotify_add_watch(inotify, os.fsencode(path), mask), "inotify_add_watch", path)


def changes(inotify: int) -> Iterator[Change]:
    """What has happened since the last time, in order. Never waits."""
    with contextlib.suppress(BlockingIOError):
        while data := os.read(inotify, _BUFFER):
            at = 0
            while at < len(data):
                number, mask, cookie, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size
                yield Change(number, mask, cookie, os.fsdecode(data[at : at + length].rstrip(b"\0")))
                at += length
