"""Running a bundle again, and saying whether the same came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.decisions import Identity, by_identity
from faultbox.evidence.spool import Spool
from faultbox.model.verdict import CaseResult, RuleReport


@dataclass(frozen=True)
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
    spec = bundle.extract_spec(scratch)
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


@dataclass(frozen=True)
class Comparison:
    """What was compared with the bundle: how many cases, and every difference in words."""

    cases: int
    decisions: int
    differences: tuple[str, ...]


def compare(bundle: Bundle, again: Spool, results: tuple[CaseResult, ...]) -> Comparison:
    """The replayed results beside those of the bundle: verdicts, counters per rule, decisions per call identity."""
    recorded = {}
    for directory in bundle.directories():
        result = bundle.result(directory)
        recorded[result.info.id, result.info.run] = (directory, result)
    differences: list[str] = []
    decisions = compared = 0
    directories = {(each.info.id, each.info.run): each.directory for each in again.planned}
    for new in results:
        key = (new.info.id, new.info.run)
        if key not in recorded:
            differences.append(f"{new.info.id}: is not in the bundle")
            continue
        directory, old = recorded[key]
        before = by_identity(bundle.events(directory, "decisions.jsonl"))
        after = by_identity(again.events(directories[key]))
        decisions += sum(map(len, before.values()))
        compared += 1
        found = [*_verdicts(old, new), *_rules(old.rules, new.rules), *_decisions(before, after)]
        differences += [f"{new.info.id}: {each}" for each in found]
    return Comparison(compared, decisions, tuple(differences))


def _verdicts(old: CaseResult, new: CaseResult) -> Iterator[str]:
    if old.verdict is not new.verdict:
        yield f"{old.verdict} then, {new.verdict} now ({new.reason or old.reason})"
    elif old.exercised is not new.exercised:
        yield f"exercised {_yes(old.exercised)} then, {_yes(new.exercised)} now"


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "no fault"}[value]


def _rules(old: tuple[RuleReport, ...], new: tuple[RuleReport, ...]) -> Iterator[str]:
    """Counters are compared as decided: what a rule merely saw depends on how busy the services were."""
    then = {(each.rule, each.service): each.counts for each in old}
    now = {(each.rule, each.service): each.counts for each in new}
    for key in then | now:
        if key not in then or key not in now:
            yield f"rule {key[0]} of {key[1]} is only in {'the replay' if key in now else 'the bundle'}"
        elif (then[key].matched, then[key].fired) != (now[key].matched, now[key].fired):
            yield (
                f"rule {key[0]} of {key[1]}: matched {then[key].matched}, fired {then[key].fired} then; "
                f"matched {now[key].matched}, fired {now[key].fired} now"
            )


def _decisions(old: dict[Identity, tuple[str, ...]], new: dict[Identity, tuple[str, ...]]) -> Iterator[str]:
    for identity in old | new:
        before, after = old.get(identity, ()), new.get(identity, ())
        if before != after:
            service, call, about, _ = identity
            yield f"{service} {call} {about}: {_tally(before)} then, {_tally(after)} now".replace("  ", " ")


def _tally(decisions: tuple[str, ...]) -> str:
    """`deny(EIO) x2, delay(1s)`."""
    counts = {each: decisions.count(each) for each in dict.fromkeys(decisions)}
    return ", ".join(each if number == 1 else f"{each} x{number}" for each, number in counts.items()) or "nothing"
