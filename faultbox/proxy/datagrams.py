"""Edges that carry datagrams: every caller's address is a flow, with a socket of its own to the service."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from faultbox.linux.sockets import dropped, make_room
from faultbox.model.message import PASS, Edge, MessageAction, MessageDecision, MessageRuleSet, Side
from faultbox.protocols.contract import Dialogue, Part
from faultbox.protocols.udp.faults import Datagram, answer
from faultbox.proxy.altering import corrupted, possible
from faultbox.proxy.capture import Capture
from faultbox.proxy.commands import Command, Note
from faultbox.proxy.notes import Notes
from faultbox.proxy.outbox import Outbox
from faultbox.proxy.rulebook import Rulebook
from faultbox.proxy.traffic import Traffic

_LARGEST = 65536
_ROOM = 64 * 1024 * 1024
"""Bytes of datagrams that may wait in a socket: a burst that its receiver would have had room for is not lost here."""
_MOST_AT_ONCE = 64
"""Datagrams read from one socket before the others get their turn."""
_MOST_FLOWS = 4096
"""Beyond that the flow that has been quiet for longest is forgotten; an answer to it is lost, as UDP may."""
_DATAGRAMS = Dialogue()
"""Each is whole by itself."""

Deliver = Callable[[bytes], None]
Address = tuple[Any, ...]
"""Of a socket of either family: its second part is the port."""


class Flow:
    """What one address of a caller has sent, and the way back to it."""

    def __init__(self, upstream: socket.socket, back: Deliver) -> None:
        self.upstream = upstream
        self.back = back

    def out(self, data: bytes) -> None:
        _send(self.upstream.send, data)


class DatagramStation:
    """All flows of one edge. It offers what a Station does."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        edge: Edge,
        book: Rulebook,
        outbox: Outbox,
        address: str | None,
        *,
        capture: Capture | None = None,
    ) -> None:
        self.edge = edge
        self.book = book
        self._loop = loop
        self._outbox = outbox
        self._address = address
        self._capture = capture
        self._notes = Notes(edge)
        self._flows: OrderedDict[object, Flow] = OrderedDict()
        self._delayed: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._opened = 0
        self._listeners: list[socket.socket] = []
        self._lost = 0
        """Datagrams that sockets which are closed by now had no room for."""
        self._bytes: dict[Side, int] = {"request": 0, "response": 0}

    async def listen(self, listener: socket.socket) -> None:
        listener.settimeout(0)
        make_room(listener, _ROOM)
        self._listeners.append(listener)
        self._loop.add_reader(listener.fileno(), self._from_callers, listener)

    # -- datagrams

    def _from_callers(self, listener: socket.socket) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                data, address = listener.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an earlier answer met nobody (ICMP)
            if self._capture is not None:
                self._capture.datagram("request", address[1], data)
            flow = self._flow(listener, address)
            self._meet("request", data, flow.out, flow.back)

    def _from_service(self, flow: Flow) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                data = flow.upstream.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                return  # nobody listens there: as far as a datagram's sender can be told that, it has been
            self._meet("response", data, flow.back, flow.back)

    def _flow(self, listener: socket.socket, address: Address) -> Flow:
        key = (listener.fileno(), address)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = self._open(listener, address)
            if len(self._flows) > _MOST_FLOWS:
                self._close(self._flows.popitem(last=False)[1])
        self._flows.move_to_end(key)
        return flow

    def _open(self, listener: socket.socket, address: Address) -> Flow:
        family = listener.family
        host = self._address or ("::1" if family == socket.AF_INET6 else "127.0.0.1")
        upstream = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        upstream.settimeout(0)
        make_room(upstream, _ROOM)
        upstream.connect((host, self.edge.port))
        self._opened += 1
        flow = Flow(upstream, lambda data: self._back(listener, data, address))
        self._loop.add_reader(upstream.fileno(), self._from_service, flow)
        return flow

    def _back(self, listener: socket.socket, data: bytes, address: Address) -> None:
        if self._capture is not None:
            self._capture.datagram("response", address[1], data)
        _send(listener.sendto, data, address)

    def _close(self, flow: Flow) -> None:
        self._loop.remove_reader(flow.upstream.fileno())
        self._lost += dropped(flow.upstream)
        flow.upstream.close()

    # -- rules

    def _meet(self, side: Side, data: bytes, onward: Deliver, back: Deliver) -> None:
        self._bytes[side] += len(data)
        message = Datagram(side, data)
        decision = PASS if self.book.empty else self.book.decide(message)
        if decision is PASS:
            onward(data)
            return
        decision = possible(decision, Part(data), message, _DATAGRAMS, self.book.ledger)
        out: list[Command] = []
        self._notes.decided(message, decision, out)
        for each in out:
            if isinstance(each, Note):
                self.note(each.fields)

        def go() -> None:
            self._act(decision, message, data, onward, back)

        if decision.delay_ms:
            self._later(decision.delay_ms, go)
        else:
            go()

    def _act(self, decision: MessageDecision, message: Datagram, data: bytes, onward: Deliver, back: Deliver) -> None:
        act = decision.act
        action = act.action if act is not None else None
        if act is None:
            onward(data)
        elif action is MessageAction.RESPOND:
            back(answer(act))
        elif action is MessageAction.DUPLICATE:
            onward(data)
            onward(data)
        elif action is MessageAction.TRUNCATE:
            onward(data[: int(act.arguments.get("after_bytes", len(data) // 2))])
        elif action is MessageAction.CORRUPT:
            onward(corrupted(data, 0, decision.fired[-1], message.identity, self.book.seed))
        else:
            assert action is MessageAction.DROP

    def _later(self, delay_ms: float, go: Callable[[], None]) -> None:
        def now() -> None:
            del self._delayed[handle]
            go()

        handle = self._loop.call_later(delay_ms / 1000, now)
        self._delayed[handle] = go

    # -- as a station

    def note(self, fields: Mapping[str, str]) -> None:
        self._outbox.add(self.edge.service, fields)

    def swap(self, ruleset: MessageRuleSet) -> None:
        self.book.swap(ruleset.rules)

    def release(self, *, final: bool) -> int:
        """Let go of all that waits; gives how many datagrams did."""
        self.book.final = final
        delayed, self._delayed = self._delayed, {}
        for handle, go in delayed.items():
            handle.cancel()
            go()
        return len(delayed)

    def tell_losses(self) -> None:
        """Have it known how many datagrams came faster than they were read here."""
        sockets = (*self._listeners, *(flow.upstream for flow in self._flows.values()))
        self.book.overran(self._lost + sum(map(dropped, sockets)))

    @property
    def traffic(self) -> Traffic:
        return Traffic(self._opened, len(self._flows), self._bytes["request"], self._bytes["response"])


def _send(send: Callable[..., int], *arguments: object) -> None:
    """A datagram that can't be sent is lost."""
    try:
        send(*arguments)
    except OSError:
        return
