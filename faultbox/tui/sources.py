"""The files that a spec is made of, and whether somebody has written to one."""

from __future__ import annotations

import os
from collections.abc import Iterable


class Sources:
    """Looked at again and again. Names may be relative to the current directory."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._times: dict[str, tuple[int, int]] = {}
        self.add(names)

    def add(self, names: Iterable[str]) -> None:
        """Look at these files too, from what they are now."""
        for name in names:
            path = os.path.abspath(name)
            self._times.setdefault(path, _state(path))

    def changed(self) -> bool:
        """Whether one was written, made or removed since this was asked last."""
        now = {name: _state(name) for name in self._times}
        changed, self._times = now != self._times, now
        return changed


def _state(path: str) -> tuple[int, int]:
    """When a file was written, in ns, and which file it is (editors put another one in its place); 0 where none is."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
