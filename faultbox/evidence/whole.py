"""Files that people name: there under their name when they are complete, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file, in place of a former one, when the block ends well.

    A symlink's target is replaced, not the link. What is there and is no regular file (/dev/stdout, a named
    pipe) can't be replaced by one: it is written to as it is. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with _opened(draft, path) as stream:
            yield stream
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _opened(draft: Path, path: Path) -> BinaryIO:
    """A fresh file; where there can be none, the error names the file that was asked for."""
    try:
        return draft.open("xb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
