"""The verdict of one case, from what happened in it."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from faultbox.model.event import Event
from faultbox.model.fault import Counts, Rule
from faultbox.model.frozen import frozen
from faultbox.model.host import AssertionFailed, CaseHalted, ExitStatus, Inconclusive, SpecError
from faultbox.model.message import MessageRule
from faultbox.model.plan import Case
from faultbox.model.verdict import CaseResult, Frame, RuleReport, Verdict
from faultbox.run.starvation import LIMIT, STARVED
from faultbox.spec import frames as spec_frames


@dataclass
class Findings:
    """What was found out about a case, in the order in which it may decide.

    `broken`: the tool or host failed. `deaths`: services that ended unasked. `error`: what the
    scenario or its expectation raised. `distorted`: connections that failed because a proxy stood there. `limit`:
    the case's limit passed, in what step. `stopped`: where a halt met the scenario. `unseen`: why monitors may have
    missed what they are there for.
    """

    broken: str = ""
    broken_code: str = ""
    halted: str = ""
    distorted: Sequence[str] = ()
    deaths: Mapping[str, ExitStatus] = field(default_factory=dict)
    limit: str = ""
    stopped: CaseHalted | None = None
    error: BaseException | None = None
    violations: Sequence[tuple[str, Event, Exception]] = ()
    lost: Sequence[str] = ()
    unseen: Sequence[str] = ()
    blamed: str = ""
    timed_out_steps: Sequence[str] = ()
    traceback: tuple[Frame, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether nothing that comes later in the scenario matters any more."""
        return bool(self.broken or self.halted or self.limit or self.error)


@frozen
class Ruling:
    """A verdict with its reason; `on_time` tells that a starved host could have caused it."""

    verdict: Verdict
    reason: str = ""
    code: str = ""
    on_time: bool = False
    deciding: Sequence[Event] = ()


def rule(case: Case, found: Findings, fired: int, *, has_faults: bool) -> Ruling:
    """The one place where findings become a verdict. The first that holds decides."""
    return next(_rulings(found, unmet=has_faults and case.require_fire and not fired))


def _rulings(found: Findings, *, unmet: bool) -> Iterator[Ruling]:
    if found.broken:
        yield Ruling(Verdict.ERRORED, found.broken, found.broken_code or "ERROR")
    if found.halted:
        yield Ruling(Verdict.HALTED, found.halted, "HALTED")
    if found.distorted:
        reason = f"a connection failed because of the proxy in it: {'; '.join(found.distorted)}"
        yield Ruling(Verdict.INCONCLUSIVE, reason, "DISTORTED")
    if found.deaths:
        yield Ruling(Verdict.FAILED, "; ".join(map(_death, found.deaths.items())), "SERVICE_DIED")
    for name, event, error in found.violations:
        yield Ruling(Verdict.FAILED, f"monitor {name}: {error}", "MONITOR", deciding=(event,))
    if found.limit:
        yield Ruling(Verdict.FAILED, found.limit, "TIMEOUT", on_time=True)
    if found.error is not None:
        yield _raised(found, found.error)
    if found.lost:
        yield Ruling(Verdict.INCONCLUSIVE, f"events were lost: {'; '.join(found.lost)}", "EVENTS_LOST")
    if found.unseen:
        yield Ruling(Verdict.INCONCLUSIVE, "; ".join(found.unseen), "INCONCLUSIVE")
    if unmet:
        yield Ruling(Verdict.FAILED, "no fault of this cell fired, and require_faults_fire is set", "NOT_EXERCISED")
    yield Ruling(Verdict.PASSED)


def _raised(found: Findings, error: BaseException) -> Ruling:
    if isinstance(error, Inconclusive):
        return Ruling(Verdict.INCONCLUSIVE, str(error), "INCONCLUSIVE")
    if isinstance(error, AssertionFailed):
        timed = (
            bool(found.timed_out_steps)
            or error.code in _TIMED
            or any("duration_ms" in each.text for each in found.traceback)
        )
        return Ruling(Verdict.FAILED, str(error), error.code, on_time=timed, deciding=error.deciding)
    if isinstance(error, SpecError):
        return Ruling(Verdict.ERRORED, str(error), error.code)
    return Ruling(Verdict.ERRORED, f"the scenario could not go on: {error}", "EVALUATION")


_TIMED = frozenset({"EVENTUALLY", "ERROR_WITHIN", "HANG", "SUCCESS"})
"""Assertions that time can break."""


def _death(end: tuple[str, ExitStatus]) -> str:
    service, status = end
    return f"{service} {describe_exit(status)} while the case ran"


def describe_exit(status: ExitStatus) -> str:
    if status.signal is not None:
        known = status.signal in signal.Signals.__members__.values()
        return f"was killed by {signal.Signals(status.signal).name if known else f'signal {status.signal}'}"
    return f"exited with code {status.code}"


def reports(
    rules: Sequence[Rule | MessageRule],
    counts: Mapping[int, Counts],
    misses: Mapping[int, Sequence[str]],
    notes: Mapping[int, Sequence[str]],
) -> tuple[RuleReport, ...]:
    """One report a rule, keyed by its slot."""
    return tuple(
        RuleReport(
            rule=each.id,
            **_ends(each),
            action=each.written,
            assumption=each.assumption,
            label=each.fault.label,
            position=str(each.fault.position),
            counts=counts[each.slot],
            misses=tuple(misses.get(each.slot, ())),
            notes=tuple(notes.get(each.slot, ())),
        )
        for each in rules
    )


def _ends(rule: Rule | MessageRule) -> dict[str, str]:
    """Whose calls or messages a rule meets, and where."""
    if isinstance(rule, Rule):
        return {
            "service": rule.service, "target": rule.target, "keyword": rule.keyword, "direction": rule.direction or ""
        }  # fmt: skip
    target = f"{rule.service}.{rule.interface}"
    return {"service": rule.source or target, "target": target, "keyword": str(rule.fault.action), "direction": ""}


def starved(result: CaseResult, *, on_time: bool) -> CaseResult:
    """Mark a case that failed on time on a host that let its tasks wait for a processor."""
    if result.verdict is Verdict.FAILED and on_time and result.run_delay > LIMIT:
        return dataclasses.replace(result, notes=(*result.notes, STARVED))
    return result


def frames(error: BaseException | None) -> tuple[Frame, ...]:
    return spec_frames(error) if error is not None else ()
