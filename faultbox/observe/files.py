"""Files as the kernel tells them: events of those that are asked for, totals of all."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from faultbox.linux import bpf
from faultbox.linux.openat2 import open_in_root
from faultbox.model.event import Event
from faultbox.model.observation import FileTotals
from faultbox.observe import layout
from faultbox.observe.calls import Head, path_text

FILE_RECORD: Final = struct.Struct("=QI4x")
"""struct file_record after its head: bytes, unresolved."""
FILE_KEY: Final = struct.Struct("=QQQIH2x")
"""struct file_key: number, inode, until_ns, device, lane."""
FILE_TOTALS: Final = struct.Struct("=7QH256s6x")
"""struct file_totals: opens, reads, bytes_read, writes, bytes_written, syncs, mappings, length, path."""
_MOST: Final = 65536

_AT = layout.RECORD.size
_TEXTS = _AT + FILE_RECORD.size
_OPS = ("open", "create", "write", "sync", "rename", "unlink", "truncate", "link")
_WITH_BYTES = frozenset(("write", "truncate"))
KINDS: Final = range(layout.Kind.FILES, layout.Kind.FILES + len(_OPS))


def decode(service: str, head: Head, record: bytes) -> Event:
    """One file's event. `bytes`: written, or its length after `truncate`. A file without a name has no `path`.

    `rename` and `link` have `to`. Their paths, and those of `unlink`, are found again from what the program named: "?"
    where that could not be read.
    """
    time_ns, pid, tid, kind, _, first, second = head
    count, unresolved = FILE_RECORD.unpack_from(record, _AT)
    op = _OPS[kind - layout.Kind.FILES]
    texts = [path_text(record[_TEXTS:], first)]
    if op in ("rename", "link"):
        texts.append(path_text(record[_TEXTS + (first & ~layout.CUT) :], second))
    if unresolved:
        texts = [_resolved(pid, each) if each else "?" for each in texts]
    fields = {"op": op, "path": texts[0], "to": "".join(texts[1:]), "pid": str(pid), "tid": str(tid)}
    if op in _WITH_BYTES:
        fields["bytes"] = str(count)
    return Event(time_ns, "file", service, {key: value for key, value in fields.items() if value})


def new_totals() -> int:
    """A world's map of files, as a descriptor. Raises OSError."""
    return bpf.create(bpf.HASH, FILE_KEY.size, FILE_TOTALS.size, _MOST, bpf.NO_PREALLOC)


def totals(files: int, lanes: Sequence[str]) -> Iterator[FileTotals]:
    """What a world's map of files has, by service and path: files that had the same path one after another are one."""
    sums: dict[tuple[str, str], list[int]] = {}
    for key in bpf.keys(files, FILE_KEY.size):
        value = bpf.lookup(files, key, FILE_TOTALS.size)
        if value is None:
            continue
        *counts, length, path = FILE_TOTALS.unpack(value)
        place = lanes[FILE_KEY.unpack(key)[4]], path_text(path, length) or "(no name)"
        known = sums.get(place, [0] * 7)
        sums[place] = [old + new for old, new in zip(known, counts, strict=True)]
    for (service, path), numbers in sorted(sums.items()):
        yield FileTotals(service, path, *numbers)


def _resolved(pid: int, path: str) -> str:
    """A path without symbolic links on its way, as the process sees it; where it is gone, as the program named it.

    Its last part stays: that is the name which was made or removed.
    """
    parent, _, name = path.rstrip("/").rpartition("/")
    with contextlib.suppress(OSError):
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            directory = open_in_root(root, parent or "/", os.O_DIRECTORY)
        finally:
            os.close(root)
        try:
            found = os.readlink(f"/proc/self/fd/{directory}")
        finally:
            os.close(directory)
        return f"{found.rstrip('/')}/{name}"
    return path
