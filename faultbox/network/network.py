"""The network of one world, from the process that lives in it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from faultbox.network import hooks
from faultbox.network.handle import Handle
from faultbox.network.programs import Programs, cgroup_id
from faultbox.network.steering import Steering


class Network:
    """What can be done between the services of a world. Methods may be called from any thread, one at a time.

    A *caller* is a cgroup directory: who makes a socket there or below is meant, for as long as the socket lives. A
    *port* is one that a service listens on; an *address* narrows it to the service with that loopback address.
    """

    def __init__(self, programs: Programs, world: Path) -> None:
        self._steering = Steering(programs, cgroup_id(world))
        self._held = Handle()
        steer = programs.objects["steer"].programs
        self._held.also(hooks.on_lookup(steer["steer_lookup"]).close)
        self._held.also(hooks.on_loopback(steer["steer_egress"], steer["steer_ingress"]).close)

    def steer(
        self, caller: Path, port: int, listener: int, listener6: int | None, *, address: str | None = None
    ) -> Handle:
        """Lead the caller's new connections to a listener (a descriptor; one for IPv4, one for IPv6) instead.

        What is connected already stays as it is. The caller sees the peer it asked for. Where the service itself
        doesn't listen, the caller is refused as without us. When the listener is closed before the handle, or where
        there is none for IPv6, SYNs are dropped: a dead proxy is never passed by. Raises ValueError where the edge is
        steered already, OSError.
        """
        return self._hold(self._steering.steer(caller, port, listener, listener6, _number(address)))

    def edge_refused(self, caller: Path, port: int, *, address: str | None = None) -> Handle:
        """The caller's new TCP connections to the port meet a RST: ECONNREFUSED, as if nobody listened there."""
        return self._hold(self._steering.refuse(caller, port, _number(address)))

    def close(self) -> None:
        """End all that was put here. May be called again."""
        self._held.close()

    def _hold(self, handle: Handle) -> Handle:
        self._held.also(handle.close)
        return handle


def attach(programs: Programs, world_cgroup: Path) -> Network:
    """Attach to `lo` of this thread's network namespace and to the world's cgroup. Raises OSError."""
    return Network(programs, world_cgroup)


def _number(address: str | None) -> int:
    return 0 if address is None else int(ipaddress.IPv4Address(address))
