"""Steering TCP connections, by who calls, to a listener that stands in for the service."""

from __future__ import annotations

import errno
import hashlib
import struct
from collections import Counter
from enum import IntEnum
from functools import partial
from pathlib import Path

from faultbox.linux import bpf
from faultbox.network.handle import Handle
from faultbox.network.programs import END, Programs, cgroup_id

_EDGE = struct.Struct("=QII")
"""struct edge of bpf/steer.bpf.c: world, slot, connections met."""
_SLOT = struct.Struct("=I")
_DESCRIPTOR = struct.Struct("=Q")
_SLOTS = 8192
"""Half of the entries of `listeners`: each slot has one for IPv4 and one for IPv6."""


class _Kind(IntEnum):
    STEERED = 0
    REFUSED = 1


class Steering:
    """The edges of one world. What it enters into the maps of the run holds the cgroup id of the world's callers."""

    def __init__(self, programs: Programs, world: int) -> None:
        maps = programs.of("steer").maps
        self._edges, self._slots, self._listeners = maps["edges"], maps["slots"], maps["listeners"]
        self._world = world
        self._refused: Counter[bytes] = Counter()

    def steer(self, caller: Path, port: int, listener: int, listener6: int | None, address: int) -> Handle:
        """New connections go to the listeners (TCP, of IPv4 and of IPv6); see Network.steer."""
        key = _key(caller, port, _Kind.STEERED, address)
        slot = self._claim()
        handle = Handle(lambda: bpf.delete(self._slots, _SLOT.pack(slot)))
        try:
            for which, descriptor in enumerate((listener, listener6)):
                if descriptor is not None:
                    at = _SLOT.pack(slot * 2 + which)
                    bpf.update(self._listeners, at, _DESCRIPTOR.pack(descriptor))
                    handle.also(partial(bpf.delete, self._listeners, at))
            bpf.update(self._edges, key, _EDGE.pack(self._world, slot, 0), bpf.NOEXIST)
        except FileExistsError:
            handle.close()
            raise ValueError(f"connections of {caller.name} to port {port} are steered already") from None
        except OSError:
            handle.close()
            raise
        handle.also(partial(bpf.delete, self._edges, key))
        return handle

    def refuse(self, caller: Path, port: int, address: int) -> Handle:
        """New connections meet a RST; several such holds on one edge end with the last."""
        key = _key(caller, port, _Kind.REFUSED, address)
        if not self._refused[key]:
            bpf.update(self._edges, key, _EDGE.pack(self._world, 0, 0))
        self._refused[key] += 1
        return Handle(lambda: self._accept(key))

    def refusals(self, caller: Path, port: int, address: int) -> int:
        """How many connections the hold has refused; 0 where there is none."""
        edge = bpf.lookup(self._edges, _key(caller, port, _Kind.REFUSED, address), _EDGE.size)
        return 0 if edge is None else int(_EDGE.unpack(edge)[2])

    def _accept(self, key: bytes) -> None:
        self._refused[key] -= 1
        if not self._refused[key]:
            bpf.delete(self._edges, key)

    def _claim(self) -> int:
        """A slot that no world of this run has; where to look first depends on the world, so that few collide."""
        digest = hashlib.blake2b(self._world.to_bytes(8, "little"), digest_size=8).digest()
        first = int.from_bytes(digest, "little")
        for step in range(_SLOTS):
            slot = (first + step) % _SLOTS
            try:
                bpf.update(self._slots, _SLOT.pack(slot), _DESCRIPTOR.pack(self._world), bpf.NOEXIST)
            except FileExistsError:
                continue
            return slot
        raise OSError(errno.ENOSPC, f"all {_SLOTS} edges that one run can steer at once are in use")


def _key(caller: Path, port: int, kind: _Kind, address: int) -> bytes:
    return END.pack(cgroup_id(caller), address, port, kind)
