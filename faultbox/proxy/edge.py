"""The process that holds every proxy of a world: one loop, no second thread.

Each edge (a caller to an interface) has listeners of its own, so that who calls is known without
guessing, and one set of rules, which every connection of the edge sees change at the same time.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faultbox.link import Frame, Link
from faultbox.model.message import Edge
from faultbox.model.topology import Tls
from faultbox.proxy.capture import Capture
from faultbox.proxy.certificates import Authority
from faultbox.proxy.counting import Ledger, Report
from faultbox.proxy.datagrams import DatagramStation
from faultbox.proxy.outbox import Outbox
from faultbox.proxy.rulebook import Rulebook
from faultbox.proxy.station import Station
from faultbox.proxy.traffic import Traffic


@dataclass(frozen=True)
class Settings:
    """What the edge process is born with. `counters` is shared with its maker, four u64 a slot.

    `listeners` are bound, not listening yet. `addresses`: service to the one address it is met at, where it is
    not simply localhost.
    """

    seed: int
    counters: memoryview[int]
    listeners: Mapping[Edge, tuple[socket.socket, ...]]
    addresses: Mapping[str, str] = field(default_factory=dict)
    secured: Mapping[Edge, Tls] = field(default_factory=dict)
    """Edges at which TLS is spoken, from the first byte or once both have agreed, as the protocol has it."""
    authority: Authority | None = None
    captures: Mapping[Edge, Path] = field(default_factory=dict)
    """Edges of which everything said is kept in a pcap file."""


class EdgeLoop:
    """The loop. `control` asks and is answered, `events` carries records and the log's syncs."""

    def __init__(self, settings: Settings, control: Link, events: Link) -> None:
        import uvloop

        self._loop = uvloop.new_event_loop()
        self._settings = settings
        self._control, self._events = control, events
        self._outbox = Outbox(events, self._loop)
        self._ledger = Ledger(settings.counters)
        self._authority = settings.authority
        self._numbers = itertools.count(1)
        self._stations = {edge: self._station(edge) for edge in settings.listeners}
        self._failure: BaseException | None = None

    def _station(self, edge: Edge) -> Station | DatagramStation:
        book = Rulebook(edge, self._ledger, self._settings.seed)
        settings, address = self._settings, self._settings.addresses.get(edge.service)
        path = settings.captures.get(edge)
        capture = Capture(path, edge.port) if path is not None else None
        if edge.protocol == "udp":
            return DatagramStation(self._loop, edge, book, self._outbox, address, capture=capture)
        return Station(
            self._loop,
            edge,
            book,
            self._outbox,
            address,
            tls=settings.secured.get(edge),
            authority=self._authority_at_hand,
            numbers=self._numbers,
            capture=capture,
        )

    def _authority_at_hand(self) -> Authority:
        """The run's authority, or one of our own where none was given: made when TLS is first met."""
        if self._authority is None:
            self._authority = Authority.new()
        return self._authority

    def run(self) -> None:
        """Serve until told to stop, or until the maker is gone. Raises what no connection is to blame for."""
        loop = self._loop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(self._failed)
        for edge, listeners in self._settings.listeners.items():
            for each in listeners:
                loop.run_until_complete(self._stations[edge].listen(each))
        loop.add_reader(self._control.fileno(), self._serve_control)
        loop.add_reader(self._events.fileno(), self._serve_log)
        self._control.send("ready")
        loop.run_forever()
        if self._failure is not None:
            raise self._failure

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something in a callback broke: a proxy that is not right must not go on in silence.

        What sockets report outside of their own transport (a connection that was reset while it was accepted) is
        that connection's affair, and the end of our own links is heard where they are read.
        """
        error = context.get("exception") or RuntimeError(context["message"])
        if isinstance(error, OSError) and error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            return
        self._failure = error
        self._loop.stop()

    def _serve_control(self) -> None:
        frame = self._control.receive()
        if frame is None:
            self._loop.stop()
            return
        self._control.send(*self._asked(frame))

    def _asked(self, frame: Frame) -> tuple[str, Any]:
        match frame.kind:
            case "swap":
                for station in self._stations.values():
                    station.swap(frame.body)
                return "swapped", frame.body.epoch
            case "release":
                return "released", sum(each.release(final=frame.body) for each in self._stations.values())
            case "report":
                return "report", self._report()
            case "stop":
                self._outbox.drain()
                self._loop.stop()
                return "stopped", None
        raise ValueError(f"the edge process was sent an unknown frame: {frame.kind!r}")

    def _report(self) -> tuple[Report, dict[Edge, Traffic]]:
        for station in self._stations.values():
            station.tell_losses()
        return self._ledger.report(), {edge: station.traffic for edge, station in self._stations.items()}

    def _serve_log(self) -> None:
        frame = self._events.receive()
        if frame is None:
            self._loop.stop()
            return
        self._outbox.drain()
        self._events.send("synced", frame.body)
