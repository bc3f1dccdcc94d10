"""What rules have counted: four shared counters a rule, and what only decisions need."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableSequence

from faultbox.model.fault import Counts, Rule
from faultbox.rules.call import Call

_WIDTH = len(Counts._fields)
_SEEN, _MATCHED, _FIRED, _UNRESOLVED = range(_WIDTH)


class Tally:
    """Counts by rule. `counters` holds seen, matched, fired, unresolved of slot s from index 4 * s.

    It may be a view of memory that other processes read. Slots must not be shared by rules that
    are in force at one time. What a rule has counted outlives its absence from a rule set. Matches
    count anew with a new slot; turns go on, so that the same rule armed again draws anew.
    """

    def __init__(self, counters: MutableSequence[int] | memoryview[int]) -> None:
        self._counters = counters
        self._matches: Counter[int] = Counter()
        self._turns: Counter[tuple[str, str]] = Counter()
        self.shadowed: Counter[tuple[str, str]] = Counter()
        """(rule, rule that had answered): how often the first would have fired too."""

    def see(self, rule: Rule) -> None:
        self._counters[rule.slot * _WIDTH + _SEEN] += 1

    def match(self, rule: Rule) -> int:
        """Count a matching call; gives which one it is, from 1."""
        self._counters[rule.slot * _WIDTH + _MATCHED] += 1
        self._matches[rule.slot] += 1
        return self._matches[rule.slot]

    def fire(self, rule: Rule) -> None:
        self._counters[rule.slot * _WIDTH + _FIRED] += 1

    def miss(self, rule: Rule, call: Call, *, unresolved: bool) -> None:  # noqa: ARG002 - for those who keep samples
        """Count a call that the rule does not match, `unresolved` because its path can't be known."""
        if unresolved:
            self._counters[rule.slot * _WIDTH + _UNRESOLVED] += 1

    def turn(self, rule: Rule, identity: str) -> int:
        """Count a draw for an identity; gives which one it is, from 1."""
        key = (rule.id, identity)
        self._turns[key] += 1
        return self._turns[key]

    def counts(self, rule: Rule) -> Counts:
        start = rule.slot * _WIDTH
        return Counts(*self._counters[start : start + _WIDTH])
