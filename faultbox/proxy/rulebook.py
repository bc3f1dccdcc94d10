"""The rules of one edge, as its conversations ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from faultbox.model.message import PASS, Edge, Message, MessageDecision, MessageRule, Side
from faultbox.protocols.contract import NOTHING, Interest, matcher
from faultbox.proxy.counting import Ledger
from faultbox.rules import MessageStanding, decide_message, matches

_SIDES: Final[tuple[Side, ...]] = ("request", "response")
_MOST_REMEMBERED = 8192
"""Messages that are known to be touched by no rule."""


class Attempt:
    """A connection, as rules with refuse=True see it."""

    side: Side = "request"
    identity = "connect"
    summary: Mapping[str, str] = {"method": "connect"}

    def value(self, key: str) -> str | None:  # noqa: ARG002 - a connection has said nothing yet
        return None


class Rulebook:
    """What is in force at an edge. Every conversation of the edge has the same one, and sees a swap at once."""

    def __init__(self, edge: Edge, ledger: Ledger, seed: int) -> None:
        self.edge = edge
        self.seed = seed
        self.ledger = ledger
        self.interest: Interest = NOTHING
        self.empty = True
        """No rule speaks of messages: they need not be held for a decision."""
        self.final = False
        """No rule will ever stand here again."""
        self._standing = ledger.standing_messages((), matcher(edge.protocol), edge.caller)
        self._refusing = self._standing
        self._securing = self._standing
        self._of_side: Mapping[Side, tuple[MessageStanding, ...]] = dict.fromkeys(_SIDES, ())
        self._untouched: set[Message] = set()
        """Lasting messages that no rule matches."""
        self.hears = False
        """Some rule speaks of responses."""

    def swap(self, rules: Sequence[MessageRule]) -> None:
        """Put rules in force: those of all of a world, of which this edge takes its own."""
        mine = [rule for rule in rules if self._concerns(rule)]
        speaking = tuple(rule for rule in mine if not (refuses(rule) or secures(rule)))
        stand = self.ledger.standing_messages
        tester = matcher(self.edge.protocol)
        self._standing = stand(speaking, tester, self.edge.caller)
        self._refusing = stand([rule for rule in mine if refuses(rule)], tester, self.edge.caller)
        self._securing = stand([rule for rule in mine if secures(rule)], tester, self.edge.caller)
        self.interest = Interest.of(speaking) if speaking else NOTHING
        self.empty = not speaking
        self._of_side = {side: tuple(each for each in self._standing if each.side == side) for side in _SIDES}
        self._untouched = set()
        self.hears = bool(self._of_side["response"])

    def decide(self, message: Message) -> MessageDecision:
        return decide_message(self._standing, message, self.ledger, self.seed)

    def touches(self, side: Side, messages: Sequence[Message]) -> bool:
        """Whether any rule matches one of a side's messages. If none does they have been counted, else nothing has."""
        standing = self._of_side[side]
        if not standing:
            return False
        for message in messages:
            if message not in self._untouched:
                if any(matches(each, message) is not False for each in standing):
                    return True
                for each in standing:
                    self.ledger.missed(each, message)
                if getattr(message, "lasting", False):
                    if len(self._untouched) == _MOST_REMEMBERED:
                        self._untouched.clear()
                    self._untouched.add(message)
        counters, count = self.ledger.counters, len(messages)
        for each in standing:
            counters[each.seen] += count
        return False

    def decide_attempt(self) -> MessageDecision:
        """What becomes of a connection itself."""
        return decide_message(self._refusing, Attempt(), self.ledger, self.seed) if self._refusing else PASS

    def decide_handshake(self) -> MessageDecision:
        """What becomes of a TLS handshake."""
        return decide_message(self._securing, Attempt(), self.ledger, self.seed) if self._securing else PASS

    def blind(self, why: str) -> None:
        """Note that a connection can't be followed any more."""
        self.ledger.blind(f"{self.edge.service}.{self.edge.interface}: {why}")

    def distorted(self, how: str) -> None:
        """Note that a connection went wrong because of us."""
        edge = self.edge
        self.ledger.distorted(f"{edge.caller} -> {edge.service}.{edge.interface}: {how}")

    def overran(self, count: int) -> None:
        """Note how many datagrams have been lost here because they came too fast."""
        edge = self.edge
        self.ledger.overran(f"{edge.caller} -> {edge.service}.{edge.interface}", count)

    def _concerns(self, rule: MessageRule) -> bool:
        edge = self.edge
        return rule.service == edge.service and rule.interface == edge.interface and rule.source in ("", edge.caller)


def refuses(rule: MessageRule) -> bool:
    """Whether a rule is about connections: `refuse` without anything to match a message by."""
    return bool(rule.fault.arguments.get("refuse")) and not rule.fault.match


def secures(rule: MessageRule) -> bool:
    """Whether a rule is about TLS: its handshake, or the certificate that is shown."""
    return "tls" in rule.fault.arguments
