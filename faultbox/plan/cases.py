"""The cases of a run: tests, scenarios, fault scenarios and cells, controls before what they control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from faultbox.model.fault import Assumption
from faultbox.model.plan import Case, CaseInfo, CaseKind, Plan
from faultbox.model.shard import Shard
from faultbox.model.source import Position
from faultbox.model.spec import FaultScenario, Function, Matrix, Monitor, Spec, Test
from faultbox.plan.captures import captured
from faultbox.plan.seeds import case_seed
from faultbox.plan.select import select
from faultbox.plan.shards import part
from faultbox.spec.builtins import Invocation, cell_id, function_name, scenario_names

DEFAULT_TIMEOUT_MS = 120_000.0


def plan(
    spec: Spec,
    patterns: Sequence[str] = (),
    *,
    runs: int = 1,
    seed: int,
    seed_origin: Literal["cli", "cached", "generated", "bundle"] = "generated",
    timeout_ms: float | None = None,
    control: bool = True,
    strict: bool = False,
    keep: bool = False,
    fail_fast: bool = False,
    shard: Shard | None = None,
    pcap: Sequence[str] = (),
) -> Plan:
    """What a run does. Raises NothingSelected where a pattern names no case or interface, or the spec has none.

    A scenario runs without faults before the cells that use it, selected or not, unless `control`
    is False. `timeout_ms` is the limit of cases whose declaration names none. A `shard` is dealt its
    part of what was chosen, and runs the controls of that part. `pcap` are names of interfaces, or globs of them.
    """
    known = _Cases(spec, timeout_ms or DEFAULT_TIMEOUT_MS, control=control).all()
    chosen = select(patterns, {each.id: _group(each) for each in known.values()})
    needed = chosen | {known[each].info.control for each in chosen if known[each].info.control}
    ordered = [case for case in known.values() if case.id in needed]
    whole = tuple(_numbered(case, seed, run) for run in range(1, runs + 1) for case in ordered)
    return Plan(
        spec=spec,
        seed=seed,
        seed_origin=seed_origin,
        cases=whole if shard is None else part(whole, chosen, shard),
        selected=chosen,
        complete=_complete(spec, known.values(), needed),
        excluded=tuple(_excluded(spec)),
        strict=strict,
        control=control,
        keep=keep,
        fail_fast=fail_fast,
        shard=shard,
        whole=whole,
        captured=captured(pcap, spec),
    )


def _group(case: Case) -> str:
    return f"matrix_{case.info.row}" if case.info.kind == "cell" else ""


def _numbered(case: Case, seed: int, run: int) -> Case:
    return replace(case, info=replace(case.info, seed=case_seed(seed, case.id, run), run=run))


@dataclass
class _Cases:
    """All that a spec can run."""

    spec: Spec
    timeout_ms: float
    control: bool

    def __post_init__(self) -> None:
        self._names = scenario_names(self.spec.tests)
        self._controls = {each.body: each.id for each in reversed(self.spec.tests) if each.setup is None}
        self._made: dict[str, Case] = {}

    def all(self) -> dict[str, Case]:
        """By id, in the order in which they start: a control stands before what it controls."""
        for test in self.spec.tests:
            self._add(self._test(test))
        for scenario in self.spec.fault_scenarios:
            self._add_control(scenario.scenario, scenario.position)
            self._add(self._fault_scenario(scenario))
        for index, matrix in enumerate(self.spec.matrices):
            for row in matrix.scenarios:
                self._add_control(row, matrix.position)
                for column in matrix.faults:
                    if (row, column.name) not in matrix.exclude:
                        self._add(self._cell(matrix, index, row, column))
        return self._made

    def _add(self, case: Case) -> None:
        self._made[case.id] = case

    def _add_control(self, function: Function, position: Position) -> None:
        """A scenario that nobody registered is a test all the same."""
        if self.control and function not in self._controls:
            name = f"test_{self._name(function)}"
            taken = {each.id for each in self.spec.tests}
            self._controls[function] = name if name not in taken else f"control_{self._name(function)}"
            self._add(self._test(Test(self._controls[function], "scenario", function, position)))

    def _test(self, test: Test) -> Case:
        scenario = self._name(test.body) if test.kind == "scenario" else ""
        info = self._info(test.id, test.kind, test, scenario)
        return Case(info, Invocation(test.body), Invocation(test.setup) if test.setup is not None else None)

    def _fault_scenario(self, declared: FaultScenario) -> Case:
        names = " + ".join(each.name for each in declared.faults)
        info = self._info(declared.id, "fault_scenario", declared, self._name(declared.scenario), names)
        return Case(
            replace(info, control=self._control_of(declared.scenario)),
            Invocation(declared.scenario),
            faults=declared.faults,
            expect=Invocation(declared.expect) if declared.expect is not None else None,
            monitors=_monitors(declared.monitors, declared.faults),
        )

    def _cell(self, matrix: Matrix, index: int, row: Function, column: Assumption) -> Case:
        name = self._name(row)
        identity = cell_id(name, column.name)
        info = self._info(identity, "cell", matrix, name, column.name)
        expect = matrix.overrides.get((row, column.name), matrix.default_expect)
        return Case(
            replace(info, control=self._control_of(row), row=name, column=column.name, matrix=index),
            Invocation(row),
            faults=(column,),
            expect=Invocation(expect) if expect is not None else None,
            monitors=_monitors(matrix.monitors, (column,)),
            require_fire=matrix.require_faults_fire,
        )

    def _info(
        self, identity: str, kind: CaseKind, declared: Test | FaultScenario | Matrix, scenario: str, fault: str = ""
    ) -> CaseInfo:
        limit = declared.timeout_ms or self.timeout_ms
        return CaseInfo(identity, kind, scenario, fault, declared.position, seed=0, timeout_ms=limit)

    def _control_of(self, function: Function) -> str:
        return self._controls.get(function, "") if self.control else ""

    def _name(self, function: Function) -> str:
        return self._names.get(function) or function_name(function)


def _monitors(own: Iterable[Monitor], faults: Iterable[Assumption]) -> tuple[Monitor, ...]:
    """A case's monitors beside those that watch every case: its own and those of its assumptions, each once."""
    attached = (each for fault in faults for leaf in fault.leaves() for each in leaf.monitors)
    return tuple(dict.fromkeys((*own, *(each for each in attached if isinstance(each, Monitor)))))


def _complete(spec: Spec, cases: Iterable[Case], chosen: frozenset[str]) -> Mapping[str, bool]:
    """Per assumption, whether all cases that use it, alone or composed, are in the run (and there are any)."""
    users: dict[str, set[str]] = {name: set() for name in spec.assumptions}
    for case in cases:
        for fault in case.faults:
            for leaf in fault.leaves():
                users.setdefault(leaf.name, set()).add(case.id)
    return {name: bool(ids) and ids <= chosen for name, ids in users.items()}


def _excluded(spec: Spec) -> Iterator[tuple[int, str, str]]:
    names = scenario_names(spec.tests)
    for index, matrix in enumerate(spec.matrices):
        for row in matrix.scenarios:
            for column in matrix.faults:
                if (row, column.name) in matrix.exclude:
                    yield index, names.get(row) or function_name(row), column.name
