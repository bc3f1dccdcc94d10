"""The sockets of a conversation: two transports of uvloop, and what is done with commands.

Reading from one end stops while the other one's buffer is full, or while too much is held up;
either end may close its half; a reset of one is a reset of the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from faultbox.model.message import MessageFired, Side
from faultbox.proxy.capture import Capture, Flow
from faultbox.proxy.commands import Again, Anew, Close, Command, Finish, Note, Reset, Send, StartTls, Timer
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.end import CONNECTING, FULL, HELD, OTHER, End
from faultbox.proxy.stand_in import StandIn
from faultbox.proxy.tls import Interception, Step

_PATIENCE_S = 1.0
"""How long the rest of an answer waits until the service, asked again, has answered once more. One that serves a
single connection at a time, and keeps that, won't before this one has ended."""
_LINGER_S = 2.0
"""How long a caller may go on sending after we have ended the connection: closing at once would reset what it
has not read yet (RFC 9112, 9.6)."""


class Holder(Protocol):
    """Whoever has the connections of an edge."""

    @property
    def capture(self) -> Capture | None: ...

    def note(self, fields: Mapping[str, str], connection: int = 0) -> None: ...

    def joined(self, pair: Pair) -> None:
        """A pair has both its ends."""

    def gone(self, pair: Pair) -> None: ...

    def stand_in(self) -> StandIn: ...

    def untrusting(self, step: Step) -> None:
        """TLS of a connection has failed."""

    def ask_again(self, pair: Pair, data: bytes, fired: MessageFired) -> None:
        """Ask the service on a connection of its own, because a rule fired, and tell the pair when it is over."""

    def silent(self) -> None:
        """A caller has ended a connection once it had seen our certificate, without a word."""

    def accepted(self, fired: MessageFired) -> None:
        """A caller has taken a certificate that a rule had made wrong."""


