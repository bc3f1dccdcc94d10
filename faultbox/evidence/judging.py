"""An old run under changed monitors and expectations: judged from its record, without running anything.

Only what the record can answer is answered. What the new spec would have had to see, do or wait for is
inconclusive, with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from faultbox import plan as planner
from faultbox import trace as traces
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.likeness import alike, fault_texts
from faultbox.evidence.past import Past
from faultbox.evidence.trace import trace
from faultbox.model.event import Event
from faultbox.model.event_types import WATCHED
from faultbox.model.frozen import frozen
from faultbox.model.host import AssertionFailed, CaseHalted, Inconclusive, SpecError, current
from faultbox.model.observation import FileTotals
from faultbox.model.plan import Case, Needs
from faultbox.model.spec import Monitor, Spec
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run import mapped
from faultbox.run.conclusion import ask
from faultbox.run.observability import UNASKED, why_not_observable
from faultbox.spec import frames, recorded

_LOSABLE = WATCHED | {"syscall", "tail", "probe"}
"""The types of events that may be lost in a case that was judged all the same."""
_LASTING = frozenset({"SERVICE_DIED", "TIMEOUT"})
"""Failures that no monitor and no expectation decided."""


@frozen
class Ruling:
    """What the record says under the new spec."""

    verdict: Verdict
    reason: str = ""
    code: str = ""
    error: BaseException | None = None
    deciding: tuple[Event, ...] = ()


@frozen
class _Old:
    """What the recorded run could see: its own spec and the needs of its cases, or why that is unknown."""

    spec: Spec | None
    cases: Mapping[str, Case]
    why: str = ""


def judge(bundle: Bundle, spec: Spec, old: Spec | None, why_no_old: str = "") -> RunResult:
    """The recorded run as the new spec would have it. Raises BadBundle.

    `old` is the spec that is in the bundle, loaded; where that could not be, `why_no_old` says why, and nothing
    can be said to hold.
    """
    outcome = bundle.outcome()
    control = bundle.asked().control
    cases = _cases(spec, bundle.seed, control=control)
    past = _Old(old, _cases(old, bundle.seed, control=control) if old is not None else {}, why_no_old)
    results, gone = [], []
    for result in outcome.results:
        case = cases.get(result.info.id)
        if case is None:
            gone.append(result.info.id)
            continue
        events = list(trace(bundle, result.directory))
        results.append(_judged(result, events, next(_rulings(result, events, case, spec, past))))
    known = {each.info.id for each in outcome.results}
    warnings = [f"{name} is not in the new spec" for name in dict.fromkeys(gone)]
    warnings += [f"{name} is not in the bundle: it has to be run" for name in cases if name not in known]
    return dataclasses.replace(outcome, results=tuple(results), warnings=(*outcome.warnings, *warnings))


def _cases(spec: Spec, seed: int, *, control: bool) -> dict[str, Case]:
    try:
        return {case.id: case for case in planner.plan(spec, seed=seed, control=control).cases}
    except planner.NothingSelected:
        return {}


def _judged(result: CaseResult, events: Sequence[Event], ruling: Ruling) -> CaseResult:
    """The case's result with the new verdict, and the old one as a note where it was another."""
    notes, stands = result.notes, (ruling.verdict, ruling.reason) == (result.verdict, result.reason)
    if not stands:
        notes = (*notes, f"recorded as {result.verdict}" + (f": {result.reason}" if result.reason else ""))
    return dataclasses.replace(
        result,
        verdict=ruling.verdict,
        reason=ruling.reason,
        code=ruling.code,
        traceback=frames(ruling.error) if ruling.error is not None else result.traceback if stands else (),
        deciding=() if ruling.verdict is Verdict.PASSED else tuple(traces.deciding(events, ruling.deciding)),
        notes=notes,
    )


def _rulings(result: CaseResult, events: Sequence[Event], case: Case, spec: Spec, old: _Old) -> Iterator[Ruling]:
    """The first that holds decides, in the order in which a live case is judged."""
    if result.verdict in {Verdict.ERRORED, Verdict.HALTED} or result.code in _LASTING:
        yield Ruling(result.verdict, result.reason, result.code)
    if result.verdict is Verdict.INCONCLUSIVE and result.value is None:
        yield Ruling(result.verdict, result.reason, result.code)
    if why := _another_case(case, spec, old):
        yield _unknown(why)
    needs = _needs(case, old, result)
    if len(events) < result.events:
        yield _unknown(f"the record has {len(events)} of {result.events} events")
    sight = _Sight(needs, old, _lost(result), result.observed.files if result.observed is not None else ())
    past = Past(events[: result.judged], sight.why_unseen)
    yield from _monitors(events, case, spec, sight)
    yield from _expectation(result, case, past)
    if case.require_fire and result.exercised is False:
        yield Ruling(Verdict.FAILED, "no fault of this cell fired, and require_faults_fire is set", "NOT_EXERCISED")
    if old.spec is None:
        yield _unknown(f"the bundle's own spec can't be loaded here ({old.why}), so what the run could see is unknown")
    if result.code == "EVENTS_LOST":
        yield Ruling(result.verdict, result.reason, result.code)
    yield Ruling(Verdict.PASSED)


def _unknown(why: str) -> Ruling:
    return Ruling(Verdict.INCONCLUSIVE, why, "INCONCLUSIVE")


