"""What a run tells while it goes: all that console, TUI and bundles know."""

from __future__ import annotations

from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.verdict import CaseResult, RunResult


@frozen
class SpecRefused:
    """The spec can't be run: nothing has been started."""

    problems: tuple[Problem, ...]


@frozen
class Refused:
    """The run can't be done here or as asked: nothing has been started. `exit` is the exit code."""

    reason: str
    advice: str
    exit: int


@frozen
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


@frozen
class CaseStarted:
    """A case's world is being made. `directory`: where its trace, logs and counters grow; `cgroup`: its world's, ""
    where there is none, with one below it for each service."""

    id: str
    run: int
    directory: str = ""
    cgroup: str = ""


@frozen
class Printed:
    """A line that a spec printed in a case ("" while loading)."""

    id: str
    text: str


@frozen
class CaseDone:
    result: CaseResult


@frozen
class RunDone:
    result: RunResult


Update = SpecRefused | Refused | RunStarted | CaseStarted | Printed | CaseDone | RunDone