class Pair:
    """A caller's connection and the one to the service that belongs to it. `number` is its own in its process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, talk: Conversation, holder: Holder, number: int = 0) -> None:
        self.number = number
        self.caller, self.service = End(self, "request"), End(self, "response")
        self.ends: Mapping[Side, End] = {"request": self.caller, "response": self.service}
        self.talk = talk
        self._loop = loop
        self._holder = holder
        self._timers: dict[Side, asyncio.TimerHandle] = {}
        self._finished: set[Side] = set()
        self.tls: Interception | None = None
        self._wrong: MessageFired | None = None
        """The rule that has made the certificate wrong which the caller is shown."""
        self._secured = False
        """Something was said within TLS."""
        self.flow: Flow | None = None
        self.plain = False
        """Bytes are only pumped from here on."""
        self._closing: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        """When an answer goes on although the service, asked again, has not answered once more."""
        self._connect: Callable[[Pair], None] | None = None

    def begin(self, connect: Callable[[Pair], None]) -> asyncio.Protocol:
        """The protocol for the caller's transport; `connect` is called once it is there, to connect the service."""
        self._connect = connect
        return self.caller

    @property
    def waits(self) -> bool:
        """Whether anything is held up."""
        return bool(self.talk.held("request") or self.talk.held("response") or self._timers)

    def secure(self) -> None:
        """Begin TLS with both ends, the caller first."""
        self.tls = Interception(self._holder.stand_in(), self._fault_of_tls)

    def _fault_of_tls(self) -> str:
        decision, commands = self.talk.securing()
        self.do(commands)
        if decision.act is None:
            return ""
        self._wrong = decision.fired[-1]
        return str(decision.act.arguments["tls"])

    # -- what transports tell

    def heard(self, side: Side, data: bytes) -> None:
        """A side has said something, in plain."""
        if self.flow is not None and side == "request":
            self.flow.said("request", data)
        if self.plain or self.talk.passes(side, data):
            (self.service if side == "request" else self.caller).write(data)
        else:
            self.do(self.talk.received(side, data))

    def decrypt(self, side: Side, data: bytes) -> None:
        """Bytes of a side that speaks TLS."""
        assert self.tls is not None
        step = self.tls.received(side, data)
        if step.to_caller:
            self.caller.send(step.to_caller)
        if step.to_service:
            self.service.send(step.to_service)
        if step.plain:
            self._said_within_tls(side)
            self.heard(side, step.plain)
        if step.ended:
            self.ended(side)
        if step.failed and self._closing is None:
            self._holder.untrusting(step)
            self._end_gently()

    def _said_within_tls(self, side: Side) -> None:
        assert self.tls is not None
        if not self._secured:
            self._secured = True
            if self.tls.reissued:
                self.talk.reissued()
        if self._wrong is not None and side == "request":
            self._holder.accepted(self._wrong)
            self._wrong = None

    def _left(self) -> None:
        """The caller was the first to end the connection."""
        if self.tls is not None and self.tls.silent and self._closing is None:
            self.tls.spoken = True
            self._holder.silent()

    def made(self, end: End) -> None:
        if end is self.service:
            self.caller.go_on(CONNECTING)
            if self.caller.transport is not None:
                self._holder.joined(self)
            elif self._closing is not None:
                end.close()
            else:
                end.reset()
            return
        capture = self._holder.capture
        if capture is not None and end.transport is not None:
            self.flow = capture.flow(end.transport.get_extra_info("peername")[1])
        self.do(self.talk.attempted())
        if not self.talk.over and self._connect is not None:
            self._connect(self)

    def ended(self, side: Side) -> None:
        if side == "request":
            self._left()
            if self.flow is not None:
                self.flow.ended("request")
        if self._closing is not None and side == "request":
            self._close_all()
        else:
            self.do(self.talk.ended(side))

    def lost(self, side: Side, exc: Exception | None) -> None:
        other = self.ends[OTHER[side]]
        if side == "request" and other.transport is not None and not other.transport.is_closing():
            self._left()
        if other.transport is None:
            self._forget()
        elif exc is not None:
            other.reset()
        elif self._closing is None or side == "request":
            other.close()

    def unreachable(self) -> None:
        """The service refused, or can't be reached."""
        self.caller.reset()

    # -- commands

    def do(self, commands: list[Command]) -> None:
        for command in commands:
            if type(command) is Send:
                (self.service if command.side == "request" else self.caller).write(command.data)
            else:
                self._do(command)
        talk = self.talk
        self.caller.hold(talk.held("request"))
        self.service.hold(talk.held("response"))
        self.plain = talk.plain

    def _do(self, command: Command) -> None:
        match command:
            case Timer(side, delay_ms):
                self._cancel(side)
                self._timers[side] = self._loop.call_later(delay_ms / 1000, self._timer, side)
            case Note(fields):
                self._holder.note(fields, self.number)
            case Finish(side):
                self._finish(side)
            case StartTls():
                self.secure()
            case Anew(opening):
                self._meet_anew(opening)
            case Again(data, fired, ends):
                if ends:
                    self.service.finish()
                self._again = self._timers["response"] = self._loop.call_later(_PATIENCE_S, self._timer, "response")
                self._holder.ask_again(self, data, fired)
            case Close():
                self._end_gently()
            case Reset():
                self.caller.reset()
                self.service.reset()

    def _meet_anew(self, opening: bytes) -> None:
        assert self.tls is not None
        assert self._connect is not None
        self.tls.unsecure()
        self.service.renew()
        self._connect(self)
        self.service.send(opening)

    def asked_again(self) -> None:
        """The service has answered what it was asked a second time, or never will."""
        if self._again is not None and self._timers.get("response") is self._again:
            self._cancel("response")
            self.do(self.talk.timer("response"))

    def _timer(self, side: Side) -> None:
        del self._timers[side]
        self.do(self.talk.timer(side))

    def _cancel(self, side: Side) -> None:
        timer = self._timers.pop(side, None)
        if timer is not None:
            timer.cancel()

    def _finish(self, side: Side) -> None:
        self._finished.add(side)
        if len(self._finished) == len(self.ends):
            if self.tls is not None:
                self.ends[OTHER[side]].finish()
            self._close_all()
        else:
            self.ends[OTHER[side]].finish()

    def _end_gently(self) -> None:
        """FIN to both; the caller may have more to say, which is thrown away until it has seen ours."""
        self.service.close()
        self.caller.finish()
        self.caller.go_on(FULL | HELD | CONNECTING)
        self._closing = self._loop.call_later(_LINGER_S, self._close_all)

    def _close_all(self) -> None:
        self.caller.close()
        self.service.close()

    def _forget(self) -> None:
        """Both transports are gone."""
        for side in tuple(self._timers):
            self._cancel(side)
        self.talk.gone()
        if self._closing is not None:
            self._closing.cancel()
        self._holder.gone(self)
