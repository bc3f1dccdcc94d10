"""Two bundles side by side: verdicts, decisions, and traces without what differs in every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.comparison import Comparison, Key, Recorded, Sides, compare_case, named, recorded
from faultbox.evidence.strands import Strand, strands
from faultbox.evidence.trace import trace
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult

SUBJECTS = ("verdicts", "decisions", "traces")
_SIDES = Sides("in A", "in B")
Strands = dict[Strand, list[str]]
_CONTEXT = 3
"""Lines shown around a divergence."""


@frozen
class Divergence:
    """Where two traces first part: the lines before, and what follows in A and in B.

    `line` counts from 1. `only_a` and `only_b`: how many lines of the strand the other one has not at all.
    """

    case: str
    strand: Strand
    line: int
    before: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    only_a: int
    only_b: int


@dataclass
class Difference:
    """What two bundles have in common and what not. `strands`: how many were the same."""

    runs: Comparison
    traces: list[Divergence] = field(default_factory=list)
    strands: int = 0

    @property
    def same(self) -> bool:
        return not (self.runs.differences or self.traces)


def diff(a: Bundle, b: Bundle, subjects: Collection[str] = SUBJECTS, *, any_order: bool = False) -> Difference:
    """Compare two bundles in some of the SUBJECTS. Raises BadBundle.

    With `any_order` lines of a strand in another order are no difference.
    """
    found = Difference(Comparison())
    cases_a, cases_b = recorded(a), recorded(b)
    found.runs.verdicts += _only("A", cases_a, cases_b) + _only("B", cases_b, cases_a)
    for key in [key for key in cases_a if key in cases_b]:
        compare_case(cases_a[key], cases_b[key], _SIDES, found.runs)
        if "traces" in subjects:
            ours = _strands(a, cases_a[key].result), _strands(b, cases_b[key].result)
            _compare_traces(found, key, *ours, any_order=any_order)
    found.runs.verdicts += _dead(a, b)
    if "verdicts" not in subjects:
        found.runs.verdicts.clear()
    if "decisions" not in subjects:
        found.runs.decided.clear()
    return found


def _only(name: str, ours: dict[Key, Recorded], theirs: dict[Key, Recorded]) -> list[str]:
    return [f"{named(key)}: is only in {name}" for key in ours if key not in theirs]


def _dead(a: Bundle, b: Bundle) -> Iterator[str]:
    dead_a, dead_b = ({each.name for each in bundle.outcome().dead} for bundle in (a, b))
    yield from (f"assumption {name}: dead in A, alive in B" for name in sorted(dead_a - dead_b))
    yield from (f"assumption {name}: alive in A, dead in B" for name in sorted(dead_b - dead_a))


def _strands(bundle: Bundle, result: CaseResult) -> Strands:
    """A case's trace until its verdict was asked for: how services go when they are stopped is a race of its own."""
    events = trace(bundle, result.directory)
    return strands(islice(events, result.judged) if result.judged else events)


def _compare_traces(found: Difference, key: Key, lines_a: Strands, lines_b: Strands, *, any_order: bool) -> None:
    for strand in sorted(lines_a | lines_b):
        ours, theirs = lines_a.get(strand, []), lines_b.get(strand, [])
        if any_order:
            ours, theirs = sorted(ours), sorted(theirs)
        divergence = _divergence(named(key), strand, ours, theirs)
        if divergence is None:
            found.strands += 1
        else:
            found.traces.append(divergence)


def _divergence(case: str, strand: Strand, a: Sequence[str], b: Sequence[str]) -> Divergence | None:
    at = next((at for at, (ours, theirs) in enumerate(zip_longest(a, b)) if ours != theirs), None)
    if at is None:
        return None
    count_a, count_b = Counter(a), Counter(b)
    return Divergence(
        case=case,
        strand=strand,
        line=at + 1,
        before=tuple(a[max(0, at - _CONTEXT) : at]),
        a=tuple(a[at : at + _CONTEXT]),
        b=tuple(b[at : at + _CONTEXT]),
        only_a=(count_a - count_b).total(),
        only_b=(count_b - count_a).total(),
    )
