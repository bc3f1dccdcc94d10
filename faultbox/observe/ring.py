"""A ring of records that programs in the kernel write and we read without a call: Documentation/bpf/ringbuf.rst."""

from __future__ import annotations

import mmap
import os
import struct

from faultbox.linux import bpf

_LENGTH = struct.Struct("=I")
_HEADER = 8
_BUSY, _DISCARDED = 0x80000000, 0x40000000


class Ring:
    """`size` bytes, a power of two and at least a page. Its descriptor polls readable while there is something."""

    def __init__(self, size: int) -> None:
        self.fd = bpf.create(bpf.RING, 0, 0, size)
        self._mask = size - 1
        # The reader's position, then a page with the writer's, then the data twice, so that no record is in two parts.
        self._ours = mmap.mmap(self.fd, mmap.PAGESIZE)
        self._theirs = mmap.mmap(self.fd, mmap.PAGESIZE + 2 * size, prot=mmap.PROT_READ, offset=mmap.PAGESIZE)
        self._read = memoryview(self._ours)[:8].cast("Q")
        self._written = memoryview(self._theirs)[:8].cast("Q")
        self._data = memoryview(self._theirs)[mmap.PAGESIZE :]

    @property
    def written(self) -> int:
        """How far writers have claimed room: everything before has happened, though it may not be readable yet."""
        return self._written[0]

    @property
    def position(self) -> int:
        """How far we have read."""
        return self._read[0]

    def take(self, most: int) -> list[bytes]:
        """The next records, oldest claim first, up to one that is still being written; at most `most` of them."""
        position, until, mask, data = self._read[0], self._written[0], self._mask, self._data
        records: list[bytes] = []
        while position < until and len(records) < most:
            at = position & mask
            length: int = _LENGTH.unpack_from(data, at)[0]
            if length & _BUSY:
                break
            size = length & ~_DISCARDED
            if size == length:
                records.append(bytes(data[at + _HEADER : at + _HEADER + size]))
            position += (size + _HEADER + 7) & ~7
        self._read[0] = position
        return records

    def close(self) -> None:
        for view in (self._read, self._written, self._data):
            view.release()
        self._ours.close()
        self._theirs.close()
        os.close(self.fd)
