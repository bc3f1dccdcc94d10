"""`flows.bin`: who moved which bytes between whom, as the kernel wrote it down, decoded when somebody asks.

A file is a header and records, both little-endian and multiples of eight bytes. The header: the magic, the length of
what follows as u32, JSON `{"lanes": {"1": "db", ...}}` padded with blanks. A record is `struct flow` of
bpf/observe_sockets.h; that of an opened end is followed by its two addresses. A file that was cut off (its world was
killed) ends at its last whole record.
"""

from __future__ import annotations

import ipaddress
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from faultbox.model.flow import Flow, FlowKind

MAGIC: Final = b"FBFLOWS1"
_LENGTH: Final = struct.Struct("<I")
_RECORD: Final = struct.Struct("<HBBHHIIQQIIII")
"""size, kind, bits, lane, detail, tid, pid, time, began, end, length, position, other."""
ADDRESSES: Final = struct.Struct("<HHHxx16s16s")
"""family, local port, remote port, local address, remote address."""
_KINDS: Final[Mapping[int, FlowKind]] = {
    1: "opened",
    2: "sent",
    3: "received",
    4: "closed",
    5: "wrote",
    6: "waits",
    7: "forked",
    8: "ended",
    9: "came",
}
_KIND_AT: Final = 2
_WROTE: Final = 5
_ACCEPTED: Final = 1
_DETAILS: Final[Mapping[tuple[FlowKind, int], str]] = {
    ("wrote", 1): "stdout",
    ("wrote", 2): "stderr",
    ("sent", 3): "pipe",
    ("received", 3): "pipe",
    ("came", 1): "datagram",
    ("came", 2): "signal",
    ("waits", 1): "epoll",
    ("waits", 2): "poll",
    ("waits", 3): "select",
    ("waits", 4): "futex",
    ("waits", 5): "sleep",
}
_INET, _INET6 = 2, 10
_CHUNK: Final = 1 << 20


class NotFlows(Exception):
    """A file is not a `flows.bin` that this version reads."""


def header(lanes: Mapping[int, str]) -> bytes:
    """What a file of flows begins with: the lanes by the numbers that records have."""
    text = json.dumps({"lanes": {str(number): name for number, name in lanes.items()}}).encode()
    text += b" " * (-(len(MAGIC) + _LENGTH.size + len(text)) % 8)
    return MAGIC + _LENGTH.pack(len(text)) + text


def flows(path: Path) -> Iterator[Flow]:
    """The flows of a case, in the order in which the kernel wrote them down; times of two threads may cross.

    Raises OSError, and NotFlows where the file's beginning is not one of ours. An empty file has none.
    """
    with path.open("rb") as file:
        lanes = _lanes(file, path)
        rest = b""
        while chunk := file.read(_CHUNK):
            rest += chunk
            used = 0
            while (size := _whole(rest, used)) > 0:
                yield _flow(rest, used, lanes)
                used += size
            if size < 0:
                return
            rest = rest[used:]


def written(records: Sequence[bytes]) -> Iterator[Flow]:
    """Those of these records that tell of writes to outputs; whose lane is, isn't looked up."""
    for record in records:
        if record[_KIND_AT] == _WROTE:
            yield _flow(record, 0, {})


def text_of(family: int, address: bytes, port: int) -> str:
    """An address as the kernel keeps it (16 bytes, network order): "127.0.0.1:80", "[::1]:80", "" for none."""
    if family == _INET:
        return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}:{port}"
    if family == _INET6:
        return f"[{ipaddress.IPv6Address(address)}]:{port}"
    return ""


def _lanes(file: BinaryIO, path: Path) -> dict[int, str]:
    start = file.read(len(MAGIC) + _LENGTH.size)
    if not start:
        return {}
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + _LENGTH.size:
        raise NotFlows(f"{path}: no flows that this version of faultbox reads")
    text = file.read(_LENGTH.unpack_from(start, len(MAGIC))[0])
    try:
        return {int(number): name for number, name in json.loads(text)["lanes"].items()}
    except (ValueError, KeyError, AttributeError) as error:
        raise NotFlows(f"{path}: its header can't be read: {error}") from None


def _whole(records: bytes, at: int) -> int:
    """The size of the record that stands there whole; 0 where more must be read first, -1 where none can follow."""
    left = len(records) - at
    if left < _RECORD.size:
        return 0
    size = records[at] | records[at + 1] << 8
    if size < _RECORD.size or size % 8 or records[at + _KIND_AT] not in _KINDS:
        return -1
    return size if size <= left else 0


def _flow(records: bytes, at: int, lanes: Mapping[int, str]) -> Flow:
    size, number, bits, lane, detail, tid, pid, time, began, end, length, position, other = _RECORD.unpack_from(
        records, at
    )
    kind = _KINDS[number]
    local, remote = _DETAILS.get((kind, detail), ""), ""
    if size >= _RECORD.size + ADDRESSES.size:
        family, port, far, here, there = ADDRESSES.unpack_from(records, at + _RECORD.size)
        local, remote = text_of(family, here, port), text_of(family, there, far)
    return Flow(
        time_ns=time,
        began_ns=began,
        lane=lanes.get(lane, ""),
        pid=pid,
        tid=tid,
        kind=kind,
        end=end,
        length=length,
        position=position,
        peer=other if kind == "opened" else 0,
        local=local,
        remote=remote,
        accepted=bool(bits & _ACCEPTED),
        child=other if kind == "forked" else 0,
    )
