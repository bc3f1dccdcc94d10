"""A loaded spec: everything a plan is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from faultbox.model.event import Event
from faultbox.model.fault import Assumption
from faultbox.model.frozen import frozen
from faultbox.model.source import Position, Problem
from faultbox.model.topology import Service

Function = Callable[..., Any]


@frozen(eq=False)
class Monitor:
    """Something that must hold at every event. `begin()` gives what looks at those of one case: it raises where it does
    not hold.

    `service` narrows to the events of that lane ("" for all), `shapes` to events that fit one of these filters (None
    where a function chooses, or nothing does). `functions` are those of the spec that it calls: an event that fits one
    of `about` (filters, with functions that choose besides) comes to its `judges`, each with what it does ("updates"
    the state, "checks").
    """

    name: str
    begin: Callable[[], Callable[[Event], None]]
    position: Position
    service: str = ""
    shapes: tuple[Mapping[str, str], ...] | None = None
    functions: tuple[object, ...] = ()
    about: tuple[tuple[Mapping[str, str], tuple[object, ...]], ...] = (({}, ()),)
    judges: tuple[tuple[Literal["updates", "checks"], object], ...] = ()


@frozen
class Test:
    """def test_*, test() or scenario(): runs `body` without faults of its own."""

    __test__ = False
    id: str
    kind: Literal["test", "scenario"]
    body: Function
    position: Position
    setup: Function | None = None
    timeout_ms: float | None = None


@frozen
class FaultScenario:
    """fault_scenario(): one scenario under named faults."""

    id: str
    scenario: Function
    faults: tuple[Assumption, ...]
    position: Position
    expect: Function | None = None
    monitors: tuple[Monitor, ...] = ()
    timeout_ms: float | None = None


@frozen
class Matrix:
    """fault_matrix(): every scenario under every fault, but for the excluded pairs."""

    scenarios: tuple[Function, ...]
    faults: tuple[Assumption, ...]
    position: Position
    default_expect: Function | None = None
    overrides: Mapping[tuple[Function, str], Function] = field(default_factory=dict)
    exclude: frozenset[tuple[Function, str]] = frozenset()
    monitors: tuple[Monitor, ...] = ()
    require_faults_fire: bool = False
    timeout_ms: float | None = None


@frozen
class Spec:
    """What a `.star` file declares. `sources` holds the text of every file it was loaded from, by absolute path."""

    path: Path
    services: Mapping[str, Service]
    tests: tuple[Test, ...]
    fault_scenarios: tuple[FaultScenario, ...]
    matrices: tuple[Matrix, ...]
    assumptions: Mapping[str, Assumption]
    monitors: tuple[Monitor, ...]
    sources: Mapping[str, str]
    warnings: tuple[Problem, ...] = ()
