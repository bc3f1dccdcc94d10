"""Requests that are to be answered, in the order of requests, by the service or from here."""

from __future__ import annotations

from collections import deque

from faultbox.protocols.contract import Reply
from faultbox.proxy.commands import Close
from faultbox.proxy.counting import Ledger
from faultbox.proxy.lane import Wait
from faultbox.proxy.streams import Exchange, Stream


class Exchanges(deque[Exchange]):
    """Those of one connection, oldest first; answers go to the lane of `response`."""

    def __init__(self, response: Stream, ledger: Ledger) -> None:
        super().__init__()
        self._response = response
        self._ledger = ledger
        self.answering: Exchange | None = None
        """The one whose answer the service has begun."""
        self.owed = 0
        """Answers of the service that are to be kept back, replaced or waited for: they are read, whatever rules stand
        by then."""

    def begin(self) -> Exchange | None:
        """The exchange whose answer begins: the oldest that the service was asked."""
        if self.answering is None and self and self[0].answer is None:
            self.answering = self.popleft()
            self._settle(self.answering)
        return self.answering

    def skip(self, count: int) -> None:
        """The service will not answer that many of the oldest requests it was asked."""
        for exchange in [each for each in self if each.answer is None][:count]:
            self.remove(exchange)
            self._settle(exchange)

    def answer(self) -> None:
        """Give every made-up answer whose turn it is, unless a message of the service is under way."""
        lane = self._response.lane
        if self._response.ended:
            self.clear()  # the service's end has been passed on: nothing can follow it
        while self and self[0].answer is not None and not self._response.within:
            exchange = self.popleft()
            if exchange.wait_ms:
                lane.push(Wait(exchange.wait_ms))
            answer = exchange.answer
            if isinstance(answer, Reply):
                if answer.data:
                    lane.send(answer.data)
                answer = Close() if answer.close else None
            if answer is not None:
                lane.push(answer)

    def ask_again(self) -> None:
        """The answer to a request that is to be asked twice is whole, but for what waits here for the second one."""
        exchange = self.answering
        if exchange is not None and exchange.again is not None:
            self._response.lane.push(exchange.again)
            exchange.again = None

    def gone(self) -> None:
        """The service says nothing more: a request that was to be asked again once it was answered has met no fault."""
        for exchange in (*self, self.answering):
            if exchange is not None and exchange.again is not None:
                self._ledger.take_back(exchange.again.fired, "the connection ended before it was answered once")
                exchange.again = None

    def forget_service(self) -> None:
        """What the service says can't be told apart any more: only answers from here are still to come."""
        self.gone()
        made_up = [each for each in self if each.answer is not None]
        self.clear()
        self.extend(made_up)

    def _settle(self, exchange: Exchange) -> None:
        if exchange.discard or exchange.replaced is not None or exchange.again is not None:
            self.owed -= 1
