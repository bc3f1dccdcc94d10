"""Writing to stdout, which may be closed under us at any moment."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable

_GONE = {errno.EPIPE, errno.EIO}
"""What a write answers when the reader of a pipe has left, or a terminal has hung up."""


class Out:
    """Lines to stdout. When nobody reads them any more they are dropped: the run and its bundle still matter.

    Where they can't be written for another reason (a full disk), that raises OSError once, and the rest is dropped.
    """

    def __init__(self) -> None:
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._gone

    def lines(self, lines: Iterable[str]) -> None:
        """Write and flush, so that a log in CI has each case as it finishes."""
        text = "".join(f"{line}\n" for line in lines)
        if self._gone or not text:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            self._gone = True
            drop_stdout()
            if error.errno not in _GONE:
                raise OSError(error.errno, f"stdout can't be written: {error.strerror}") from None


def say(*lines: str) -> None:
    Out().lines(lines)


def drop_stdout() -> None:
    """Point stdout at nothing: what is still buffered must not fail when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
