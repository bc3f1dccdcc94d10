"""The structures that programs in the kernel and we both know, as bpf/observe*.h have them."""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Final

CALLS: Final = 512
BUCKETS: Final = 32
WORLDS: Final = 1024

KEY: Final = struct.Struct("=Q")
INDEX: Final = struct.Struct("=I")
LANE: Final = struct.Struct("=QIHBBQ64s64s")
"""struct lane: world, slot, number, wants, moves_in, spent_ns, calls, begins."""
CALL: Final = struct.Struct("=QQQQq6QIIIIQII96x")
"""struct call, the storage of a task."""
RECORD: Final = struct.Struct("=QIIHHHH")
"""struct record: time, pid, tid, kind, lane, and the lengths of its texts."""
CUT: Final = 0x8000
"""With a text's length: its beginning is missing."""
CALL_RECORD: Final = struct.Struct("=QqQIiIHBBHH16s4x")
"""struct call_record after its head: began_ns, ret, size, number, fd, device, mode, family, flags, ports, address."""
FLAGS: Final = struct.calcsize("=QqQIiIHB")
"""Where in it the flags are."""
LIFE_RECORD: Final = struct.Struct("=III4x")
"""struct life_record after its head: parent, status, oom."""
TOTAL: Final = struct.Struct(f"=QQQQ{BUCKETS}I")
"""struct total: calls, errors, total_ns, max_ns, histogram."""
SHAPE: Final = struct.Struct("=8b")
"""struct shape: fd, directory, path, directory2, path2, address, size, makes."""


class Wants(IntFlag):
    """WANTS_*: what of a lane is told beyond totals and lives."""

    CALLS = 1
    FILES = 2
    SOCKETS = 4
    FLOWS = 8
    BEGINS = 16


class Kind(IntEnum):
    """enum kind: what a record is of. Those of sockets begin at SOCKETS, those of files at FILES."""

    CALL = 1
    FORKED = 2
    EXECED = 3
    EXITED = 4
    SOCKETS = 16
    FILES = 32


LOST: Final = ("syscall", "process", "socket", "file", "flows", "totals", "tasks", "begun")
"""enum lost: what was lost, by the type of its events where it had been events."""


def text(data: bytes, length: int) -> str:
    """A path, or what else a program said in bytes. "…" stands for a beginning that is missing."""
    said = data[: length & ~CUT].decode("utf-8", "surrogateescape")
    return f"…{said}" if length & CUT else said
