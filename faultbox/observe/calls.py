"""System calls as the kernel tells them: events of those that are asked for, totals of all."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from faultbox.linux import bpf
from faultbox.linux.fdkind import fd_kind
from faultbox.model.event import Event
from faultbox.model.fault import FdKind
from faultbox.model.observation import CallTotals
from faultbox.model.syscalls import family_of, names
from faultbox.observe import layout
from faultbox.observe.peers import Peers
from faultbox.observe.programs import machine

Head = tuple[int, ...]
"""What layout.RECORD gives: time, pid, tid, kind, lane, and the lengths of its two texts."""
Decode = Callable[[str, Head, bytes], Event]
"""From a lane's name, a record's head and the whole record."""

RETURNED, UNREADABLE, BEGINS = 1, 2, 4
_NO_SIZE = (1 << 64) - 1
_INVALID = 0x7FFF
_COMPAT = 0x8000
"""In the key of totals: the call is of a 32-bit table."""
_RESTARTS: Mapping[int, str] = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    516: "ERESTART_RESTARTBLOCK",
}
"""What a call that a signal interrupts gives the kernel, before that starts it again or says EINTR (linux/errno.h)."""
_NEEDLESS = re.compile(r"/(?:\.?/)+|/\.$")
_AT = layout.RECORD.size
_TEXTS = _AT + layout.CALL_RECORD.size


def decoder(peers: Peers) -> Decode:
    """What makes events of records of calls."""
    by_number = names(machine())

    def decode(service: str, head: Head, record: bytes) -> Event:
        time_ns, pid, tid, _, _, first, second = head
        began, ret, size, number, fd, device, mode, family, flags, own, port, address = layout.CALL_RECORD.unpack_from(
            record, _AT
        )
        name = by_number.get(number, f"syscall_{number}")
        fields = {
            "syscall": name,
            "family": family_of(name),
            "pid": str(pid),
            "tid": str(tid),
            "path": path_text(record[_TEXTS:], first),
            "fd": str(fd) if fd >= 0 else "",
            "kind": _kind(mode, device) if mode else ("file" if first else ""),
            "peer": "",
            "size": str(size) if size != _NO_SIZE else "",
            "decision": "allow",
        }
        if family == socket.AF_UNIX:
            fields["peer"] = _unix(record[_TEXTS + (first & ~layout.CUT) :][:second])
        elif family:
            fields["peer"] = peers.accepted_on(service, own) or peers.text(family, socket.ntohs(port), address)
        elif second:
            fields["to"] = path_text(record[_TEXTS + (first & ~layout.CUT) :], second)
        if flags & RETURNED:
            fields["result"] = str(ret)
            fields["errno"] = errno_name(ret)
            fields["took_us"] = f"{(time_ns - began) / 1000:.1f}" if began else ""
        if flags & UNREADABLE:
            fields["path"] = "?"
        if flags & BEGINS:
            fields["unfinished"] = "true"
        return Event(time_ns, "syscall", service, {key: value for key, value in fields.items() if value})

    return decode


def totals(counts: int, lanes: Sequence[str]) -> Iterator[CallTotals]:
    """What a world's map of counts has, by service and call."""
    by_number, by_compat = names(machine()), names("i386")
    size = layout.TOTAL.size * bpf.processors()
    for key in sorted(bpf.keys(counts, layout.INDEX.size)):
        value = bpf.lookup(counts, key, size)
        if value is None:
            continue
        lane, number = divmod(layout.INDEX.unpack(key)[0], 1 << 16)
        known = by_compat if number & _COMPAT and machine() == "x86_64" else by_number
        name = "invalid" if number == _INVALID else known.get(number & ~_COMPAT, f"syscall_{number & ~_COMPAT}")
        shown = f"{name} (32-bit)" if number & _COMPAT else name
        yield _total(lanes[lane], shown, list(layout.TOTAL.iter_unpack(value)))


def _total(service: str, name: str, by_processor: Sequence[tuple[int, ...]]) -> CallTotals:
    calls, errors, total_ns, _, *histogram = map(sum, zip(*by_processor, strict=True))
    while histogram and not histogram[-1]:
        histogram.pop()
    most = max(each[3] for each in by_processor)
    return CallTotals(service, name, calls, errors, total_ns, most, tuple(histogram))


@cache
def errno_name(ret: int) -> str:
    """The name of the error that a call has given; "" where it gave none."""
    if not -4095 <= ret < 0:
        return ""
    return errno.errorcode.get(-ret) or _RESTARTS.get(-ret, str(-ret))


def path_text(data: bytes, length: int) -> str:
    """As a path is written; `..` stays, for what is before it may be a symbolic link."""
    return _NEEDLESS.sub("/", layout.text(data, length)) if length else ""


def _unix(name: bytes) -> str:
    """A socket's address in the file system, or one in a name space of its own."""
    if name.startswith(b"\0"):
        return "@" + os.fsdecode(name[1:])
    return os.fsdecode(name.split(b"\0")[0])


@cache
def _kind(mode: int, device: int) -> FdKind:
    """The kernel's own form of a device number has twelve bits of major, twenty of minor (linux/kdev_t.h)."""
    return fd_kind(mode, device >> 20)
