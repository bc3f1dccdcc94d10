"""The end of a case: from findings, counters and the trace to its result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from faultbox import trace
from faultbox import world as worlds
from faultbox.model import record
from faultbox.model.event import Event, SourceLost
from faultbox.model.host import AssertionFailed, Inconclusive, Response
from faultbox.model.observation import Observed
from faultbox.model.plan import Case
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.run import brief, mapped, seen, spool
from faultbox.run import verdict as verdicts
from faultbox.run.host import WorldHost
from faultbox.run.observability import UNASKED
from faultbox.run.stage import Stage
from faultbox.run.start import StartFailed
from faultbox.run.verdict import Findings
from faultbox.spec import recorded

if TYPE_CHECKING:
    from faultbox.run.case import Life


def ask(expect: Callable[[Any], Any], value: Any) -> None:
    """Call an expectation: False, or a tuple or list that holds False, is red; a raised assert is too."""
    answer = expect(value)
    answers = answer if isinstance(answer, (tuple, list)) else (answer,)
    for number, each in enumerate(answers, 1):
        if each is False:
            which = f" (its part {number})" if len(answers) > 1 else ""
            raise AssertionFailed(f"the expectation gave False{which}", code="EXPECT")


def not_started(failure: StartFailed, stage: Stage) -> str:
    """Why a service did not come up; where it exited, how."""
    reason = str(failure.reason)
    if isinstance(failure.reason, worlds.NotReady) and failure.reason.exited:
        with contextlib.suppress(Inconclusive):
            stage.log.sync()
        ended = stage.exits.get(failure.service)
        how = verdicts.describe_exit(ended) if ended is not None else "exited"
        reason = f"service {failure.service!r} {how} before it was ready ({failure.reason.doing})"
    return reason if failure.service in reason else f"{failure.service}: {reason}"


def conclude(case: Case, stage: Stage, host: WorldHost, found: Findings, life: Life) -> CaseResult:
    """The case's result, to be called when its services have stopped and its supervisors still answer."""
    rules = stage.scopes.ever
    counts = {each.slot: stage.scopes.counts(each) for each in rules}
    told = _ask_deciders(stage)
    remarks = (*told.blind_spots, *_remarks(case, stage, host, life), *_complete(found, stage, host))
    fired = sum(each.fired for each in counts.values()) + host.partitions.lost
    faulted = bool(case.faults or rules or host.partitions.begun)
    ruling = verdicts.rule(case, found, fired, has_faults=faulted)
    result = CaseResult(
        info=case.info,
        verdict=ruling.verdict,
        duration_ms=life.lasted_ms,
        reason=brief.clipped(ruling.reason),
        code=ruling.code,
        exercised=bool(fired) if faulted else None,
        rules=verdicts.reports(rules, counts, told.misses, told.notes),
        prints=tuple(brief.printed(host.prints)),
        notes=remarks,
        run_delay=life.run_delay,
        world_ms=life.age_ms,
        events=stage.log.count,
        observed=_observed(stage),
        judged=life.judged,
        value=recorded.record(life.value) if life.answered else None,
    )
    _write_changed(stage)
    explained = result if ruling.verdict is Verdict.PASSED else _explain(result, stage, found, ruling)
    return verdicts.starved(explained, on_time=ruling.on_time)


def _remarks(case: Case, stage: Stage, host: WorldHost, life: Life) -> Iterator[str]:
    """What decides nothing, and must not go unsaid."""
    yield from _already_failing(case, life.value)
    yield from host.partitions.unmet()
    yield from seen.crashes(_events(stage))
    if stage.observer is not None:
        yield from mapped.remarks(stage.observer.totals().files, stage.needs)


def _complete(found: Findings, stage: Stage, host: WorldHost) -> tuple[str, ...]:
    """Add the findings that are there only now; gives those that decide nothing, since something broke before."""
    lost, idle = (tuple(dict.fromkeys(map(str, each))) for each in _by_concern(stage.lost(), host.judged_types))
    distorted = _distortions(stage)
    if not found.broken:
        found.lost, found.distorted, found.unseen = lost, distorted, tuple(_unseen(stage, host))
    found.violations = [(each.monitor, each.event, each.error) for each in stage.log.violations]
    found.timed_out_steps = host.timed_out_steps
    violation = found.violations[0][2] if found.violations else None
    found.traceback = verdicts.frames((found.stopped if found.limit else found.error) or violation)
    unasked = tuple(f"{each}: {UNASKED}" for each in idle)
    return (*lost, *unasked, *distorted) if found.broken else unasked


