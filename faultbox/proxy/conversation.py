"""One connection between a caller and a service, without sockets: events in, commands out.

Bytes of both sides pass as they come. Where rules stand, a message is held until its beginning
can be judged, then it passes, or meets its fate. Answers made up by the proxy come in the order
of their requests, whatever else is on its way (pipelining).
"""

from __future__ import annotations

import time

from faultbox.model.message import PASS, Message, MessageAction, MessageDecision, MessageFault, Side
from faultbox.protocols.contract import Dialogue, Part, Reply
from faultbox.proxy import altering
from faultbox.proxy.commands import Again, Anew, Close, Command, Finish, Reset, StartTls
from faultbox.proxy.exchanges import Exchanges
from faultbox.proxy.fates import PASSED, SWALLOWED
from faultbox.proxy.lane import Wait
from faultbox.proxy.notes import Notes
from faultbox.proxy.rulebook import Attempt, Rulebook
from faultbox.proxy.streams import PLAIN, Exchange, Stream
from faultbox.rules import delays_only

ANSWERS = (MessageAction.RESPOND, MessageAction.ERROR)


class Conversation:
    """Takes what happened, gives what to do, in order."""

    def __init__(self, dialogue: Dialogue, book: Rulebook) -> None:
        self._dialogue = dialogue
        self._book = book
        self._notes = Notes(book.edge)
        self._request, self._response = Stream("request"), Stream("response")
        self._exchanges = Exchanges(self._response, book.ledger)
        self._over = False
        self._ending = False
        """A request has met the connection's end, which comes when its turn to be answered does: what the caller says
        after it is said to nobody."""
        self._sightless = False
        self._calm = False
        """Nothing is held, waits or is under way, and whatever the service answers is passed on as it is."""

    # -- events

    def passes(self, side: Side, data: bytes) -> bool:
        """The shortcut: whether bytes are whole messages that no rule touches, to be sent on as they are.

        They have been counted then; False: nothing has happened yet, and `received` is to be asked.
        """
        dialogue, book = self._dialogue, self._book
        if not self._calm or dialogue.interest is not book.interest:
            return False
        if side == "request":
            requests = dialogue.quick_requests(data)
            if requests is None or book.touches("request", requests):
                return False
            dialogue.waiting.extend(requests)
            self._exchanges.extend([PLAIN] * len(requests))
            return True
        answered = dialogue.quick_responses(data)
        if not answered or (book.hears and book.touches("response", dialogue.answers(data))):
            return False
        for _ in range(answered):
            dialogue.waiting.popleft()
            self._exchanges.popleft()
        return True

    def received(self, side: Side, data: bytes) -> list[Command]:
        """A side has sent bytes."""
        out: list[Command] = []
        if self._over or (self._ending and side == "request"):
            return out
        stream = self._request if side == "request" else self._response
        dialogue, book = self._dialogue, self._book
        if self._sightless:
            stream.lane.send(data)
            return self._flush(out)
        if dialogue.interest is not book.interest:
            dialogue.interest = book.interest
        ahead = book.empty and not (self._exchanges.owed or dialogue.editing)
        if ahead and stream.ahead == stream.kept and stream.fate is PASSED:
            stream.lane.send(data)
            stream.ahead += len(data)
        stream.kept += len(data)
        self._take(stream, dialogue.receive(side, data), out)
        return self._flush(out)

    def ended(self, side: Side) -> list[Command]:
        """A side has ended its stream; the other may go on (half-close)."""
        out: list[Command] = []
        stream = self._request if side == "request" else self._response
        if self._over or stream.ended:
            return out
        stream.ended = True
        self._take_rest(stream, out)
        if side == "response":
            self._exchanges.gone()
        stream.lane.push(Finish(side))
        return self._flush(out)

    def timer(self, side: Side) -> list[Command]:
        """The time of the side's last Timer is over."""
        stream = self._request if side == "request" else self._response
        stream.lane.timer()
        return self._flush([])

    def release(self) -> list[Command]:
        """Whatever waits goes on now. Where no rule will ever stand again, nothing is looked at any more."""
        out: list[Command] = []
        if self._book.final and not self._over and not self._exchanges.owed:
            self._take_rest(self._request, out)
            self._take_rest(self._response, out)
            self._lose_sight(out)
        for exchange in self._exchanges:
            exchange.wait_ms = 0
        self._request.lane.hurry()
        self._response.lane.hurry()
        return self._flush(out)

    def attempted(self) -> list[Command]:
        """Ask the rules about the connection itself: when it is made, and when such rules come into force."""
        out: list[Command] = []
        decision = PASS if self._over else self._book.decide_attempt()
        if decision is not PASS:
            self._notes.decided(Attempt(), decision, out)
            if decision.act is not None:
                out.append(Reset())
        return self._flush(out)

    def securing(self) -> tuple[MessageDecision, list[Command]]:
        """A caller begins TLS: what rules say of that."""
        out: list[Command] = []
        decision = self._book.decide_handshake()
        self._notes.decided(Attempt(), decision, out)
        return decision, out

    def reissued(self) -> None:
        """TLS has begun, and the caller was shown another certificate than the service's own."""
        self._dialogue.reissued = True

    def gone(self) -> None:
        """Both ends have gone."""
        self._exchanges.gone()

    # -- what the holder of the sockets wants to know

    @property
    def over(self) -> bool:
        """The connection has been ended from here."""
        return self._over

    @property
    def plain(self) -> bool:
        """From here on bytes are only pumped: nothing waits, and no message will be looked at."""
        return self._sightless and not self._over and self._request.lane.idle and self._response.lane.idle

    def held(self, side: Side) -> int:
        """How many bytes of a side wait for their time."""
        return (self._request if side == "request" else self._response).lane.held

    # -- parts

    def _flush(self, out: list[Command]) -> list[Command]:
        self._request.lane.flush(out)
        self._response.lane.flush(out)
        if out and not self._over and any(type(each) in (Close, Reset) for each in out):
            self._over = True
        self._calm = self._is_calm()
        return out

    def _is_calm(self) -> bool:
        if self._over or self._sightless or self._dialogue.turns:
            return False
        for stream in (self._request, self._response):
            if stream.kept or stream.within or stream.ended or not stream.lane.idle:
                return False
        return all(each is PLAIN for each in self._exchanges)

    def _take(self, stream: Stream, parts: list[Part], out: list[Command]) -> None:
        for part in parts:
            stream.kept -= part.size
            if part.anew:
                stream.lane.push(Anew(part.anew))
            if part.message is not None and self._dialogue.turns:
                self._end_turns()
            if stream.ahead:
                self._take_unseen(stream, part)
            elif part.message is None:
                self._go_on(stream, part)
            elif stream is self._request:
                self._open_request(part, part.message, out)
            else:
                self._open_response(part, part.message, out)
            stream.within = not part.last
            if part.skips:
                self._exchanges.skip(part.skips)
            if part.last:
                self._end_message(stream)
            if part.tls:
                stream.lane.push(StartTls())
        if self._dialogue.distortion:
            self._book.distorted(self._dialogue.distortion)
            self._dialogue.distortion = ""
        if self._dialogue.opaque and not self._sightless:
            self._lose_sight(out)

    def _go_on(self, stream: Stream, part: Part) -> None:
        if part.last and stream is self._response:
            self._exchanges.ask_again()
        stream.fate.take(part.raw, stream.lane)

    def _take_rest(self, stream: Stream, out: list[Command]) -> None:
        """What the dialogue still holds of a side, and the end of a message that will have no more of it."""
        if not self._sightless:
            self._take(stream, self._dialogue.end(stream.side), out)
        if stream.within:
            stream.within = False
            self._end_message(stream)

    def _take_unseen(self, stream: Stream, part: Part) -> None:
        """Its beginning was sent before rules stood. It takes its place among requests and answers all the same."""
        sent = min(stream.ahead, len(part.raw))
        stream.ahead -= sent
        if part.message is not None and part.replies:
            if stream is self._request:
                self._exchanges.append(PLAIN)
                self._dialogue.waiting.append(part.message)
            else:
                self._exchanges.begin()
        if sent < len(part.raw):
            stream.lane.send(part.raw[sent:])

    def _end_message(self, stream: Stream) -> None:
        stream.fate.done(stream.lane)
        stream.fate = SWALLOWED if self._ending and stream is self._request else PASSED
        if stream is self._response:
            self._exchanges.ask_again()
            self._exchanges.answering = None
            self._exchanges.answer()

    def _end_turns(self) -> None:
        for stream in (self._request, self._response):
            if stream.within:
                stream.within = False
                self._end_message(stream)

    def _lose_sight(self, out: list[Command]) -> None:
        """From now on there are only bytes. What was to be answered from here is answered now, as far as it can be."""
        self._sightless = True
        for stream in (self._request, self._response):
            self._take(stream, self._dialogue.end(stream.side), out)
        if self._dialogue.why and not self._book.empty:
            self._book.blind(self._dialogue.why)
            self._notes.blind(self._dialogue.why, out)
        self._exchanges.forget_service()
        if self._exchanges and self._response.within:
            self._response.lane.push(Close())
        self._exchanges.answer()

    # -- requests

    def _open_request(self, part: Part, message: Message, out: list[Command]) -> None:
        stream = self._request
        if self._ending:
            return
        decision = self._book.decide(message)
        if decision is PASS:
            stream.lane.send(part.raw)
            if part.replies:
                self._exchanges.append(PLAIN)
                self._dialogue.waiting.append(message)
            return
        decision = altering.possible(decision, part, message, self._dialogue, self._book.ledger)
        self._notes.decided(message, decision, out)
        later = sum(each.rule.fault.arguments["delay_ms"] for each in decision.fired if delays_only(each.rule.fault))
        act = decision.act
        if act is not None and self._answer_instead(act, decision, message):
            stream.fate = SWALLOWED
            return
        if decision.delay_ms > later:
            stream.lane.push(Wait(decision.delay_ms - later))
        twice = act is not None and act.action is MessageAction.DUPLICATE
        again = self._dialogue.again(message, part.raw) if twice else b""
        if part.replies:
            exchange = self._forward(message)
            exchange.wait_ms = later
            exchange.fired = True
            exchange.began_ns = time.monotonic_ns()
            if again:
                exchange.again = Again(again, decision.fired[-1])
                self._exchanges.owed += 1
        if twice and not again:
            self._twice(part, message)
        altering.apply(stream, part, message, decision, self._book.seed)

    def _answer_instead(self, act: MessageFault, decision: MessageDecision, message: Message) -> bool:
        """Answer a request here, or end its connection; False where it is passed on, changed or not."""
        answer: Reply | Command | None
        if act.action in ANSWERS:
            answer = self._dialogue.reply(act, message)
        elif act.action is MessageAction.DROP and not act.arguments.get("after_bytes"):
            answer = Reply(b"") if self._dialogue.drop_swallows else Close()
        elif act.action is MessageAction.RESET and not act.arguments.get("after_bytes"):
            answer = Reset()
        else:
            return False
        if isinstance(answer, Reply) and answer.instead:
            self._request.lane.send(answer.instead)
            exchange = self._forward(message)
            exchange.wait_ms, exchange.replaced = decision.delay_ms, answer
            self._exchanges.owed += 1
            return True
        if not isinstance(answer, Reply) or answer.close:
            self._ending = True
            prompt = self._dialogue.prompt(message) if self._exchanges else b""
            if prompt:
                self._request.lane.send(prompt)
        exchange = Exchange(message, wait_ms=decision.delay_ms)
        exchange.answer = answer
        self._exchanges.append(exchange)
        self._exchanges.answer()
        return True

    def _forward(self, message: Message) -> Exchange:
        exchange = Exchange(message)
        self._exchanges.append(exchange)
        self._dialogue.waiting.append(message)
        return exchange

    def _twice(self, part: Part, message: Message) -> None:
        self._request.lane.send(part.raw)
        if part.replies:
            self._forward(message).discard = True
            self._exchanges.owed += 1

    # -- answers

    def _open_response(self, part: Part, message: Message, out: list[Command]) -> None:
        stream = self._response
        exchange = self._exchanges.begin() if part.replies else None
        if exchange is not None and exchange.again is not None:
            exchange.again = exchange.again._replace(ends=self._dialogue.ends(message))
        if part.last:
            self._exchanges.ask_again()
        if exchange is not None and exchange.discard:
            stream.fate = SWALLOWED
            return
        if exchange is not None and exchange.replaced is not None:
            self._replace(exchange.replaced, exchange.wait_ms)
            return
        decision = self._book.decide(message)
        if exchange is not None and exchange.wait_ms:
            stream.lane.push(Wait(exchange.wait_ms))
        if exchange is not None and exchange.fired and decision is PASS:
            self._notes.answered(exchange, message, out)
        if decision is PASS:
            stream.lane.send(part.raw)
            return
        decision = altering.possible(decision, part, message, self._dialogue, self._book.ledger)
        self._notes.decided(message, decision, out)
        if decision.delay_ms:
            stream.lane.push(Wait(decision.delay_ms))
        act = decision.act
        if act is not None and act.action in ANSWERS:
            self._replace(self._dialogue.reply(act, message))
            return
        if act is not None and act.action is MessageAction.DUPLICATE:
            stream.lane.send(part.raw)
        altering.apply(stream, part, message, decision, self._book.seed)

    def _replace(self, reply: Reply, wait_ms: float = 0) -> None:
        """Say this in place of the message that begins."""
        stream = self._response
        if wait_ms:
            stream.lane.push(Wait(wait_ms))
        stream.lane.send(reply.data)
        if reply.close:
            stream.lane.push(Close())
        stream.fate = SWALLOWED
