"""The process that holds every proxy of a world: one loop, no second thread.

Each edge (a caller to an interface) has listeners of its own, so that who calls is known without
guessing, and one set of rules, which every connection of the edge sees change at the same time.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faultbox.link import Frame, Link
from faultbox.model.message import Edge, MessageFired, MessageRuleSet
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.topology import Tls
from faultbox.protocols.contract import dialogue
from faultbox.proxy.capture import Capture
from faultbox.proxy.certificates import Authority
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.counting import Ledger, Report
from faultbox.proxy.datagrams import DatagramStation
from faultbox.proxy.outbox import Outbox
from faultbox.proxy.pump import End, Pair
from faultbox.proxy.rulebook import Rulebook
from faultbox.proxy.stand_in import StandIn
from faultbox.proxy.tls import Step
from faultbox.proxy.traffic import Traffic
from faultbox.proxy.trust import caller_refuses, handshake_failed, nothing_said

_BACKLOG = 4096


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


class Station:
    """All connections of one edge."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        edge: Edge,
        book: Rulebook,
        outbox: Outbox,
        address: str | None,
        *,
        tls: Tls | None,
        authority: Callable[[], Authority],
        numbers: Iterator[int],
        capture: Capture | None = None,
    ) -> None:
        """`numbers`: for connections, one row for all stations of a process."""
        self.edge = edge
        self.book = book
        self.capture = capture
        self._authority = authority
        self._tls = tls
        self._first = tls is not None and PROTOCOLS[edge.protocol].tls == "first"
        """Connections begin with TLS."""
        self._stand_in: StandIn | None = None
        self.pairs: set[Pair] = set()
        self._loop = loop
        self._outbox = outbox
        self._address = address
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = numbers
        self._where = {"caller": edge.caller, "interface": edge.interface, "protocol": edge.protocol}
        self.opened = 0
        self.bytes = [0, 0]
        """What callers and services have sent on connections that are over."""

    async def listen(self, listener: socket.socket) -> None:
        await self._loop.create_server(self._accept(listener.family), sock=listener, backlog=_BACKLOG)

    def _accept(self, family: int) -> Callable[[], asyncio.Protocol]:
        """The factory for connections accepted on a listener of that family."""
        hosts = (self._address,) if self._address else ("::1", "127.0.0.1") if family == socket.AF_INET6 else _V4_FIRST

        def connect(pair: Pair) -> None:
            task = self._loop.create_task(self._connect(pair, hosts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        def make() -> asyncio.Protocol:
            self.opened += 1
            talk = Conversation(dialogue(self.edge.protocol), self.book)
            pair = Pair(self._loop, talk, self, next(self._numbers))
            self.pairs.add(pair)
            if self._first:
                pair.secure()
            return pair.begin(connect)

        return make

    async def _connect(self, pair: Pair, hosts: tuple[str, ...]) -> None:
        """Connect to the service as the caller tried to: on its address family, then on the other."""
        for host in hosts:
            try:
                await self._loop.create_connection(lambda: pair.service, host, self.edge.port)
            except OSError:
                continue
            return
        self.note({"decision": "unreachable"}, pair.number)
        pair.unreachable()

    def stand_in(self) -> StandIn:
        if self._stand_in is None:
            names = (self._address or "localhost", self.edge.service, "localhost", "127.0.0.1", "::1")
            unspoken = frozenset(("h2",)) if self.edge.protocol == "http" else frozenset[str]()
            self._stand_in = StandIn(self._tls or Tls(), self._authority(), tuple(dict.fromkeys(names)), unspoken)
        return self._stand_in

    def untrusting(self, step: Step) -> None:
        self.note({"decision": "tls failed", "reason": step.failed, "by": step.blame})
        if step.blame == "caller":
            self.book.ledger.distorted(caller_refuses(self.edge, step.failed))
        elif step.blame == "service":
            self.book.ledger.distorted(handshake_failed(self.edge, step.failed))

    def silent(self) -> None:
        self.note({"decision": "tls unused", "by": "caller"})
        self.book.ledger.blind(nothing_said(self.edge))

    def accepted(self, fired: MessageFired) -> None:
        self.book.ledger.accepted(fired)

    def note(self, fields: Mapping[str, str], connection: int = 0) -> None:
        said = {name: value for name, value in fields.items() if value}
        self._outbox.add(self.edge.service, {**self._where, **said}, connection=connection)

    def joined(self, pair: Pair) -> None:
        fields = {"from": _address(pair.caller, "peername"), "to": _address(pair.service, "sockname")}
        where = {**self._where, **fields}
        self._outbox.add(self.edge.service, where, connection=pair.number, kind="proxy_opened")

    def gone(self, pair: Pair) -> None:
        if pair in self.pairs:
            self.pairs.remove(pair)
            self.bytes[0] += pair.caller.bytes
            self.bytes[1] += pair.service.bytes

    def swap(self, ruleset: MessageRuleSet) -> None:
        self.book.swap(ruleset.rules)
        for pair in tuple(self.pairs):
            pair.do(pair.talk.attempted())

    def release(self, *, final: bool) -> int:
        """Let go of all that waits; gives how many connections had something waiting."""
        self.book.final = final
        waiting = sum(1 for pair in self.pairs if pair.waits)
        for pair in tuple(self.pairs):
            pair.do(pair.talk.release())
        return waiting

    @property
    def traffic(self) -> Traffic:
        live = [(pair.caller.bytes, pair.service.bytes) for pair in self.pairs]
        out = self.bytes[0] + sum(each[0] for each in live)
        back = self.bytes[1] + sum(each[1] for each in live)
        return Traffic(self.opened, len(live), out, back)


_V4_FIRST = ("127.0.0.1", "::1")


def _address(end: End, which: str) -> str:
    """An address of an end's socket, as flows have it: "127.0.0.1:5432", "[::1]:5432"; "" once it is gone."""
    name = end.transport.get_extra_info(which) if end.transport is not None else None
    if not name:
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


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
                self._outbox.flush()
                self._loop.stop()
                return "stopped", None
        raise ValueError(f"the edge process was sent an unknown frame: {frame.kind!r}")

    def _report(self) -> tuple[Report, dict[Edge, Traffic]]:
        return self._ledger.report(), {edge: station.traffic for edge, station in self._stations.items()}

    def _serve_log(self) -> None:
        frame = self._events.receive()
        if frame is None:
            self._loop.stop()
            return
        self._outbox.flush()
        self._events.send("synced", frame.body)