def _by_concern(every: Sequence[SourceLost], types: set[str]) -> tuple[list[SourceLost], list[SourceLost]]:
    """What was lost that a monitor could have judged, and the rest: an assertion about that was inconclusive."""
    mattering = [each for each in every if each.types is None or each.types & types]
    return mattering, [each for each in every if each not in mattering]


def _unseen(stage: Stage, host: WorldHost) -> Iterator[str]:
    """What monitors would have called wrong and could not see."""
    files = stage.observer.totals().files if stage.observer is not None and host.monitors else ()
    reasons = {monitor.name: mapped.why_not_judged(files, monitor) for monitor in host.monitors}
    yield from (f"monitor {name!r} can't be judged: {reason}" for name, reason in reasons.items() if reason)


def _explain(result: CaseResult, stage: Stage, found: Findings, ruling: verdicts.Ruling) -> CaseResult:
    """With what somebody wants to see of a case that is not green."""
    return replace(
        result,
        traceback=found.traceback,
        deciding=tuple(trace.deciding(_events(stage), ruling.deciding)),
        logs=_logs(stage, found),
        causes=_causes(stage, ruling),
    )


def _observed(stage: Stage) -> Observed | None:
    return seen.of_services(stage.observer.totals(), stage.needs.services) if stage.observer is not None else None


def _causes(stage: Stage, ruling: verdicts.Ruling) -> dict[str, Any] | None:
    """The tree of the step that the verdict is about; None where nobody watched, or there is too much to go through."""
    from faultbox.run import causality  # costs what a case that passes need not pay

    return causality.deciding_tree(stage, _events(stage), ruling.deciding)


def _already_failing(case: Case, value: Any) -> Iterator[str]:
    """A scenario's own answer without faults: where it is a failure, no failure under a fault tells anything."""
    if case.info.kind != "scenario" or not isinstance(value, Response) or value.ok:
        return
    if value.error or value.protocol not in ("http", "http2") or value.status >= 500:
        what = f"error={value.error!r}" if value.error else f"status {value.status}"
        yield f"its answer is a failure without any fault ({what}): cells that expect one prove nothing"


class _Told(NamedTuple):
    """What supervisors and proxies say: nearest misses and notes by rule slot, and what could be done unseen."""

    misses: dict[int, Sequence[str]]
    notes: dict[int, Sequence[str]]
    blind_spots: list[str]


def _ask_deciders(stage: Stage) -> _Told:
    told = _Told({}, {}, [])
    for decider in stage.deciders():
        with contextlib.suppress(EOFError):  # its death is a finding already
            report = decider.report()
            told.misses.update(report.misses)
            told.notes.update(report.notes)
            told.blind_spots.extend(report.blind_spots)
    return told


def _distortions(stage: Stage) -> tuple[str, ...]:
    """Connections that went otherwise than without proxies, though no rule had anything to do with it."""
    edges = stage.edges.process if stage.edges is not None else None
    if edges is None:
        return ()
    with contextlib.suppress(EOFError):  # its death is a finding already
        return edges.report().distortions
    return ()


def _events(stage: Stage) -> list[Event]:
    try:
        return stage.log.query()
    except Inconclusive:
        return []


def _logs(stage: Stage, found: Findings) -> dict[str, list[str]]:
    """The ends of the logs that matter: of who is to blame where that is known, else of all who wrote."""
    blamed: Iterable[str] = [found.blamed] if found.blamed else found.deaths
    names = list(blamed) or stage.needs.services
    tails = {name: stage.log_tail(name) for name in names}
    return {name: [brief.clipped(line, brief.LINE) for line in tail] for name, tail in tails.items() if tail}


def _write_changed(stage: Stage) -> None:
    """Which files this case wrote, from the layers: evidence for the bundle."""
    spool.write_json(stage.place / "changed.json", [record.to_json(each) for each in stage.world.changed()])
