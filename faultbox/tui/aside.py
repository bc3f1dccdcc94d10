"""What anybody of ours writes to stderr, kept off the screen that is drawn and printed when it is gone."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_MOST = 1 << 16
"""As much of its end is printed."""


@contextmanager
def stderr_aside() -> Iterator[None]:
    """Textual draws on `sys.__stderr__`, which still is the terminal; descriptor 2, which a run inherits, is a file."""
    before = sys.__stderr__
    with tempfile.TemporaryFile() as said:
        terminal = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            with os.fdopen(os.dup(terminal), "w", encoding="utf-8", errors="replace") as screen:
                sys.__stderr__ = screen  # type: ignore[misc]
                yield
        finally:
            sys.__stderr__ = before  # type: ignore[misc]
            os.dup2(terminal, 2)
            os.close(terminal)
            size = said.seek(0, os.SEEK_END)
            said.seek(max(0, size - _MOST))
            os.write(2, said.read())
