"""Two runs of the same cases side by side: verdicts, decisions per call identity, counters per rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.decisions import Disagreement, Taken, by_identity, compared
from faultbox.evidence.masks import masked
from faultbox.model.fault import Counts
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult, RuleReport

Key = tuple[str, int]
"""A case's id and run."""


@frozen
class Recorded:
    """What is known of one case."""

    result: CaseResult
    decisions: Taken


@dataclass
class Comparison:
    """What was the same, what was not, and where services called more or less often, which is no difference."""

    cases: int = 0
    decisions: int = 0
    verdicts: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        return [*self.verdicts, *self.decided]


@frozen
class Sides:
    """What the two runs are called: `then` and `now`, `in A` and `in B`."""

    before: str
    after: str


def recorded(bundle: Bundle) -> dict[Key, Recorded]:
    """Everything that a run is compared by. Raises BadBundle."""
    cases = {}
    for directory in bundle.directories():
        result = bundle.result(directory)
        decisions = by_identity(bundle.events(directory, "decisions.jsonl"))
        cases[result.info.id, result.info.run] = Recorded(result, decisions)
    return cases


def compare_case(old: Recorded, new: Recorded, sides: Sides, found: Comparison) -> None:
    """Add one case that both have."""
    name = named((new.result.info.id, new.result.info.run))
    found.cases += 1
    found.verdicts += [f"{name}: {each}" for each in _verdicts(old.result, new.result, sides)]
    found.drift += [f"{name}: {each}" for each in _counters(old.result.rules, new.result.rules, sides)]
    for same, disagreement in compared(old.decisions, new.decisions):
        found.decisions += same
        if disagreement is not None:
            found.decided.append(f"{name}: {_in_words(disagreement, sides)}")


def named(key: Key) -> str:
    return key[0] if key[1] == 1 else f"{key[0]}, run {key[1]}"


def _verdicts(old: CaseResult, new: CaseResult, sides: Sides) -> Iterator[str]:
    if old.verdict is not new.verdict:
        yield f"{old.verdict} {sides.before}, {new.verdict} {sides.after} ({new.reason or old.reason})"
    elif old.exercised is not new.exercised:
        yield f"exercised {_yes(old.exercised)} {sides.before}, {_yes(new.exercised)} {sides.after}"
    elif masked(old.reason) != masked(new.reason):
        yield f"{old.verdict} for another reason: {old.reason!r} {sides.before}, {new.reason!r} {sides.after}"


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "no fault"}[value]


def _counters(old: Sequence[RuleReport], new: Sequence[RuleReport], sides: Sides) -> Iterator[str]:
    """What rules matched and fired, which the services' own calling decides as much as the seed does."""
    then, now = _by_rule(old), _by_rule(new)
    for key in {**then, **now}:
        before, after = then.get(key, Counts()), now.get(key, Counts())
        if (before.matched, before.fired) != (after.matched, after.fired):
            yield (
                f"rule {key[0]} of {key[1]}: matched {before.matched}, fired {before.fired} {sides.before}; "
                f"matched {after.matched}, fired {after.fired} {sides.after}"
            )


def _by_rule(reports: Sequence[RuleReport]) -> Mapping[tuple[str, str], Counts]:
    return {(each.rule, each.service): each.counts for each in reports}


def _in_words(found: Disagreement, sides: Sides) -> str:
    service, call, about, rule = found.identity
    before, after = found.before or "went on", found.after or "went on"
    text = f"{service} {call} {about}".rstrip()
    return f"{text}, call {found.turn} under {rule}: {before} {sides.before}, {after} {sides.after}"
