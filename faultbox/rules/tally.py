"""What rules have counted: four shared counters a rule, and what only decisions need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, MutableSequence
from typing import TypeAlias

from faultbox.model.fault import Counts, Rule, Trigger
from faultbox.model.message import MessageRule
from faultbox.rules.call import Call

Counters: TypeAlias = "MutableSequence[int] | memoryview[int]"

_WIDTH = len(Counts._fields)


def places(rule: Rule | MessageRule) -> range:
    """Where a rule's counters stand, in the order of Counts. Raises ValueError for one that was given no slot."""
    if rule.slot < 0:
        raise ValueError(f"rule {rule.id} has no slot for its counters")
    return range(rule.slot * _WIDTH, (rule.slot + 1) * _WIDTH)


class Standing:
    """A rule in force, where it counts, and how many calls it has matched.

    Flags say what needs no look at the call: a decision is made for every notified call, and a
    microsecond counts.
    """

    __slots__ = ("always", "any_call", "fired", "matched", "matches", "rule", "seen", "unresolved")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.seen, self.matched, self.fired, self.unresolved = places(rule)
        self.matches = 0
        self.any_call = not (rule.path or rule.destinations or rule.fault.on)
        self.always = rule.fault.trigger == Trigger()


class Tally:
    """Counts by rule. `counters` holds seen, matched, fired, unresolved of slot s from index 4 * s.

    It may be a view of memory that other processes read. A slot belongs to one rule for good; what
    it has counted outlives the rule's absence from a rule set. Matches count anew with a new slot,
    turns go on, so that the same rule armed again draws anew.
    """

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self._standing: dict[int, Standing] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self.shadowed: Counter[tuple[str, str]] = Counter()
        """(rule, rule that had answered): how often the first would have fired too."""

    def standing(self, rules: Iterable[Rule]) -> tuple[Standing, ...]:
        """Rules as `decide` takes them. Raises ValueError for one without a slot."""
        return tuple(self._stand(rule) for rule in rules)

    def _stand(self, rule: Rule) -> Standing:
        return self._standing.setdefault(rule.slot, Standing(rule))

    @property
    def known(self) -> Iterable[Rule]:
        """Every rule that has ever stood, by slot."""
        return [self._standing[slot].rule for slot in sorted(self._standing)]

    def miss(self, standing: Standing, call: Call, *, unresolved: bool) -> None:  # noqa: ARG002 - for those who keep samples
        """Count a call that the rule does not match, `unresolved` because its path can't be known."""
        if unresolved:
            self.counters[standing.unresolved] += 1

    def turn(self, rule_id: str, identity: str) -> int:
        """Count a draw for an identity; gives which one it is, from 1."""
        key = (rule_id, identity)
        self._turns[key] += 1
        return self._turns[key]

    def counts(self, rule: Rule | MessageRule) -> Counts:
        return Counts(*(self.counters[place] for place in places(rule)))
