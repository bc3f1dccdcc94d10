"""Lines that are appended to files in a world, as events."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import select
import stat
import time
from collections.abc import Callable, Iterator

from faultbox.linux import inotify
from faultbox.linux.openat2 import open_in_root
from faultbox.model.event import Event, EventsLost
from faultbox.observe.decoders import Decode, raw
from faultbox.observe.sources.arrivals import MASK, Arrivals

LINE_MAX = 1 << 20
"""Longer lines become several events."""
_AT_ONCE = 4 << 20
"""Bytes read before somebody else gets a turn."""
_CHUNK = 1 << 18
_KEPT = 32
"""Files without a name any more (rotated away, removed) that are still read from; the oldest is let go first."""
_GLOB = set("*?[")
_TYPES = frozenset(("tail",))
_MARK = 64
"""By so many bytes before the place where reading stopped it is known whether a file was filled anew."""


class TailSource:
    """Events of type `tail` from what is appended to the files that `path` names.

    `root` is a directory's path: that of the world's disk as its services see it, in which `path` is looked up; the
    last part of `path` may be a glob. What the files hold now is passed over, those that come later are read from
    their beginning. In a directory that comes later itself, these include what was rotated there before it could be
    looked at, by its name. A file is followed when it is renamed or removed, and read again from its beginning when it
    has become shorter or holds something else where its reading stopped: it was truncated and filled again. One that
    came and went before it could be read is told as lost. Not seen is what stood in a file between the last look at it
    and its truncation, and what came and went in a directory that did not exist at the last look.

    A line's time is when the file was looked at and had it. Raises OSError where this
    user has no inotify instance left (fs.inotify.max_user_instances).
    """

    def __init__(
        self,
        service: str,
        path: str,
        root: str,
        decode: Decode | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._service = service
        self._path = path
        self._directory, _, self._pattern = path.rpartition("/")
        self._decode = decode or raw
        self._clock = clock
        self._files: list[_File] = []
        self._arrivals = Arrivals(self._wanted)
        self._unmet = 0
        self._watch = -1
        self._token = self._promised = self._looked_ns = 0
        self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._inotify = inotify.init()
        self._again = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.epoll()
        for fd in (self._inotify, self._again):
            self._poll.register(fd, select.EPOLLIN)
        self._find(from_end=True)

    @property
    def name(self) -> str:
        return f"{self._path} of {self._service}"

    def fileno(self) -> int:
        return self._poll.fileno()

    def ask(self, token: int) -> None:
        """What the files hold when this is called was written before: once it is read, that is promised."""
        self._token = token
        self._look()

    def drain(self) -> list[Event]:
        """What was appended; no more than a few megabytes at a time, then `fileno` polls readable again.

        Raises EventsLost where a file can't be read any more.
        """
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._again)
        if self._promised >= self._token:  # otherwise the files, and how far to read them, are those of `ask`
            self._look()
        events = [self._event(file, line) for file, line in self._lines()]
        if any(file.behind for file in self._files):
            os.eventfd_write(self._again, 1)
        else:
            self._promised = self._token
        self._tell_lost(events)
        return events

    @property
    def promised(self) -> int:
        return self._promised

    def launching(self) -> None:
        """What a service writes when it is started again is appended too."""

    def close(self) -> None:
        """Give back every descriptor, those into the world's disk among them."""
        for file in self._files:
            file.close()
        self._poll.close()
        for fd in (self._inotify, self._again, self._root):
            os.close(fd)

    def _tell_lost(self, events: list[Event]) -> None:
        if self._arrivals.overflowed:
            self._arrivals.overflowed = False
            raise EventsLost(self.name, "more happened in its directory than could be followed", events, _TYPES)
        fresh, self._unmet = self._arrivals.unmet - self._unmet, self._arrivals.unmet
        if fresh:
            files = f"{fresh} file{'s' * (fresh > 1)}"
            raise EventsLost(self.name, f"{files} came and went unread", events, _TYPES)

    def _lines(self) -> Iterator[tuple[_File, bytes]]:
        left = _AT_ONCE
        for file in self._files:
            while file.behind and left > 0:
                before = file.position
                for line in file.read(min(_CHUNK, left)):
                    yield file, line
                left -= max(file.position - before, 1)

    def _event(self, file: _File, line: bytes) -> Event:
        fields, data = self._decode(line.rstrip(b"\r").decode("utf-8", "replace"))
        if "path" in fields:  # what a line says of paths must hide no file from who filters by its name
            data = {"path": fields["path"], **data}
        return Event(self._looked_ns, "tail", self._service, {**fields, "path": file.path}, data)

    # -- which files there are

    def _look(self) -> None:
        """Find how far the files go now."""
        self._find()
        for file in self._files:
            file.aim()
        self._looked_ns = self._clock()

    def _find(self, *, from_end: bool = False) -> None:
        """Begin to follow the files that have come; those that are followed get their present names."""
        for file in self._files:
            file.named = False
        for name in self._names(late=not from_end):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._meet(f"{self._directory}/{name}", from_end=from_end)
                self._arrivals.met(name)
        nameless = [file for file in self._files if not file.named and not file.behind]
        for file in nameless[: max(0, len(nameless) - _KEPT)]:
            self._files.remove(file)
            file.close()

    def _names(self, *, late: bool) -> list[str]:
        """Where files that have come are now, then those that the pattern means.

        `late`: a directory that is there for the first time has come since the source began.
        """
        directory, watch = self._watched_directory()
        self._arrivals.take(inotify.changes(self._inotify), watch)
        came, self._watch = late and watch != self._watch, watch
        if directory is None:
            return []
        try:
            if came:
                self._arrivals.began(_oldest_first(directory))
            if not _GLOB & set(self._pattern):
                return [*self._arrivals.names(), self._pattern]
            present = os.listdir(f"/proc/self/fd/{directory}")
            return [*self._arrivals.names(), *sorted(fnmatch.filter(present, self._pattern))]
        finally:
            os.close(directory)

    def _wanted(self, name: str) -> bool:
        return fnmatch.fnmatchcase(name, self._pattern) if _GLOB & set(self._pattern) else name == self._pattern

    def _watched_directory(self) -> tuple[int | None, int]:
        """The directory and its watch; where it does not exist yet, the nearest one above is watched."""
        wanted = path = self._directory or "/"
        while True:
            try:
                fd = open_in_root(self._root, path, os.O_DIRECTORY)
            except (FileNotFoundError, NotADirectoryError):
                path = os.path.dirname(path)
                continue
            watch = inotify.watch(self._inotify, fd, MASK)
            if path == wanted:
                return fd, watch
            os.close(fd)
            return None, -1

    def _meet(self, path: str, *, from_end: bool) -> None:
        found = open_in_root(self._root, path, 0)
        try:
            status = os.fstat(found)
            known = next((file for file in self._files if file.is_on(status)), None)
            if known is not None:
                known.path, known.named = path, True
            elif stat.S_ISREG(status.st_mode):
                inotify.watch(self._inotify, found, inotify.MODIFY)
                reading = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
                self._files.append(_File(reading, path, status.st_size if from_end else 0))
        finally:
            os.close(found)


