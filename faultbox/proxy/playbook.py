"""Conversations played from a script: what is received, what is sent on it. For tests of protocols.

talk = Play(redis.dialogue, a_rule("error", match={"command": "GET"}, protocol="redis"))
assert talk.caller(SET + GET) == [("service", SET)]
assert talk.service(b"+OK\\r\\n") == [("caller", b"+OK\\r\\n-ERR injected\\r\\n")]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faultbox.model.fault import Counts, Trigger
from faultbox.model.message import Edge, MessageAction, MessageFault, MessageRule, Side
from faultbox.model.source import Position
from faultbox.protocols.contract import Dialogue
from faultbox.proxy.commands import Again, Anew, Close, Command, Finish, Note, Reset, Send, StartTls, Timer
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.counting import Ledger
from faultbox.proxy.rulebook import Rulebook

Said = tuple[Any, ...]

_SLOTS = 32


def a_rule(
    action: str,
    *,
    side: Side = "request",
    match: Mapping[str, str] | None = None,
    trigger: Mapping[str, Any] | None = None,
    source: str = "",
    slot: int = 0,
    protocol: str = "",
    **arguments: Any,
) -> MessageRule:
    """A rule on `db.main`, whose remaining keywords are the action's arguments."""
    triggers = Trigger(**(trigger or {}))
    position = Position("spec.star", 1)
    fault = MessageFault(MessageAction(action), position, side, match or {}, arguments, triggers, f"label {slot}")
    return MessageRule(f"r{slot}", "db", "main", protocol, fault, source, slot=slot)


class Play:
    """A conversation between `api` and `db.main`, and what it does as short tuples.

    ("service", bytes) and ("caller", bytes) are what is sent to them; ("wait", side, ms),
    ("finish", side), ("close",), ("reset",), ("tls",), ("anew", bytes), ("again", bytes, "ends"). Events: `notes`.
    """

    def __init__(
        self,
        dialogue: Callable[[], Dialogue],
        *rules: MessageRule,
        protocol: str = "",
        caller: str = "api",
        seed: int = 1,
    ) -> None:
        edge = Edge(caller, "db", "main", protocol or (rules[0].protocol if rules else "tcp"), 5432)
        self.ledger = Ledger([0] * 4 * _SLOTS)
        self.book = Rulebook(edge, self.ledger, seed)
        self.book.swap(rules)
        self.talk = Conversation(dialogue(), self.book)
        self.notes: list[Mapping[str, str]] = []

    def rules(self, *rules: MessageRule) -> None:
        """Put other rules in force."""
        self.book.swap(rules)

    def caller(self, data: bytes) -> list[Said]:
        """The caller sends bytes."""
        return self._heard("request", data)

    def service(self, data: bytes) -> list[Said]:
        """The service sends bytes."""
        return self._heard("response", data)

    def ended(self, side: Side) -> list[Said]:
        """A side closes its half."""
        return self._said(self.talk.ended(side))

    def timer(self, side: Side) -> list[Said]:
        """The time that a side waited for is over."""
        return self._said(self.talk.timer(side))

    def release(self) -> list[Said]:
        return self._said(self.talk.release())

    def attempted(self) -> list[Said]:
        return self._said(self.talk.attempted())

    def counts(self, slot: int = 0) -> Counts:
        return Counts(*self.ledger.counters[slot * 4 : slot * 4 + 4])

    def _heard(self, side: Side, data: bytes) -> list[Said]:
        """As the pump does: by the shortcut where it can be taken."""
        if self.talk.passes(side, data):
            return [("service" if side == "request" else "caller", data)]
        return self._said(self.talk.received(side, data))

    def _said(self, commands: list[Command]) -> list[Said]:
        self.notes += [each.fields for each in commands if isinstance(each, Note)]
        return [_short(each) for each in commands if not isinstance(each, Note)]


def sent(said: list[Said], to: str) -> bytes:
    """All bytes that were sent to the `caller` or the `service`."""
    return b"".join(each[1] for each in said if each[0] == to)


def _short(command: Command) -> Said:
    match command:
        case Send(side, data):
            return ("service" if side == "request" else "caller", data)
        case Timer(side, delay_ms):
            return ("wait", side, delay_ms)
        case Finish(side):
            return ("finish", side)
        case Anew(opening):
            return ("anew", opening)
        case Again(data, _, ends):
            return ("again", data, *(["ends"] if ends else []))
    names: dict[type[Any], str] = {Close: "close", Reset: "reset", StartTls: "tls"}
    return (names[type(command)],)
