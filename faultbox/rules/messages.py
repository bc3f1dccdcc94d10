"""Rules about messages: bound to an interface, standing at an edge, deciding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from faultbox.model.fault import Assumption, Trigger
from faultbox.model.message import (
    PASS,
    Message,
    MessageAction,
    MessageDecision,
    MessageFault,
    MessageFired,
    MessageRule,
    Unknown,
)
from faultbox.model.topology import Endpoint, Service
from faultbox.rules.firing import drawn, due
from faultbox.rules.patterns import Test
from faultbox.rules.tally import Counters, Tally, places

Tester = Callable[[str, str], Test]
"""(match key, glob) to a predicate on that key's values."""


def bind_messages(
    faults: Iterable[MessageFault], endpoint: Endpoint, *, scope_id: str, source: str = "", assumption: str = ""
) -> tuple[MessageRule, ...]:
    """The rules of faults on an interface, for one caller (`source`) or for all.

    Ids are `scope_id`, the interface, the action and the caller, and a number where several would
    be equal. `MessageRule.slot` is left to whoever owns the counters.
    """
    met: Counter[str] = Counter()
    rules = []
    for fault in faults:
        words = (scope_id, str(endpoint), fault.action.value, source)
        name = "/".join(word for word in words if word)
        met[name] += 1
        rules.append(
            MessageRule(
                id=name if met[name] == 1 else f"{name}#{met[name]}",
                service=endpoint.service,
                interface=endpoint.interface.name,
                protocol=endpoint.interface.protocol,
                fault=fault,
                source=source,
                assumption=assumption,
            )
        )
    return tuple(rules)


def bind_assumption_messages(
    assumption: Assumption, services: Mapping[str, Service], *, scope_id: str
) -> tuple[MessageRule, ...]:
    """The message rules of an assumption and all it is composed of, each named assumption once."""
    rules: list[MessageRule] = []
    for leaf in {each.name: each for each in assumption.leaves() if each.rules}.values():
        endpoint = services[leaf.target].endpoint(leaf.interface)
        if endpoint is None:
            raise KeyError(f"{leaf.target}.{leaf.interface}")
        scope = leaf.name if scope_id in ("", leaf.name) else f"{scope_id}/{leaf.name}"
        rules += bind_messages(leaf.rules, endpoint, scope_id=scope, source=leaf.source, assumption=leaf.name)
    return tuple(rules)


class MessageStanding:
    """A message rule in force at one caller's edge: where it counts, what it matches by, how many it has matched."""

    __slots__ = ("always", "caller", "fired", "matched", "matches", "rule", "seen", "side", "tests", "unresolved")

    def __init__(self, rule: MessageRule, tester: Tester, caller: str) -> None:
        self.rule = rule
        self.caller = caller
        self.seen, self.matched, self.fired, self.unresolved = places(rule)
        self.matches = 0
        self.side = rule.fault.side
        self.tests = tuple((key, tester(key, glob)) for key, glob in rule.fault.match.items())
        self.always = rule.fault.trigger == Trigger()


Standings = tuple[MessageStanding, ...]


class MessageTally(Tally):
    """A tally of message rules, one per world. Triggers count, and draws are made, per caller: two callers'
    messages come in no order that a second run would repeat.
    """

    def __init__(self, counters: Counters) -> None:
        super().__init__(counters)
        self._messages: dict[tuple[int, str], MessageStanding] = {}

    def standing_messages(self, rules: Iterable[MessageRule], tester: Tester, caller: str) -> Standings:
        """Rules as `decide_message` takes them for a caller. Raises ValueError for one without a slot."""
        return tuple(self._stand_message(rule, tester, caller) for rule in rules)

    def _stand_message(self, rule: MessageRule, tester: Tester, caller: str) -> MessageStanding:
        key = (rule.slot, caller)
        if key not in self._messages:
            self._messages[key] = MessageStanding(rule, tester, caller)
        return self._messages[key]

    @property
    def known_messages(self) -> tuple[MessageRule, ...]:
        """Every message rule that has ever stood, by slot."""
        return tuple({slot: self._messages[slot, caller].rule for slot, caller in sorted(self._messages)}.values())

    def missed(self, standing: MessageStanding, message: Message, why: Unknown | None = None) -> None:  # noqa: ARG002 - for those who keep samples
        """Count a message that the rule does not match; `why`: what of it can't be known, though it might."""
        if why is not None:
            self.counters[standing.unresolved] += 1


def decide_message(
    standing: Sequence[MessageStanding], message: Message, tally: MessageTally, seed: int
) -> MessageDecision:
    """What becomes of a message under the rules of its edge, innermost scope first.

    By the laws of `decide`: the first rule that fires and decides is what is done, delays and the
    slowest rate of those before it apply too, every rule counts what it matches.
    """
    delay_ms, rate = 0.0, 0.0
    act: MessageRule | None = None
    fired: tuple[MessageFired, ...] = ()
    counters = tally.counters
    side = message.side
    for each in standing:
        if each.side != side:
            continue
        counters[each.seen] += 1
        match = matches(each, message)
        if match is not True:
            tally.missed(each, message, match or None)
            continue
        counters[each.matched] += 1
        each.matches += 1
        rule = each.rule
        if not each.always and not (
            due(rule.fault.trigger, each.matches) and drawn(rule, each.caller, message, seed, tally.turn)
        ):
            continue
        if act is not None:
            tally.shadowed[rule.id, act.id] += 1
            continue
        counters[each.fired] += 1
        fired += (MessageFired(rule, each.matches),)
        delay_ms += _delay(rule.fault)
        rate = _slower(rate, rule.fault)
        if rule.fault.action.decides and not delays_only(rule.fault):
            act = rule
    return MessageDecision(delay_ms, rate, act.fault if act is not None else None, fired) if fired else PASS


def delays_only(fault: MessageFault) -> bool:
    """Whether a response() says nothing but how long the real answer takes."""
    return fault.action is MessageAction.RESPOND and fault.arguments.keys() == {"delay_ms"}


def matches(standing: MessageStanding, message: Message) -> bool | Unknown:
    """Whether the rule's keys all fit. Where one can't be known and the others do, why: that is no match."""
    open_: Unknown | None = None
    for key, test in standing.tests:
        try:
            value = message.value(key)
        except Unknown as unknown:
            open_ = unknown
            continue
        if value is None or not test(value):
            return False
    return open_ or True


def _delay(fault: MessageFault) -> float:
    return float(fault.arguments.get("delay_ms", 0))


def _slower(rate: float, fault: MessageFault) -> float:
    if fault.action is not MessageAction.SLOW:
        return rate
    wanted = float(fault.arguments["rate"])
    return min(rate, wanted) if rate else wanted
