"""Room on the disk for what a run writes: where there is none, what cases do says nothing of the services."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from faultbox.model.unfit import Unfit

ADVICE = "free some, or set FAULTBOX_STATE_DIR to a directory that has room"
_FULL = (errno.ENOSPC, errno.EDQUOT)
LEAST_BYTES = 1 << 20
"""With less than that left, whoever writes is about to fail or has failed already."""


def lacking(error: BaseException | None) -> bool:
    """Whether an error, or one behind it, is a write to a file that found no room.

    ENOSPC has other meanings (inotify_add_watch(2), mount(2), unshare(2), a full map): whoever raises those names the
    call, so it is the plain text of the C library that tells.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL and error.strerror == os.strerror(error.errno):
            return True
        error = error.__cause__ or error.__context__
    return False


def gone(place: Path) -> bool:
    """Whether the file system of a directory is full. One that counts neither bytes nor files never is."""
    found = os.statvfs(place)
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    full = found.f_blocks > 0 and free * found.f_frsize < LEAST_BYTES
    return full or (found.f_files > 0 and found.f_ffree == 0)


def said(run_dir: Path) -> str:
    """What to tell, in one line and without what to do."""
    return f"no room is left on the disk of {run_dir.parent}, where worlds and records of runs are"


@contextlib.contextmanager
def needed(run_dir: Path) -> Iterator[None]:
    """Nothing has begun yet: a full disk is a host that can't do it. Raises Unfit."""
    try:
        yield
    except Exception as error:
        if not lacking(error) and not gone(run_dir):
            raise
        raise Unfit(said(run_dir), ADVICE) from error
