"""Rules: what calls are met, when, and what is done to them.

A spec writes `deny("EIO", path="/data/*", nth=3)`: that is a Fault. Bound to a service and
to system calls it is a Rule. Rules are immutable; what they counted lives in a Tally.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from faultbox.model.frozen import frozen
from faultbox.model.source import Position

if TYPE_CHECKING:
    from faultbox.model.message import MessageFault

Direction = Literal["out", "in"]
FdKind = Literal["file", "socket", "pipe", "tty", "other"]


class ActionKind(StrEnum):
    DENY = "deny"
    DELAY = "delay"
    ALLOW = "allow"


@frozen
class Action:
    """What is done to a call: deny(errno) and allow answer it, delay holds it up and lets the next rule look."""

    kind: ActionKind
    errno: int = 0
    delay_ms: float = 0

    @property
    def answers(self) -> bool:
        return self.kind is not ActionKind.DELAY


@frozen
class Trigger:
    """Which of the matching calls fire. They count per rule and per service, in the order decided, from 1.

    nth=3: the third only. first=3: the first three. after=3: all but the first three.
    every=3: the third, sixth, ... All set ones must agree. probability is drawn by call
    identity for those that remain (0 never, 1 always).
    """

    nth: int | None = None
    first: int | None = None
    after: int | None = None
    every: int | None = None
    probability: float = 1.0

    def words(self) -> list[str]:
        """As the spec would write it: `nth=3`, `probability=0.1`."""
        counted = {"nth": self.nth, "first": self.first, "after": self.after, "every": self.every}
        written = [f"{name}={value}" for name, value in counted.items() if value is not None]
        return written if self.probability == 1 else [*written, f"probability={self.probability:g}"]


@frozen
class Fault:
    """What deny(), delay() and allow() give: an action, when it fires and on what."""

    action: Action
    position: Position
    trigger: Trigger = Trigger()
    path: str = ""
    on: FdKind | None = None
    direction: Direction | None = None
    existing: Literal["sever", "keep"] = "sever"
    label: str = ""
    from_start: bool = False

    @property
    def text(self) -> str:
        """As the spec would write it, without its keywords: `deny(EIO)`, `delay(500ms)`."""
        import errno as names

        if self.action.kind is ActionKind.DENY:
            return f"deny({names.errorcode[self.action.errno]})"
        if self.action.kind is ActionKind.DELAY:
            return f"delay({self.action.delay_ms:g}ms)"
        return "allow()"

    def written(self, path: str = "") -> str:
        """The same with what it matches and when it fires; `path` is what its operation narrows it to."""
        found = {"path": self.path or path, "on": self.on, "direction": self.direction}
        words = [f"{name}={value!r}" for name, value in found.items() if value]
        words += ["existing='keep'"] * (self.existing == "keep") + ["from_start=True"] * self.from_start
        return _with_words(self.text, [*words, *self.trigger.words()])


def _with_words(call: str, words: list[str]) -> str:
    """A call as written, with more arguments."""
    opened = call.removesuffix(")")
    return f"{opened}{', ' if words and not opened.endswith('(') else ''}{', '.join(words)})"


@frozen
class Operation:
    """A named group of system calls of a service: op(syscalls=[...], path=...)."""

    syscalls: tuple[str, ...]
    path: str
    position: Position


class Port(NamedTuple):
    """A destination: an interface of a service, met by whatever address reaches it."""

    service: str
    interface: str
    port: int
    transport: Literal["tcp", "udp"] = "tcp"


@frozen
class Rule:
    """A fault bound to one service's system calls.

    `service` makes the calls. For the inbound half of a connect rule on S that is each of S's
    callers and `destinations` holds S's interfaces; `target` is always the service the spec named.
    `keyword` is what the spec wrote (`write`, an op's name). `id` names the rule in a case for
    people and for draws: it is the same in every run of the same spec. `slot` is where its
    counters live in the world's counter page.
    """

    id: str
    service: str
    target: str
    keyword: str
    syscalls: frozenset[str]
    fault: Fault
    path: str = ""
    destinations: tuple[Port, ...] = ()
    direction: Direction | None = None
    assumption: str = ""
    slot: int = -1

    @property
    def text(self) -> str:
        return f"{self.target}: {self.keyword}={self.fault.text}"

    @property
    def written(self) -> str:
        """What it does, to what and when: `deny(EIO, path='/data/*', nth=3)`."""
        return self.fault.written(self.path)


@frozen
class RuleSet:
    """All rules of one service at one moment, innermost scope first, written order within a scope.

    `epoch` grows with every change, so that a change can be acknowledged.
    `observed` are system calls that are reported as events even where no rule meets them.
    """

    rules: tuple[Rule, ...] = ()
    observed: frozenset[str] = frozenset()
    epoch: int = 0


@frozen
class Fired:
    """A rule that fired on a call."""

    rule: Rule
    number: int


@frozen
class Decision:
    """What becomes of a call: wait `delay_ms`, then answer `errno` (0: let it go on).

    `fired` are the rules that did it, in the order they were asked.
    """

    delay_ms: float = 0
    errno: int = 0
    fired: tuple[Fired, ...] = ()


ALLOW = Decision()


class Counts(NamedTuple):
    """A rule's counters. `unresolved`: calls whose path could not be known, hence not matched."""

    seen: int = 0
    matched: int = 0
    fired: int = 0
    unresolved: int = 0

    def __add__(self, other: tuple[int, ...]) -> Counts:  # type: ignore[override]
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


@frozen
class Assumption:
    """A named way in which the world can break: fault_assumption().

    `faults` are on the system calls of the service `target`; `rules` on the messages to its `interface`,
    those of the caller `source` ("" for all, `driver` for the scenario's own steps).
    """

    name: str
    position: Position
    target: str = ""
    faults: tuple[tuple[str, Fault], ...] = ()
    children: tuple[Assumption, ...] = ()
    monitors: tuple[object, ...] = ()
    description: str = ""
    interface: str = ""
    rules: tuple[MessageFault, ...] = ()
    source: str = ""

    def leaves(self) -> tuple[Assumption, ...]:
        """Itself and all it is composed of, depth first."""
        return (self, *(leaf for child in self.children for leaf in child.leaves()))