def _another_case(case: Case, spec: Spec, old: _Old) -> str:
    """Why the record is not one of this case; "" where it is."""
    if old.spec is None:
        return ""
    before = old.cases.get(case.id)
    if before is None:
        return "the bundle's own spec has no such case"
    if not (alike(before.body, case.body) and alike(before.setup, case.setup)):
        return "its scenario has changed since, so it has to be run again"
    if fault_texts(before, old.spec) != fault_texts(case, spec):
        return "its faults have changed since, so it has to be run again"
    return ""


def _needs(case: Case, old: _Old, result: CaseResult) -> Needs | None:
    """What the recorded case could see."""
    before = old.cases.get(case.id)
    if old.spec is None or before is None:
        return None
    blind = "" if result.observed is not None else "the recorded run had no programs in the kernel"
    return planner.needs(before, old.spec, blind=blind)


def _lost(result: CaseResult) -> str:
    """What the recorded case lost that decided nothing then."""
    noted = (note.removesuffix(f": {UNASKED}") for note in result.notes if note.endswith(UNASKED))
    return next((f"events were lost: {each}" for each in noted), "")


@frozen
class _Sight:
    """What the recorded case could see, and what it lost of that."""

    needs: Needs | None
    old: _Old
    lost: str = ""
    files: Sequence[FileTotals] = ()

    def why_unseen(self, filters: Mapping[str, str], where: object = None) -> str:
        """Why events of a shape, which `where` judges besides, could not be in the record; "" where they would be."""
        if self.needs is None or self.old.spec is None:
            return f"the bundle's own spec can't be loaded here ({self.old.why})"
        reason = why_not_observable(filters, self.needs, self.old.spec, where)
        reason = reason or self.why_missing(planner.judged(filters, where))
        if (filters or where) and not reason:
            reason = mapped.why_unseen(self.files, filters, where)
        return f"in the recorded run {reason}" if reason else ""

    def why_missing(self, asked: planner.Asked) -> str:
        return self.lost if asked.types & _LOSABLE else ""


def _monitors(events: Sequence[Event], case: Case, spec: Spec, sight: _Sight) -> Iterator[Ruling]:
    """What monitors find; one that nothing violates holds only if all that it asks for could be seen."""
    monitors = tuple(dict.fromkeys((*spec.monitors, *case.monitors)))
    doubts = []
    for monitor in monitors:
        try:
            found = _watch(monitor, events)
        except Inconclusive as error:
            doubts.append(f"monitor {monitor.name}: {error}")
            continue
        if found is not None:
            event, violation = found
            yield Ruling(Verdict.FAILED, f"monitor {monitor.name}: {violation}", "MONITOR", violation, (event,))
        doubts += [f"monitor {monitor.name}: {each}" for each in _unseen_by(monitor, case, spec, sight)]
    if doubts:
        yield _unknown(doubts[0])


def _watch(monitor: Monitor, events: Sequence[Event]) -> tuple[Event, Exception] | None:
    """The first event at which it raises. Raises Inconclusive where the monitor itself does."""
    look = monitor.begin()
    for event in events:
        if not monitor.service or event.service == monitor.service:
            try:
                look(event)
            except Inconclusive:
                raise
            except Exception as error:  # noqa: BLE001 - a monitor is the user's code: all it raises is its finding
                return event, error
    return None


def _unseen_by(monitor: Monitor, case: Case, spec: Spec, sight: _Sight) -> Iterator[str]:
    """Why the record may lack what this monitor looks for."""
    needs = sight.needs
    for shape in monitor.shapes or ():
        if reason := sight.why_unseen(shape):
            yield reason
    if reason := sight.why_missing(planner.watched(monitor)) or mapped.why_not_judged(sight.files, monitor):
        yield f"in the recorded run {reason}"
    if monitor.shapes is None and needs is not None:
        wanted = planner.needs(case, spec)
        if missing := [name for name in wanted.services if not _saw(needs, wanted, name)]:
            yield f"in the recorded run less of {missing[0]} was observed than it would look at now"


def _saw(had: Needs, wanted: Needs, service: str) -> bool:
    """Whether all that would be observed of a service now was observed then."""
    nothing: frozenset[str] = frozenset()
    before, after = had.watched.get(service), wanted.watched.get(service)
    if after is not None and (
        before is None
        or not after.calls <= before.calls | had.filters.get(service, nothing)
        or after.files > before.files
        or after.sockets > before.sockets
        or not (before.globs == () or set(after.globs) <= set(before.globs))
    ):
        return False
    calls = wanted.observed.get(service, nothing) <= had.observed.get(service, nothing)
    return calls and (service not in wanted.lines or service in had.lines)


def _expectation(result: CaseResult, case: Case, past: Past) -> Iterator[Ruling]:
    """Ask the expectation about what the scenario gave then."""
    if result.value is None:
        if result.verdict is Verdict.FAILED and result.code != "MONITOR":
            yield Ruling(result.verdict, result.reason, result.code)
        yield _unknown("its scenario did not come to its end in the recorded run")
    if case.expect is None:
        return
    token = current.set(past)
    try:
        ask(case.expect, recorded.revive(result.value))
    except recorded.NotRecorded as error:
        yield _unknown(f"what the scenario gave is not in the record: {error}")
    except Inconclusive as error:
        yield _unknown(str(error))
    except AssertionFailed as error:
        yield Ruling(Verdict.FAILED, str(error), error.code, error, error.deciding)
    except SpecError as error:
        yield Ruling(Verdict.ERRORED, str(error), error.code, error)
    except CaseHalted:
        raise
    except Exception as error:  # noqa: BLE001 - an expectation is the user's code
        yield Ruling(Verdict.ERRORED, f"the expectation could not go on: {error}", "EVALUATION", error)
    finally:
        current.reset(token)
