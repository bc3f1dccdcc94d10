"""What a run tells while it goes: all that console, TUI and bundles know."""

from __future__ import annotations

from dataclasses import dataclass

from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.verdict import CaseResult, RunResult


@dataclass(frozen=True)
class SpecRefused:
    """The spec can't be run: nothing has been started."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Refused:
    """The run can't be done here or as asked: nothing has been started. `exit` is the exit code."""

    reason: str
    advice: str
    exit: int


@dataclass(frozen=True)
class RunStarted:
    """The plan, before the first case. `services` and `matrix` describe it for a dry run and for tables."""

    seed: int
    seed_origin: str
    spec: str
    services: tuple[str, ...]
    cases: tuple[CaseInfo, ...]
    excluded: tuple[tuple[int, str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True)
class CaseStarted:
    id: str
    run: int


@dataclass(frozen=True)
class Printed:
    """A line that a spec printed in a case ("" while loading)."""

    id: str
    text: str


@dataclass(frozen=True)
class CaseDone:
    result: CaseResult


@dataclass(frozen=True)
class RunDone:
    result: RunResult


Update = SpecRefused | Refused | RunStarted | CaseStarted | Printed | CaseDone | RunDone
