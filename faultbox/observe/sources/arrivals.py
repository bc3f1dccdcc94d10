"""Files that come into a directory, by where they are now: a log may be rotated before anybody has looked at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from faultbox.linux.inotify import CREATE, DELETE, MOVED_FROM, MOVED_TO, OVERFLOW, Change

MASK = CREATE | DELETE | MOVED_FROM | MOVED_TO
_ADDED = re.compile(r"[.-]\d|\.old$|~$")
"""Where what a rotation adds to a name begins: a number, a date (logrotate(8), Python's and Java's handlers)."""
_INSERTED = re.compile(r"-\d[\w:.+-]*(?=\.[A-Za-z]+$)")
"""The same before the last part of a name, as some of Go's loggers have it."""
_PACKED = (".gz", ".bz2", ".xz", ".zst")


class Arrivals:
    """Follows the names of files from when they came under a wanted one, until somebody has `met` them.

    `unmet` counts those that were removed, or left the directory, before.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._names: list[str] = []
        self._moving: dict[int, int] = {}
        """By a rename's cookie, how many files are under way: its other half may be told the next time, or never."""
        self.unmet = 0
        self.overflowed = False

    def names(self) -> list[str]:
        """The present names of all that came and has not been met."""
        return list(dict.fromkeys(self._names))

    def met(self, name: str) -> None:
        self._names = [each for each in self._names if each != name]

    def began(self, present: Iterable[str]) -> None:
        """Take in a directory that came after the start, and what it already has, oldest first.

        What happened there until now nobody was told: a file with a name as rotations give it had a wanted one.
        """
        former = [name for name in present if self._was_wanted(name)]
        readable = [name for name in former if not name.endswith(_PACKED)]
        self._names += readable
        self.unmet += len(former) - len(readable)

    def take(self, changes: Iterable[Change], directory: int) -> None:
        """Take in what happened, some of it in the directory with this number of a watch."""
        before = set(self._moving)
        for change in changes:
            if change.mask & OVERFLOW:
                self.overflowed = True
            elif change.watch == directory and change.name:
                self._take(change)
        self.unmet += sum(self._moving.pop(cookie) for cookie in before & self._moving.keys())

    def _take(self, change: Change) -> None:
        name = change.name
        if change.mask & MOVED_FROM:
            if name in self._names:
                self._moving[change.cookie] = self._drop(name)
        elif change.mask & DELETE:
            self.unmet += self._drop(name)
        elif change.mask & MOVED_TO:
            followed = self._moving.pop(change.cookie, 0)
            self.unmet += self._drop(name)
            if followed or self._wanted(name):
                self._names.append(name)
        elif change.mask & CREATE and self._wanted(name):
            self._names.append(name)

    def _was_wanted(self, name: str) -> bool:
        return not self._wanted(name) and (
            any(self._wanted(name[: added.start()]) for added in _ADDED.finditer(name))
            or self._wanted(_INSERTED.sub("", name))
        )

    def _drop(self, name: str) -> int:
        """Forget a name; how many files had it."""
        count = self._names.count(name)
        self.met(name)
        return count