def _oldest_first(directory: int) -> list[str]:
    times: dict[str, int] = {}
    for name in os.listdir(f"/proc/self/fd/{directory}"):
        with contextlib.suppress(FileNotFoundError):
            times[name] = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns
    return sorted(times, key=lambda name: (times[name], name))


class _File:
    """One file that is followed. `behind`: there is something to read, up to where `aim` found its end."""

    def __init__(self, fd: int, path: str, position: int) -> None:
        self.path = path
        self.position = position
        self.named = True
        self._fd = fd
        self._end = position
        self._mark = os.pread(fd, min(position, _MARK), max(0, position - _MARK))
        self._rest = b""
        self._cut = False

    @property
    def behind(self) -> bool:
        return self.position < self._end or self._cut

    def is_on(self, status: os.stat_result) -> bool:
        """Asked of the open file each time: on an overlay its numbers change when it is first written to."""
        own = os.fstat(self._fd)
        return (own.st_dev, own.st_ino) == (status.st_dev, status.st_ino)

    def aim(self) -> None:
        """What is in the file now is to be read."""
        self._end = os.fstat(self._fd).st_size
        if self._end < self.position or os.pread(self._fd, len(self._mark), self._marked) != self._mark:
            self._start_over()

    def read(self, most: int) -> Iterator[bytes]:
        """The lines that are complete with at most so many further bytes."""
        if self._cut:  # nobody will complete this line any more
            self._cut = False
            yield self._rest
            self._rest = b""
        data = os.pread(self._fd, len(self._mark) + min(most, self._end - self.position), self._marked)
        if not data.startswith(self._mark):
            self._start_over()
            return
        data = data[len(self._mark) :]
        if not data:  # it has become shorter since
            self._end = self.position
        self.position += len(data)
        self._mark = (self._mark + data)[-_MARK:]
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines
        while len(self._rest) >= LINE_MAX:
            yield self._rest[:LINE_MAX]
            self._rest = self._rest[LINE_MAX:]

    def close(self) -> None:
        os.close(self._fd)

    @property
    def _marked(self) -> int:
        return self.position - len(self._mark)

    def _start_over(self) -> None:
        self.position = 0
        self._mark = b""
        self._cut = bool(self._rest)
