"""Laying out a bundle's entries as files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from faultbox.evidence.bundle import MAX_READ, Bundle
from faultbox.evidence.errors import BadBundle


class NoRoom(Exception):
    """The target can't take the files: it is not empty, or the disk has too little room."""


def extract(bundle: Bundle, names: Sequence[str], directory: Path) -> int:
    """Write these entries below a directory that is new or empty; how many there were.

    Nothing is written unless all that the entries claim to hold fits, and no entry gives more than it
    claims. Raises NoRoom, BadBundle or OSError.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise NoRoom(f"{directory} is not empty")
    sizes = {entry.filename: entry.file_size for entry in bundle.entries}
    wanted = sum(sizes[name] for name in names)
    directory.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory).free
    if wanted > free:
        raise NoRoom(f"{directory} has room for {free >> 20} MiB, and the bundle claims {wanted >> 20} MiB")
    for name in names:
        _write(bundle, name, directory / name)
    return len(names)


def extract_spec(bundle: Bundle, directory: Path) -> Path:
    """Lay out the spec's files below an empty directory; returns where the spec itself is. Raises BadBundle."""
    sizes = {entry.filename: entry.file_size for entry in bundle.entries}
    if sum(sizes[name] for name in bundle.sources) > MAX_READ:
        raise BadBundle(f"{bundle.path}: its spec is larger than {MAX_READ >> 20} MiB")
    spec = bundle.spec
    for name in bundle.sources:
        _write(bundle, name, directory / name)
    return directory / spec


def _write(bundle: Bundle, name: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            bundle.copy(name, stream)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise BadBundle(f"{bundle.path}: {name} is both a file and a directory") from None
