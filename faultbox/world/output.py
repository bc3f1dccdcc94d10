"""What a service prints: drained from its pipe to a file, never holding the service up, never filling the disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
from pathlib import Path
from typing import Protocol

KEPT = 8 << 20
"""Bytes kept of the beginning, and again of the end."""
LINE_MAX = 1 << 20
"""Longer lines are handed on in parts."""

_PIPE_SIZE = 1 << 20
"""fs.pipe-max-size, as the kernel sets it: what a service may print while nobody drains."""
_CHUNK = 1 << 20


class LineSink(Protocol):
    """Gets a line without its end; `whole` is False for all parts but the last of one longer than LINE_MAX."""

    def __call__(self, line: bytes, *, whole: bool) -> None: ...


class Output:
    """One stream of a service. `fd` is the pipe's read end, owned from here on.

    The file at `path` holds the first KEPT bytes as soon as they are drained; what follows is kept
    in memory, as far as it belongs to the last KEPT bytes, and added by `close`, behind a line that says
    how much was cut. One thread may use an Output.
    """

    def __init__(self, fd: int, path: Path, on_line: LineSink | None = None) -> None:
        self._fd = fd
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._on_line = on_line
        self._head = 0
        self._tail = _Ring(KEPT)
        self._line = bytearray()
        self._open = True
        os.set_blocking(fd, False)
        with contextlib.suppress(PermissionError):  # pipe-user-pages-soft: it stays at its 64 KiB, and works
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)

    def fileno(self) -> int:
        return self._fd

    def drain(self) -> bool:
        """Take all that had been printed when this was called; whether more may come. Never waits."""
        left = self._waiting()
        while self._open and left >= 0:
            taken = self._take(max(left, 1))
            if taken is None:
                break
            left -= taken
            if left == 0:
                break
        return self._open

    def tail(self, lines: int) -> list[str]:
        """The last lines, decoded, bytes that are no UTF-8 replaced."""
        data = self._tail.content()
        if len(data) < _CHUNK:
            start = max(0, self._head - _CHUNK)
            data = os.pread(self._file, self._head - start, start) + data
        return data.decode(errors="replace").splitlines()[-lines:] if lines else []

    def close(self) -> None:
        """Drain a last time and complete the file. Safe to call again."""
        if self._fd < 0:
            return
        self.drain()
        if self._line and self._on_line is not None:
            self._on_line(bytes(self._line), whole=True)
        if self._tail.cut:
            _write_all(self._file, b"\n[faultbox: %d bytes are cut here]\n" % self._tail.cut)
        _write_all(self._file, self._tail.content())
        os.close(self._file)
        os.close(self._fd)
        self._fd = -1

    def _waiting(self) -> int:
        """Bytes in the pipe."""
        return int(struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0"))[0])

    def _take(self, most: int) -> int | None:
        """Move at most that many bytes; how many, None when there are none now or at the end of file."""
        try:
            if self._on_line is None and self._head < KEPT:
                # Straight from the pipe's pages to the file's: splice(2).
                count = os.splice(self._fd, self._file, min(most, KEPT - self._head))
                self._head += count
            elif self._on_line is None:
                count = self._tail.read_from(self._fd, min(most, _CHUNK))
            else:
                count = self._keep(os.read(self._fd, min(most, _CHUNK)))
        except BlockingIOError:
            return None
        if count == 0:
            self._open = False
            return None
        return count

    def _keep(self, data: bytes) -> int:
        fits = min(len(data), KEPT - self._head)
        if fits:
            _write_all(self._file, data[:fits])
            self._head += fits
        if fits < len(data):
            self._tail.add(data[fits:])
        self._split(data)
        return len(data)

    def _split(self, data: bytes) -> None:
        assert self._on_line is not None
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line += line
            self._flush_long()
            self._on_line(bytes(self._line), whole=True)
            self._line.clear()
        self._line += rest
        self._flush_long()

    def _flush_long(self) -> None:
        assert self._on_line is not None
        while len(self._line) > LINE_MAX:
            self._on_line(bytes(self._line[:LINE_MAX]), whole=False)
            del self._line[:LINE_MAX]


class _Ring:
    """The last `size` bytes of a stream. Takes memory only once there is something to keep."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._data = bytearray()
        self._total = 0

    @property
    def cut(self) -> int:
        """Bytes that went through and are not kept."""
        return max(0, self._total - self._size)

    def read_from(self, fd: int, most: int) -> int:
        """Read at most that many bytes straight into place; how many came."""
        view = self._room()
        start = self._total % self._size
        count = os.readv(fd, [view[start : min(start + most, self._size)]])
        self._total += count
        return count

    def add(self, data: bytes) -> None:
        view = self._room()
        for begin in range(0, len(data), self._size):
            part = data[begin : begin + self._size]
            start = self._total % self._size
            first = min(len(part), self._size - start)
            view[start : start + first] = part[:first]
            view[: len(part) - first] = part[first:]
            self._total += len(part)

    def content(self) -> bytes:
        """What is kept, oldest first."""
        if self._total <= self._size:
            return bytes(self._data[: self._total])
        start = self._total % self._size
        return bytes(self._data[start:] + self._data[:start])

    def _room(self) -> memoryview:
        if not self._data:
            self._data = bytearray(self._size)
        return memoryview(self._data)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
