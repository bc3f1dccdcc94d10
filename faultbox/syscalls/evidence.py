"""What a supervisor can say about rules beyond their counters: what came closest, and what to doubt."""

from __future__ import annotations

import errno as names
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import takewhile
from pathlib import Path

from faultbox.model.fault import Action, ActionKind, FdKind, Rule, Trigger
from faultbox.model.frozen import frozen
from faultbox.model.syscalls import WRITERS
from faultbox.rules import Call, Standing, Tally, Thing, literal_part, meets
from faultbox.rules.firing import due
from faultbox.rules.tally import Counters
from faultbox.syscalls.call import Syscall
from faultbox.syscalls.filter import RINGS

_MOST_KINDS_OF_MISSES = 256
_MISSES_SHOWN = 5

_OF_DISKS = frozenset(
    (names.EIO, names.ENOSPC, names.EDQUOT, names.EROFS, names.EFBIG, names.EISDIR, names.ENOTEMPTY, names.EXDEV)
)
_OF_NETWORKS = frozenset(
    (
        names.ECONNREFUSED,
        names.ECONNRESET,
        names.ECONNABORTED,
        names.ENETUNREACH,
        names.EHOSTUNREACH,
        names.ENOTCONN,
        names.EADDRINUSE,
        names.EADDRNOTAVAIL,
    )
)
_IMPOSSIBLE: Mapping[FdKind, frozenset[int]] = {
    "file": _OF_NETWORKS | {names.EPIPE},
    "socket": _OF_DISKS,
    "pipe": _OF_DISKS | _OF_NETWORKS,
}


@frozen
class Report:
    """What a service's supervisor adds to the counters, by slot, and the calls it could not meet."""

    misses: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    blind_spots: tuple[str, ...] = ()


class Ledger(Tally):
    """A tally that remembers samples of what did not match."""

    def __init__(self, counters: Counters) -> None:
        super().__init__(counters)
        self._misses: dict[int, Counter[tuple[str, str]]] = {}
        self._doubts: Counter[tuple[int, FdKind]] = Counter()
        self._mapped: set[str] = set()
        self.rings_refused: Counter[str] = Counter()

    def miss(self, standing: Standing, call: Call, *, unresolved: bool) -> None:
        super().miss(standing, call, unresolved=unresolved)
        slot = standing.rule.slot
        sample = self._misses.get(slot)
        if sample is None:
            sample = self._misses[slot] = Counter()
        key = (call.name, _manner(standing.rule, call))
        if key in sample or len(sample) < _MOST_KINDS_OF_MISSES:
            sample[key] += 1

    def denied(self, rule: Rule, call: Syscall) -> None:
        """Note an errno that what the call acts on can't give."""
        kind = call.kind
        if kind is not None and rule.fault.action.errno in _IMPOSSIBLE.get(kind, ()):
            self._doubts[rule.slot, kind] += 1

    def look_at_mappings(self, tasks: Iterable[int]) -> None:
        """Remember which files that a rule names these tasks can write to without a call, while they live."""
        globs = sorted({rule.path for rule in self.known if rule.path and rule.syscalls & WRITERS})
        if globs:
            self._mapped.update(*(_written_by_mapping(tid, globs) for tid in tasks))

    def report(self, tasks: Iterable[int]) -> Report:
        """What there is to say now. `tasks` are those whose mappings are looked at once more."""
        self.look_at_mappings(tasks)
        return Report(
            misses={rule.slot: self._closest(rule) for rule in self.known},
            notes={rule.slot: tuple(self._notes(rule)) for rule in self.known},
            blind_spots=tuple(self._blind_spots()),
        )

    def _closest(self, rule: Rule) -> tuple[str, ...]:
        sample = self._misses.get(rule.slot, Counter())
        wanted = literal_part(rule.path)
        ranked = sorted(sample.items(), key=lambda item: (-_alike(item[0][1], wanted), -item[1], item[0]))
        return tuple(f"{name} {manner} ({count}x)" for (name, manner), count in ranked[:_MISSES_SHOWN])

    def _notes(self, rule: Rule) -> Iterator[str]:
        counts, action = self.counts(rule), rule.fault.action
        if counts.matched and not counts.fired:
            yield from _too_few(rule.fault.trigger, counts.matched)
        for (masked, answered), count in sorted(self.shadowed.items()):
            if masked == rule.id:
                yield f"{_calls(count)} that matched {_were(count)} answered by {answered} first"
        for (slot, kind), count in sorted(self._doubts.items()):
            if slot == rule.slot:
                yield f"{_errno(action)} can't come from a {kind} ({_calls(count)}): on= or path= narrows the rule"

    def _blind_spots(self) -> Iterator[str]:
        for name, times in sorted(self.rings_refused.items()):
            yield f"{RINGS[name]} was refused {times}x with ENOSYS: its calls would bypass every rule"
        for path in sorted(self._mapped):
            yield f"{path} is mapped writable and shared: what is written there by mapping meets no rule"


def _manner(rule: Rule, call: Call) -> str:
    """What a call that did not match was about, in the terms of the rule."""
    if rule.destinations:
        return f"to {getattr(call, 'peer', '') or 'an unknown address'}"
    things = call.things(rule)
    if len(things) == 1:
        return things[0].path or _nameless(things[0])
    return " ".join(thing.path or _nameless(thing) for thing in things) or "on nothing that has a path"


def _nameless(thing: Thing) -> str:
    if thing.path is None:
        return "on a file without a name"
    return "on something else" if thing.kind == "other" else f"on a {thing.kind}"


def _alike(text: str, other: str) -> int:
    """How many characters two texts begin alike with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))


def _too_few(trigger: Trigger, matched: int) -> Iterator[str]:
    for name, least in (("nth", trigger.nth), ("every", trigger.every), ("after", trigger.after)):
        if least is not None and matched < least + (name == "after"):
            yield f"{_calls(matched)} matched, too few for {name}={least}"
            return
    if trigger.probability < 1:
        yield f"{_calls(matched)} matched, none was drawn at probability={trigger.probability:g}"
    elif not any(due(trigger, number) for number in range(1, matched + 1)):
        yield f"{_calls(matched)} matched, none that nth=, first=, after= and every= let through together"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _errno(action: Action) -> str:
    return names.errorcode[action.errno] if action.kind is ActionKind.DENY else str(action.kind)


def _written_by_mapping(tid: int, globs: Iterable[str]) -> set[str]:
    try:
        maps = Path(f"/proc/{tid}/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return set()
    lines = (line.split(maxsplit=5) for line in maps.splitlines())
    shared = {parts[5] for parts in lines if len(parts) == 6 and parts[1].startswith("rw-s")}
    return {path for path in shared if path.startswith("/") and any(meets(path, glob) for glob in globs)}
