"""What came out of a case and of a run, and what that means for the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from faultbox.model.exit import Exit
from faultbox.model.fault import Counts
from faultbox.model.frozen import frozen
from faultbox.model.observation import Observed
from faultbox.model.plan import CaseInfo


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    INCONCLUSIVE = "inconclusive"
    HALTED = "halted"


@frozen
class RuleReport:
    """A rule and its counters at the end of a case. `misses` are the calls that came closest to matching."""

    rule: str
    service: str
    target: str
    keyword: str
    action: str
    assumption: str
    direction: str
    label: str
    position: str
    counts: Counts
    misses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> str:
        """What the spec wrote of it: `connect=deny(ECONNREFUSED)`, or the action on messages alone."""
        return self.action if self.action.startswith(f"{self.keyword}(") else f"{self.keyword}={self.action}"

    @property
    def counted(self) -> str:
        """Its counters: `seen 4, matched 4, fired 3, 1 left as it was`, of calls `1 without a known path`."""
        counts = self.counts
        text = f"seen {counts.seen}, matched {counts.matched}, fired {counts.fired}"
        if not counts.unresolved:
            return text
        if self.done != self.action:
            return f"{text}, {counts.unresolved} without a known path"
        return f"{text}, {counts.unresolved} left as {'it was' if counts.unresolved == 1 else 'they were'}"

    @property
    def text(self) -> str:
        """On what, what, and whose calls: `cache: connect=deny(ECONNREFUSED) (calls of api) [label]`."""
        whose = "" if self.service == self.target else f" (calls of {self.service})"
        return f"{self.target}: {self.done}{whose}" + (f" [{self.label}]" if self.label else "")


@frozen
class Frame:
    """One line of a spec in a traceback, with the part to underline (columns from 1, end exclusive)."""

    position: str
    function: str
    text: str
    start: int
    end: int


@frozen
class CaseResult:
    """Everything a case leaves for people. It is stored as the case's result.json.

    `reason` is one line. `exercised` is None where the case has no fault. `deciding` are the
    events that decided it, `logs` the ends of the logs that matter, by service. `notes` are
    remarks that belong to the verdict (a blind spot, a second run because the host was starved).
    `observed` are the totals of what the kernel saw, None where it saw nothing for us.
    The first `judged` of its events were there when its expectation was asked.
    `value` is what the scenario gave (`model.answer`), None where it did not come to its end.
    `causes` is the tree of the step that decided (`trace.tree.shape`), None where nothing is known of causes.
    """

    info: CaseInfo
    verdict: Verdict
    duration_ms: float
    reason: str = ""
    code: str = ""
    exercised: bool | None = None
    traceback: tuple[Frame, ...] = ()
    rules: tuple[RuleReport, ...] = ()
    deciding: tuple[Mapping[str, Any], ...] = ()
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    run_delay: float = 0.0
    world_ms: float = 0.0
    events: int = 0
    observed: Observed | None = None
    directory: str = ""
    judged: int = 0
    value: Mapping[str, Any] | None = None
    causes: Mapping[str, Any] | None = None


@frozen
class DeadAssumption:
    """An assumption none of whose rules fired in any case of the run that used it."""

    name: str
    position: str
    rules: tuple[RuleReport, ...]


@frozen
class RunResult:
    """The run as a whole."""

    seed: int
    results: tuple[CaseResult, ...]
    dead: tuple[DeadAssumption, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    strict: bool = False
    duration_ms: float = 0.0
    interrupted: int = 0

    def count(self, verdict: Verdict) -> int:
        return sum(1 for each in self.results if each.verdict is verdict)

    @property
    def not_exercised(self) -> int:
        return sum(1 for each in self.results if each.verdict is Verdict.PASSED and each.exercised is False)

    @property
    def exit(self) -> Exit:
        """The one place where verdicts become an exit code."""
        if self.interrupted:
            return Exit.INTERRUPTED if self.interrupted == 2 else Exit.TERMINATED
        if self.count(Verdict.FAILED) or self.dead or (self.strict and not self._green):
            return Exit.FAILED
        if self.errors or self.count(Verdict.ERRORED):
            return Exit.ERRORED
        if self.count(Verdict.INCONCLUSIVE):
            return Exit.INCONCLUSIVE
        return Exit.PASSED

    @property
    def _green(self) -> bool:
        passed = all(each.verdict is Verdict.PASSED and each.exercised is not False for each in self.results)
        return passed and not self.warnings and not self.errors
