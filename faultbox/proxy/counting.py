"""What the proxy can say about rules beyond their counters: what came closest, and what to doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from faultbox.model.fault import Trigger
from faultbox.model.message import Message, MessageFired, MessageRule, Unknown
from faultbox.rules import MessageStanding, MessageTally
from faultbox.rules.tally import Counters

_MOST_KINDS_OF_MISSES = 64
_MISSES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What the edge process adds to the counters, by slot.

    `blind_spots`: connections that no rule could see into, or which ended for want of trust. `distortions`: connections
    that failed because a proxy stood there, of which nobody knows what would have come.
    """

    misses: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    blind_spots: tuple[str, ...] = ()
    distortions: tuple[str, ...] = ()


class Ledger(MessageTally):
    """A tally that remembers samples of what did not match, and reasons to doubt a rule."""

    def __init__(self, counters: Counters) -> None:
        super().__init__(counters)
        self._misses: dict[int, dict[str, None]] = {}
        self._doubts: Counter[tuple[int, str]] = Counter()
        self._accepted: Counter[int] = Counter()
        self._blind: Counter[str] = Counter()
        self._distorted: Counter[str] = Counter()
        self._overrun: dict[str, int] = {}

    def missed(self, standing: MessageStanding, message: Message, why: Unknown | None = None) -> None:
        super().missed(standing, message, why)
        if why is not None:
            self._doubts[standing.rule.slot, f"not known whether it matches: {why}"] += 1
        sample = self._misses.setdefault(standing.rule.slot, {})
        if len(sample) < _MOST_KINDS_OF_MISSES:
            sample[message.identity] = None

    def blind(self, where: str) -> None:
        """Note a connection whose messages can't be understood, while rules stood at its edge."""
        self._blind[where] += 1

    def distorted(self, how: str) -> None:
        """Note a connection that failed because of us, where no rule asked for it."""
        self._distorted[how] += 1

    def overran(self, where: str, count: int) -> None:
        """Note how many datagrams an edge has lost so far."""
        self._overrun[where] = count

    def accepted(self, fired: MessageFired) -> None:
        """Note a caller that has taken a certificate which a rule had made wrong."""
        self._accepted[fired.rule.slot] += 1

    def take_back(self, fired: MessageFired, doubt: str) -> None:
        """A rule that fired could not do its work on that message after all: it counts as unresolved."""
        start = fired.rule.slot * 4
        self.counters[start + 2] -= 1
        self.counters[start + 3] += 1
        self._doubts[fired.rule.slot, doubt] += 1

    def report(self) -> Report:
        rules = self.known_messages
        return Report(
            misses={rule.slot: self._closest(rule) for rule in rules},
            notes={rule.slot: tuple(self._notes(rule)) for rule in rules},
            blind_spots=_counted(self._blind),
            distortions=(*_counted(self._distorted), *self._overruns()),
        )

    def _overruns(self) -> Iterator[str]:
        for where, count in sorted(self._overrun.items()):
            if count:
                yield f"{where}: {count} datagrams were lost, because they came faster than the proxy reads"

    def _closest(self, rule: MessageRule) -> tuple[str, ...]:
        """Kinds of messages that it met and did not match: those that begin like what it wanted come first."""
        wanted = " ".join(rule.fault.match.values())
        kinds = sorted(self._misses.get(rule.slot, ()), key=lambda identity: (-_alike(identity, wanted), identity))
        return tuple(kinds[:_MISSES_SHOWN])

    def _notes(self, rule: MessageRule) -> Iterator[str]:
        counts = self.counts(rule)
        if not counts.seen and rule.fault.side == "request":
            yield "nobody said anything here while it stood; what goes through a unix socket passes by unseen"
        if counts.matched and not counts.fired:
            yield from _too_few(rule.fault.trigger, counts.matched)
        accepted = self._accepted[rule.slot]
        if accepted:
            yield f"callers accepted the certificate all the same ({accepted} connection{'s' * (accepted != 1)})"
        for (masked, decided), count in sorted(self.shadowed.items()):
            if masked == rule.id:
                yield f"{count} matching messages were decided by {decided} first"
        for (slot, doubt), count in sorted(self._doubts.items()):
            if slot == rule.slot:
                yield f"{doubt} ({count} message{'s' * (count != 1)})"


def _counted(several: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{each} ({count} connection{'s' * (count != 1)})" for each, count in sorted(several.items()))


def _too_few(trigger: Trigger, matched: int) -> Iterator[str]:
    for name, least in (("nth", trigger.nth), ("every", trigger.every), ("after", trigger.after)):
        if least is not None and matched < least + (name == "after"):
            yield f"{matched} messages matched, too few for {name}={least}"
            return
    if trigger.probability < 1:
        yield f"{matched} messages matched, none was drawn at probability={trigger.probability:g}"


def _alike(identity: str, wanted: str) -> int:
    """How many of the wanted words' beginnings are in an identity, weighed by their length."""
    return sum(len(word) for word in wanted.lower().replace("*", " ").split() if word in identity.lower())
