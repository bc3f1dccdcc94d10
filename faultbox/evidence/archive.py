"""Writing a bundle's zip file: whole or not at all, and equal content as equal bytes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file knows: entries have none of their own, so that equal runs give equal bundles."""
_LEVEL = 3
"""Of deflate. Events are repetitive: 6 makes them a tenth smaller and takes twice as long."""
_LARGE = 1 << 30
"""Bytes from which an entry is announced as one that may need 64-bit sizes."""


class Archive:
    """The entries of a zip file that is being written."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def open(self, name: str, size: int = 0) -> IO[bytes]:
        """An entry to write into, one at a time; `size` is about how much it will be."""
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3  # Unix, whoever makes it
        entry.external_attr = 0o100644 << 16
        return self._file.open(entry, "w", force_zip64=size >= _LARGE)

    def json(self, name: str, shape: object) -> None:
        with self.open(name) as target:
            target.write(json.dumps(shape, indent=1).encode() + b"\n")

    def content(self, name: str, content: bytes) -> None:
        with self.open(name, len(content)) as target:
            target.write(content)

    def copy(self, name: str, source: IO[bytes], size: int) -> None:
        with self.open(name, size) as target:
            shutil.copyfileobj(source, target, 1 << 18)


def write(path: Path, default_name: str, fill: Callable[[Archive], None]) -> Path:
    """Make a zip file, with `fill` for its content; returns where it is.

    `path` is a directory (then the file has the default name, and nothing is ever overwritten) or a
    file, which is replaced. Raises OSError and what `fill` raises; then no file is left.
    """
    directory = path if path.is_dir() else path.parent
    draft = directory / f".{os.getpid()}-{os.urandom(4).hex()}.fb.tmp"
    try:
        with draft.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file:
                fill(Archive(file))
            stream.flush()
            os.fsync(stream.fileno())
        target = _reserve(path / default_name) if path.is_dir() else path
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(directory)
    return target


def _reserve(path: Path) -> Path:
    """An empty file of that name, or of the first name like it that is free."""
    candidate = path
    for number in range(2, 10_000):
        with contextlib.suppress(FileExistsError):
            candidate.open("xb").close()
            return candidate
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    raise FileExistsError(f"{path} and {number - 1} others like it exist")


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut, as the content does."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
