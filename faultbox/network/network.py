"""The network of one world, from the process that lives in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path

from faultbox.network import hooks
from faultbox.network.addresses import Addresses, number
from faultbox.network.cuts import Cut, Cuts, Direction, Loss
from faultbox.network.datagrams import Datagrams, is_datagram
from faultbox.network.handle import Handle
from faultbox.network.programs import Programs, cgroup_id
from faultbox.network.steering import Steering


class Network:
    """What can be done between the services of a world. Methods may be called from any thread.

    A *caller* is a cgroup directory: the sockets that are made in it or below are meant, for as long as they live. A
    *port* is one that a service listens on; an *address* narrows it to the service that has that one of its own.
    """

    def __init__(self, programs: Programs, world: Path, *, own_netns: bool) -> None:
        self._lock = threading.RLock()
        self._steering = Steering(programs, cgroup_id(world))
        self._datagrams = Datagrams(programs, world)
        self._cuts = Cuts(programs, world, self._datagrams.stand_ins)
        self._addresses = Addresses(programs, world)
        self._handles: dict[Handle, None] = {}
        steer = programs.of("steer").programs
        self._held = hooks.on_loopback(steer["steer_egress"], steer["steer_ingress"], own_netns=own_netns)
        try:
            self._held.also(hooks.on_lookup(steer["steer_lookup"]).close)
        except OSError:
            self._held.close()
            raise

    def steer(
        self, caller: Path, port: int, listener: int, listener6: int | None, *, address: str | None = None
    ) -> Handle:
        """Lead the caller's new connections to listeners (descriptors: of IPv4, of IPv6) instead of the service's.

        What is connected already stays as it is. The caller sees the peer that it asked for. Where the service itself
        doesn't listen, the caller is refused as it would be. Once a listener is closed, and for IPv6 where there is
        none, SYNs are dropped: a dead proxy is never passed by. Its backlog should be the service's or more.

        Descriptors of UDP sockets steer what is sent from now on, by sockets connected later or not connected; the
        caller meets ECONNREFUSED where the proxy is dead. Raises ValueError where the edge is steered already, OSError.
        """
        with self._lock:
            if not is_datagram(listener):
                return self._hold(self._steering.steer(caller, port, listener, listener6, number(address)))
            led = self._datagrams.lead(caller, port, listener, listener6, number(address))
            self._cuts.refresh()
            return self._hold(Handle(self._cuts.refresh, led.close))

    def edge_refused(self, caller: Path, port: int, *, address: str | None = None) -> Handle:
        """The caller's new TCP connections to the port are answered by RST: ECONNREFUSED, as if nobody listened."""
        with self._lock:
            return self._hold(self._steering.refuse(caller, port, number(address)))

    def refusals(self, caller: Path, port: int, *, address: str | None = None) -> int:
        """How many connections have been refused since the edge is; 0 where it isn't."""
        with self._lock:
            return self._steering.refusals(caller, port, number(address))

    def cut(
        self,
        caller: Path | None,
        ports: Collection[int],
        direction: Direction = "both",
        *,
        address: str | None = None,
        loss: float = 1.0,
        seed: int = 0,
    ) -> Loss:
        """Lose the packets between a caller (None: everyone) and ports, TCP and UDP, of old connections and new.

        `direction`: "out", what the caller sends; "in", what it is sent. `loss`: the part of the packets that is lost,
        0 to 1; which ones is drawn from (seed, number of the packet), counted for each port and direction. Where
        several cuts meet the greatest loss holds. Neither side is told: new connections time out, old ones wait.
        """
        if not 0 <= loss <= 1:
            raise ValueError(f"loss is a part of 1, not {loss}")
        ppm = round(loss * 1_000_000)
        cut = Cut(caller, frozenset(ports), direction, number(address), ppm, seed & (2**64 - 1))
        with self._lock:
            held = self._cuts.hold(cut)
            self._handles[held] = None
            return Loss(self._locked(held), lambda: self._packets(held))

    def own_address(self, service: Path, port: int, address: str) -> Handle:
        """Give a service a loopback address (127.77.0.0/16) for a port that another listens on too, before it starts.

        What it binds to no address, to 127.0.0.1 or ::1 at that port it gets there, and what it connects to at that
        port on this host is itself. Sockets for IPv6 alone get fdfb:77:: and the last two bytes of the address.
        Raises ValueError for an address outside, OSError.
        """
        with self._lock:
            return self._hold(self._addresses.give(service, port, address))

    def close(self) -> None:
        """End all that was put here. May be called again."""
        with self._lock:
            for handle in reversed(list(self._handles)):
                handle.close()
            self._handles.clear()
            self._addresses.close()
            self._held.close()

    def _hold(self, inner: Handle) -> Handle:
        """The handle that is given out: it takes the lock, and is closed with the network at the latest."""
        outer = Handle(self._locked(inner))
        self._handles[inner] = None
        return outer

    def _packets(self, held: Loss) -> int:
        with self._lock:
            return held.packets

    def _locked(self, inner: Handle) -> Callable[[], None]:
        def close() -> None:
            with self._lock:
                self._handles.pop(inner, None)
                inner.close()

        return close


def attach(programs: Programs, world_cgroup: Path, *, own_netns: bool = True) -> Network:
    """Attach to `lo` of this thread's network namespace; hooks of the world's cgroup follow as they are needed.

    `own_netns`: the namespace was made for this world and ends with it. Raises OSError.
    """
    return Network(programs, world_cgroup, own_netns=own_netns)
