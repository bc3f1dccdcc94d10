"""Rules about protocol messages: the same idea as rules about system calls, one layer up.

A spec writes `error(query="INSERT*", message="disk full")`: that is a MessageFault. Bound to an
interface it is a MessageRule. Which match keys and actions a protocol has is data in
`model.protocols`, so that a combination that can't work is a load error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Literal, Protocol

from faultbox.model.fault import Trigger
from faultbox.model.frozen import frozen
from faultbox.model.source import Position

Side = Literal["request", "response"]
"""Who sent a message: the caller (`request`) or the service (`response`)."""


class MessageAction(StrEnum):
    """What is done to a message. All but DELAY and SLOW decide; those two let later rules look."""

    RESPOND = "response"
    ERROR = "error"
    DELAY = "delay"
    DROP = "drop"
    RESET = "reset"
    HANG = "hang"
    DUPLICATE = "duplicate"
    SLOW = "slow"
    REWRITE = "rewrite"
    TRUNCATE = "truncate"
    CORRUPT = "corrupt"

    @property
    def decides(self) -> bool:
        return self not in (MessageAction.DELAY, MessageAction.SLOW)


@frozen
class MessageFault:
    """What response(), error(), delay(delay=), drop() … give.

    `match` holds the written match keys (`method`, `path`, `query`, `key` …) with their globs, in the
    protocol's own spelling; an empty one meets every message of `side`. `arguments` are the action's
    own (`status`, `body`, `delay_ms`, `rate`, `after` …), typed by the protocol's table.
    """

    action: MessageAction
    position: Position
    side: Side = "request"
    match: Mapping[str, str] = field(default_factory=dict, hash=False)
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    trigger: Trigger = field(default_factory=Trigger)
    label: str = ""

    @property
    def text(self) -> str:
        """As the spec would write it: `error(query='INSERT*', message='disk full')`."""
        return f"{self.action}({', '.join(self._words())})"

    @property
    def written(self) -> str:
        """The same with when it fires, and on whose messages where its action leaves that open."""
        side = ["side='response'"] if self.side == "response" else []
        return f"{self.action}({', '.join([*self._words(), *side, *self.trigger.words()])})"

    def _words(self) -> list[str]:
        return [f"{name}={value!r}" for name, value in (*self.match.items(), *self.arguments.items())]


@frozen
class MessageRule:
    """A message fault bound to an interface of a service.

    `source` names the one caller whose messages are met ("" for all; `driver` for the scenario's
    own steps). `id` and `slot` are as a Rule's.
    """

    id: str
    service: str
    interface: str
    protocol: str
    fault: MessageFault
    source: str = ""
    assumption: str = ""
    slot: int = -1

    @property
    def text(self) -> str:
        return f"{self.service}.{self.interface}: {self.fault.text}"

    @property
    def written(self) -> str:
        """What it does, to what and when: `error(query='INSERT*', message='disk full', nth=3)`."""
        return self.fault.written


@frozen
class MessageRuleSet:
    """All message rules of a world at one moment, innermost scope first. `epoch` grows with every change."""

    rules: tuple[MessageRule, ...] = ()
    epoch: int = 0


class Unknown(Exception):
    """What a rule matches on is there, but can't be known: a body too large to hold, one that is encrypted."""


class Message(Protocol):
    """One message of a conversation, as rules see it.

    `value(key)` answers a match key of the protocol: None where this message has no such thing, which
    no glob meets. It raises Unknown where it can't be told, which is no match and counted. `identity`
    is what draws are keyed by: protocol and method and path, statement shape, or command and key,
    never anything that differs from run to run.
    """

    @property
    def side(self) -> Side: ...

    @property
    def identity(self) -> str: ...

    def value(self, key: str) -> str | None: ...

    @property
    def summary(self) -> Mapping[str, str]:
        """Flat fields for an event: method, path, query, command, key, status … Small."""
        ...


@frozen
class MessageFired:
    """A message rule that fired, and on which of its matching messages."""

    rule: MessageRule
    number: int


@frozen
class MessageDecision:
    """What becomes of a message: wait `delay_ms`, send at `rate` bytes/s (0: all at once), do `act` (None: pass)."""

    delay_ms: float = 0.0
    rate: float = 0.0
    act: MessageFault | None = None
    fired: tuple[MessageFired, ...] = ()


PASS = MessageDecision()


@frozen
class Edge:
    """A caller to an interface: what is steered to a proxy. `caller` is a service's name or `driver`."""

    caller: str
    service: str
    interface: str
    protocol: str
    port: int
