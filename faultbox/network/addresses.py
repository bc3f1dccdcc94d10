"""Loopback addresses of their own, for services that listen on the same port."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path

from faultbox.linux import bpf, namespaces
from faultbox.network import hooks
from faultbox.network.handle import Handle
from faultbox.network.programs import END, Programs, cgroup_id

_OWN = struct.Struct("=QI4x")
_NET = ipaddress.IPv4Network("127.77.0.0/16")
_NET6 = int(ipaddress.IPv6Address("fdfb:77::"))


class Addresses:
    """The addresses given in one world. The hooks are there from the first on."""

    def __init__(self, programs: Programs, world: Path) -> None:
        self._programs = programs
        self._world = world
        self._hooks: Handle | None = None

    def give(self, service: Path, port: int, address: str) -> Handle:
        """See Network.own_address."""
        own = ipaddress.IPv4Address(address)
        if own not in _NET:
            raise ValueError(f"{address} is not in {_NET}, where services have their own addresses")
        loaded = self._programs.of("addresses")
        namespaces.add_loopback_address6(str(ipaddress.IPv6Address(_NET6 | int(own) & 0xFFFF)))
        if self._hooks is None:
            self._hooks = hooks.on_cgroup(self._world, loaded.programs)
        key = END.pack(cgroup_id(service), 0, port, 0)
        bpf.update(loaded.maps["addresses"], key, _OWN.pack(cgroup_id(self._world), int(own)))
        return Handle(lambda: bpf.delete(loaded.maps["addresses"], key))

    def close(self) -> None:
        if self._hooks is not None:
            self._hooks.close()
            self._hooks = None


def number(address: str | None) -> int:
    """An address as the programs have it: 0 for any, and for those that are nobody's own."""
    if address is None:
        return 0
    own = ipaddress.IPv4Address(address)
    return int(own) if own in _NET else 0
