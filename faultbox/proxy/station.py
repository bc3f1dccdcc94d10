"""All connections of one edge: where they are accepted, and what is told of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from faultbox.model.message import Edge, MessageFired, MessageRuleSet
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.topology import Tls
from faultbox.protocols.contract import dialogue
from faultbox.proxy.aside import Aside, Over
from faultbox.proxy.capture import Capture
from faultbox.proxy.certificates import Authority
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.end import End
from faultbox.proxy.outbox import Outbox
from faultbox.proxy.pump import Pair
from faultbox.proxy.rulebook import Rulebook
from faultbox.proxy.stand_in import StandIn
from faultbox.proxy.tls import Interception, Step
from faultbox.proxy.traffic import Traffic
from faultbox.proxy.trust import caller_refuses, handshake_failed, nothing_said

_BACKLOG = 4096


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
            self._begin(self._connect(pair, hosts))

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

    def ask_again(self, pair: Pair, data: bytes, fired: MessageFired) -> None:
        def over(*, answered: bool) -> None:
            if not answered:
                self.book.ledger.take_back(fired, "the service could not be asked again")
            pair.asked_again()

        self._begin(self._aside(data, pair.tls, over))

    async def _aside(self, data: bytes, tls: Interception | None, over: Over) -> None:
        for host in (self._address,) if self._address else _V4_FIRST:
            try:
                await self._loop.create_connection(
                    lambda: Aside(data, over), host, self.edge.port, ssl=None if tls is None else tls.to_service()
                )
            except OSError:
                continue
            return
        over(answered=False)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stand_in(self) -> StandIn:
        if self._stand_in is None:
            names = (self._address or "localhost", self.edge.service, "localhost", "127.0.0.1", "::1")
            unspoken = ("h2",) if self.edge.protocol == "http" else ()  # its drafts were called h2-14, h2-16
            self._stand_in = StandIn(self._tls or Tls(), self._authority(), tuple(dict.fromkeys(names)), unspoken)
        return self._stand_in

    def untrusting(self, step: Step) -> None:
        self.note({"decision": "tls failed", "reason": step.failed, "by": step.blame})
        if self.book.final:
            return  # services are being stopped: what fails then decides nothing
        if step.blame == "caller":
            self.book.ledger.distorted(caller_refuses(self.edge, step.failed))
        elif step.blame == "service":
            self.book.ledger.distorted(handshake_failed(self.edge, step.failed))

    def silent(self) -> None:
        if self.book.final:
            return
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

    def tell_losses(self) -> None:
        """Nothing is lost of a connection: who sends faster than is read waits."""

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
