"""Leading UDP, by who calls, to sockets that stand in for the service."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from faultbox.linux import bpf
from faultbox.network import hooks
from faultbox.network.handle import Handle
from faultbox.network.programs import END, Programs, cgroup_id

_EDGE = struct.Struct("=QHH4x")


class Datagrams:
    """The UDP edges of one world. The hooks are there while there is an edge."""

    def __init__(self, programs: Programs, world: Path) -> None:
        self._programs = programs
        self._world = world
        self._hooks: Handle | None = None
        self._led: dict[tuple[Path, int, int], tuple[int, ...]] = {}

    def lead(self, caller: Path, port: int, proxy: int, proxy6: int | None, address: int) -> Handle:
        """What the caller sends to the port from now on goes to the proxy's sockets; see Network.steer."""
        loaded = self._programs.of("datagrams")
        if self._hooks is None:
            self._hooks = hooks.on_cgroup(self._world, loaded.programs)
        port4, port6 = local_port(proxy), 0 if proxy6 is None else local_port(proxy6)
        key = END.pack(cgroup_id(caller), address, port, 0)
        edges = loaded.maps["edges"]
        try:
            bpf.update(edges, key, _EDGE.pack(cgroup_id(self._world), port4, port6), bpf.NOEXIST)
        except FileExistsError:
            raise ValueError(f"datagrams of {caller.name} to port {port} are steered already") from None
        edge = (caller, port, address)
        self._led[edge] = tuple(filter(None, (port4, port6)))
        return Handle(self._unhook, lambda: self._led.pop(edge), lambda: bpf.delete(edges, key))

    def stand_ins(self, caller: Path | None, port: int) -> Iterator[int]:
        """The ports that the caller's (None: anyone's) datagrams to a port really go to."""
        for (who, at, _), proxies in self._led.items():
            if at == port and caller in (None, who):
                yield from proxies

    def _unhook(self) -> None:
        """Sockets that are connected to a proxy keep their destination, but would see it from then on."""
        if not self._led and self._hooks is not None:
            self._hooks.close()
            self._hooks = None


def is_datagram(descriptor: int) -> bool:
    """Whether it is a socket of datagrams."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        return same.type == socket.SOCK_DGRAM


def local_port(descriptor: int) -> int:
    """The port a socket is bound to."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        port: int = same.getsockname()[1]
        return port
