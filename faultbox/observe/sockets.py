"""Connections as the kernel tells them: events of those that are asked for, totals of all."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from faultbox.linux import bpf
from faultbox.model.event import Event
from faultbox.model.observation import DRIVER, READINESS, ConnectionTotals
from faultbox.observe import layout
from faultbox.observe.calls import Decode, Head
from faultbox.observe.flows import ADDRESSES, text_of
from faultbox.observe.peers import Peers, shown_address

SOCKET_RECORD: Final = struct.Struct("=QQQ4xHH")
"""struct socket_record after its head, before its addresses: sent, received, lasted_ns, caller, called."""
EDGE: Final = struct.Struct("=HHHxx16s")
"""struct edge: lane, family, port, address."""
EDGE_TOTALS: Final = struct.Struct("=6Q")
"""struct edge_totals: opened, refused, reset, sent, received, retransmits."""
_MOST: Final = 8192

Counted = Mapping[bytes, tuple[int, ...]]
"""A world's map of edges, as it was at some time."""
_NOTHING = (0,) * 6
_NOBODY = 0xFFFF
_AT = layout.RECORD.size
_OPS = ("connect", "accept", "refused", "reset", "close", "retransmit")
_ENDINGS = frozenset(("reset", "close"))
KINDS: Final = range(layout.Kind.SOCKETS, layout.Kind.SOCKETS + len(_OPS))


def decoder(peers: Peers, lanes: Sequence[str], driving_ns: Callable[[], float]) -> Decode:
    """What makes events of records of connections. `driving_ns`: since when the driver's are the scenario's.

    `local` and `peer` are addresses, `caller` and `callee` lanes, where they are known. `bytes_sent`,
    `bytes_received` (by the owner's calls) and `lasted_ms` stand at an end. `pid` and `tid` are whose call it was, and
    are missing where it was nobody's.
    """

    def decode(service: str, head: Head, record: bytes) -> Event:
        time_ns, pid, tid, kind = head[:4]
        sent, received, lasted_ns, caller, called = SOCKET_RECORD.unpack_from(record, _AT)
        family, port, far, here, there = ADDRESSES.unpack_from(record, _AT + SOCKET_RECORD.size)
        op = _OPS[kind - layout.Kind.SOCKETS]
        fields = {
            "op": op,
            "local": text_of(family, here, port) if port else "",
            "peer": text_of(family, there, far),
            "caller": "" if caller == _NOBODY else _caller(lanes[caller], early=time_ns - lasted_ns < driving_ns()),
            "callee": callee_at(peers, family, *((there, far) if called else (here, port)))
            or ("" if called else service),
            "pid": str(pid) if pid else "",
            "tid": str(tid) if pid else "",
        }
        if op in _ENDINGS:
            fields["bytes_sent"] = str(sent)
            fields["bytes_received"] = str(received)
            fields["lasted_ms"] = f"{lasted_ns / 1e6:.3f}"
        return Event(time_ns, "socket", service, {key: value for key, value in fields.items() if value})

    return decode


def _caller(lane: str, *, early: bool) -> str:
    return READINESS if early and lane == DRIVER else lane


def callee_at(peers: Peers, family: int, address: bytes, port: int) -> str:
    """The service that listens at an address; "" where none does."""
    shown = shown_address(family, address)
    found = peers.port_at(shown, port) if shown else None
    return found.service if found is not None else ""


def new_totals() -> int:
    """A world's map of edges, as a descriptor. Raises OSError."""
    return bpf.create(bpf.HASH, EDGE.size, EDGE_TOTALS.size, _MOST, bpf.NO_PREALLOC)


def counted(edges: int) -> Counted:
    found = ((key, bpf.lookup(edges, key, EDGE_TOTALS.size)) for key in bpf.keys(edges, EDGE.size))
    return {key: EDGE_TOTALS.unpack(value) for key, value in found if value is not None}


def totals(edges: int, lanes: Sequence[str], peers: Peers, early: Counted) -> Iterator[ConnectionTotals]:
    """What a world's map of edges has: by caller, and by service and port or, where there is no service, by port.

    `early`: what it had before the scenario began, when the driver's were the readiness checks'.
    """
    sums: dict[tuple[str, str, int], list[int]] = {}
    for key, numbers in counted(edges).items():
        lane, family, port, address = EDGE.unpack(key)
        before = early.get(key, _NOTHING) if lanes[lane] == DRIVER else _NOTHING
        later = [number - part for number, part in zip(numbers, before, strict=True)]
        for caller, part in ((READINESS, before), (lanes[lane], later)):
            if any(part):
                place = caller, callee_at(peers, family, address, port), port
                known = sums.get(place, _NOTHING)
                sums[place] = [old + new for old, new in zip(known, part, strict=True)]
    for (caller, callee, port), (opened, refused, reset, sent, received, retransmits) in sorted(sums.items()):
        yield ConnectionTotals(caller, callee, port, opened, refused, reset, sent, received, retransmits)
