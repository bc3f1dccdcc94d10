"""What a world wrote, read from its layers."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from faultbox.world.disk import FRESH
from faultbox.world.layout import Layer

_FRESH = tuple(f"{path}/" for path in FRESH)

Kind = Literal["file", "directory", "symlink", "deleted", "other"]


@dataclass(frozen=True, slots=True, order=True)
class ChangedFile:
    """A path of the world that differs from what the world began with. `size` in bytes, 0 unless a file."""

    path: str
    kind: Kind
    size: int = 0


def changed_in(layers: Sequence[Layer], ignored: Collection[str]) -> list[ChangedFile]:
    """All that the layers changed, by path; directories only where they are new."""
    found = (each for layer in layers for each in _walk(layer, ""))
    return sorted(each for each in found if each.path not in ignored)


def _walk(layer: Layer, inside: str) -> Iterator[ChangedFile]:
    for entry in os.scandir(layer.upper + inside):
        relative = f"{inside}/{entry.name}"
        path = layer.point.rstrip("/") + relative
        shape = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(shape.st_mode):
            below = layer.lowers[:-1] if path.startswith(_FRESH) else layer.lowers
            if not any(os.path.isdir(lower + relative) for lower in below):
                yield ChangedFile(path, "directory")
            yield from _walk(layer, relative)
        else:
            yield ChangedFile(path, _kind(shape), shape.st_size if stat.S_ISREG(shape.st_mode) else 0)


def _kind(shape: os.stat_result) -> Kind:
    if stat.S_ISREG(shape.st_mode):
        return "file"
    if stat.S_ISLNK(shape.st_mode):
        return "symlink"
    if stat.S_ISCHR(shape.st_mode) and shape.st_rdev == 0:
        return "deleted"  # overlayfs.rst: a whiteout is a character device 0/0
    return "other"
