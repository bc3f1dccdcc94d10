"""What a case did otherwise than its control: totals, and the lines of its trace that only one of the two has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import islice

from faultbox.evidence.strands import strands
from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.observation import READINESS, Observed
from faultbox.model.verdict import CaseResult
from faultbox.tui.trace import Trace

_EVENTS = 50_000
"""Of a trace that many events are compared."""
_LINES = 400
"""Of a strand that many lines are compared: the time for it grows with their square."""
_SHOWN = 40
"""Lines of a difference that are shown of a strand."""
_KINDS = 20
"""Differing totals that are shown."""

Line = tuple[str, str]
"""How it is meant (`title`, `control`, `case`, `same`, `note`), and the text."""


@frozen
class Told:
    """A case that is over and its trace, where it has one."""

    result: CaseResult
    trace: Trace | None


def contrast(control: Told, case: Told) -> list[Line]:
    """The differences, totals first. Takes seconds for long traces."""
    lines = [*_verdicts(control.result, case.result), *_totals(control.result.observed, case.result.observed)]
    if control.trace is None or case.trace is None:
        return [*lines, ("note", "there is no trace of one of them: nothing more can be compared")]
    ours, theirs = strands(_events(control.trace)), strands(_events(case.trace))
    for strand in sorted(ours | theirs):
        lines += _strand(" of ".join(reversed(strand)), ours.get(strand, []), theirs.get(strand, []))
    if max(len(control.trace), len(case.trace)) > _EVENTS:
        lines.append(("note", f"only the first {_EVENTS} events of each were compared"))
    return lines or [("note", "nothing differs but what the rules decided")]


def _verdicts(control: CaseResult, case: CaseResult) -> Iterator[Line]:
    if control.verdict is not case.verdict:
        yield "title", "verdict"
        yield "control", f"{control.verdict} {control.reason}".rstrip()
        yield "case", f"{case.verdict} {case.reason}".rstrip()


def _totals(control: Observed | None, case: Observed | None) -> Iterator[Line]:
    """Connections, failed calls and writes whose counts differ. Most counts do a little, so the greatest come first."""
    if control is None or case is None:
        return
    before, after = _counts(control), _counts(case)
    differing = [name for name in {**before, **after} if before.get(name, 0) != after.get(name, 0)]
    differing.sort(key=lambda name: -abs(after.get(name, 0) - before.get(name, 0)))
    if differing:
        yield "title", "totals (control, this case)"
    for name in differing[:_KINDS]:
        yield "case", f"{before.get(name, 0):>8} {after.get(name, 0):>8}  {name}"
    if len(differing) > _KINDS:
        yield "note", f"and {len(differing) - _KINDS} other totals"


def _counts(seen: Observed) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for each in seen.connections:
        edge = f"{each.caller} to {each.callee or 'nobody'}:{each.port}"
        # Until a service is ready, we knock as often as it takes.
        for what in ("opened", "refused", "reset") if each.caller != READINESS else ("reset",):
            found[f"connections of {edge} {what}"] = getattr(each, what)
    for call in seen.calls:
        found[f"{call.service}: {call.syscall} failed"] = call.errors
    for file in seen.files:
        path = re.sub(r"\d+", "_", file.path)  # temporary files have a pid in their name
        found[f"{file.service}: writes to {path}"] += file.writes
        found[f"{file.service}: syncs of {path}"] += file.syncs
    return found


def _events(trace: Trace) -> Iterator[Event]:
    while len(trace) < _EVENTS and trace.index():
        pass
    found = (trace.event(number) for number in range(min(len(trace), _EVENTS)))
    return (event for event in found if event is not None)


def _strand(name: str, control: Sequence[str], case: Sequence[str]) -> Iterator[Line]:
    changes = list(islice(unified_diff(control[:_LINES], case[:_LINES], lineterm="", n=1), 2, None))
    if changes:
        yield "title", name
    for line in changes[:_SHOWN]:
        yield {"-": "control", "+": "case"}.get(line[0], "same"), "" if line[0] == "@" else line
    if len(changes) > _SHOWN:
        yield "note", f"and {len(changes) - _SHOWN} lines more"
    if max(len(control), len(case)) > _LINES:
        yield "note", f"{name}: only its first {_LINES} lines were compared"
