"""Running a bundle again, and saying whether the same came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.decisions import Disagreement, Taken, by_identity, compared
from faultbox.evidence.extract import extract_spec
from faultbox.evidence.spool import Spool
from faultbox.model.fault import Counts
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult, RuleReport


@frozen
class Ground:
    """What is run again. `root`: where relative paths of the spec lead, None for the spec's own directory."""

    spec: Path
    root: Path | None
    note: str


def ground(bundle: Bundle, scratch: Path) -> Ground:
    """The spec where it was, as long as it says what the bundle says; else the bundle's, laid out in `scratch`."""
    original = Path(bundle.original)
    if _unchanged(bundle, original):
        return Ground(original, None, f"Spec: {original} (unchanged since)")
    spec = extract_spec(bundle, scratch)
    if original.parent.is_dir():
        note = f"Spec: from the bundle ({original} has changed or gone); relative paths lead to {original.parent}"
        return Ground(spec, original.parent, note)
    note = f"Spec: from the bundle; {original.parent} is not here, so relative paths lead into the bundle's own spec/"
    return Ground(spec, None, note)


def _unchanged(bundle: Bundle, original: Path) -> bool:
    """Whether every file of the spec is on disk, byte for byte, where it was."""
    depth = len(Path(bundle.spec).parts) - 1
    if not original.is_absolute() or depth > len(original.parents):
        return False
    base = original.parents[depth - 1]
    try:
        same = all((base / Path(name).relative_to("spec")).read_bytes() == bundle.read(name) for name in bundle.sources)
    except OSError:
        return False
    return same and base / Path(bundle.spec).relative_to("spec") == original


@dataclass
class Comparison:
    """A replay beside its bundle: what was the same, what was not, and where services called more or less often."""

    cases: int = 0
    decisions: int = 0
    differences: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)


@frozen
class Recorded:
    """What a bundle says of one case."""

    result: CaseResult
    decisions: Taken


Key = tuple[str, int]
"""A case's id and run."""


def recorded(bundle: Bundle) -> dict[Key, Recorded]:
    """Everything that a replay is compared with. Raises BadBundle, better before the replay than after it."""
    cases = {}
    for directory in bundle.directories():
        result = bundle.result(directory)
        decisions = by_identity(bundle.events(directory, "decisions.jsonl"))
        cases[result.info.id, result.info.run] = Recorded(result, decisions)
    return cases


def compare(before: Mapping[Key, Recorded], again: Spool, results: Sequence[CaseResult]) -> Comparison:
    """The replayed results beside the recorded ones: verdicts, decisions per call identity, counters per rule."""
    found = Comparison()
    directories = {(each.info.id, each.info.run): each.directory for each in again.planned}
    for new in results:
        key = (new.info.id, new.info.run)
        if key not in before:
            found.differences.append(f"{new.info.id}: is not in the bundle")
            continue
        old = before[key].result
        found.cases += 1
        found.differences += [f"{new.info.id}: {each}" for each in _verdicts(old, new)]
        found.drift += [f"{new.info.id}: {each}" for each in _counters(old.rules, new.rules)]
        for same, disagreement in compared(before[key].decisions, by_identity(again.events(directories[key]))):
            found.decisions += same
            if disagreement is not None:
                found.differences.append(f"{new.info.id}: {_in_words(disagreement)}")
    return found


def _verdicts(old: CaseResult, new: CaseResult) -> Iterator[str]:
    if old.verdict is not new.verdict:
        yield f"{old.verdict} then, {new.verdict} now ({new.reason or old.reason})"
    elif old.exercised is not new.exercised:
        yield f"exercised {_yes(old.exercised)} then, {_yes(new.exercised)} now"


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "no fault"}[value]


def _counters(old: Sequence[RuleReport], new: Sequence[RuleReport]) -> Iterator[str]:
    """What rules matched and fired, which the services' own calling decides as much as the seed does."""
    then = {(each.rule, each.service): each.counts for each in old}
    now = {(each.rule, each.service): each.counts for each in new}
    for key in then | now:
        before, after = then.get(key, Counts()), now.get(key, Counts())
        if (before.matched, before.fired) != (after.matched, after.fired):
            yield (
                f"rule {key[0]} of {key[1]}: matched {before.matched}, fired {before.fired} then; "
                f"matched {after.matched}, fired {after.fired} now"
            )


def _in_words(found: Disagreement) -> str:
    service, call, about, rule = found.identity
    before, after = found.before or "went on", found.after or "went on"
    return f"{service} {call} {about}".rstrip() + f", call {found.turn} under {rule}: {before} then, {after} now"
