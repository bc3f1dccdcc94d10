"""What is run: scenario(), test(), fault_scenario(), fault_matrix()."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.fault import Assumption
from faultbox.model.spec import FaultScenario, Function, Matrix, Monitor, Test
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.assumptions import assumption, monitor
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin, declaration
from faultbox.spec.builtins.names import test_id
from faultbox.spec.builtins.values import function_name, nearest_name, sequence
from faultbox.spec.builtins.wrong import Wrong

_EXPLORATION = {"terminate_when": "temporal expectations", "assume": "exploration", "clock": "clock faults"}
Pair = tuple[Function, Assumption]


def scenario_name(call: Call, function: Function) -> str:
    """What a scenario is called in ids. Raises Wrong for a lambda that scenario() has not named."""
    known = call.state(Declarations).scenario_names.get(function)
    if known is not None:
        return known
    name = function_name(function)
    if name == "lambda":
        raise Wrong("MISSING_ARGUMENT", 'a lambda has no name; register it with scenario(f, name="...")')
    return name


@builtin("scenario", function=kinds.function_of(0), name=kinds.name, timeout=kinds.positive_duration)
@declaration
def scenario(call: Call, function: Function, *, name: str = "", timeout: float | None = None) -> Function:
    """Registers what a user does. It is a test of its own, and runs before the cells that use it.

    function: called without arguments; what it returns is what expectations get
    name: what it is called; by default the function's name
    timeout: how long the case may take
    gives: the function
    """
    declared = call.state(Declarations)
    if name:
        declared.scenario_names[function] = name.removeprefix("test_")
    declared.tests.append(
        Test(test_id(scenario_name(call, function)), "scenario", function, call.position, timeout_ms=timeout)
    )
    return function


@builtin(
    "test",
    name=kinds.name,
    body=kinds.function_of(0),
    setup=kinds.function_of(0),
    timeout=kinds.positive_duration,
    unavailable=_EXPLORATION | {"expect": "temporal expectations"},
)
@declaration
def register_test(
    call: Call, name: str, body: Function, *, setup: Function | None = None, timeout: float | None = None
) -> None:
    """Registers a test under a name of its own; a function def test_...() needs no registration.

    name: its id is test_<name>
    body: called without arguments
    setup: called before the body
    timeout: how long the case may take
    """
    call.state(Declarations).tests.append(Test(test_id(name), "test", body, call.position, setup, timeout))


@builtin(
    "fault_scenario",
    name=kinds.name,
    scenario=kinds.function_of(0),
    faults=kinds.one_or_more(assumption),
    expect=kinds.function_of(1),
    monitors=kinds.list_of(monitor),
    timeout=kinds.positive_duration,
)
@declaration
def fault_scenario(
    call: Call,
    name: str,
    *,
    scenario: Function,
    faults: tuple[Assumption, ...],
    expect: Function | None = None,
    monitors: tuple[Monitor, ...] = (),
    timeout: float | None = None,
) -> None:
    """Runs one scenario while assumptions hold. Without expect it passes when the scenario comes to its end.

    name: its id
    scenario: what the user does
    faults: what is broken meanwhile
    expect: called with what the scenario returned; False, a list or tuple that holds False, or a
        failing assertion fails the case
    monitors: what must hold meanwhile
    timeout: how long the case may take
    """
    declared = call.state(Declarations)
    with call.noting("scenario"):
        scenario_name(call, scenario)
    if not faults:
        raise Wrong("EMPTY", "faults is empty: a scenario without faults is scenario(f)", at="faults")
    _check_once(call, faults)
    _use(declared, faults, monitors)
    declared.fault_scenarios.append(FaultScenario(name, scenario, faults, call.position, expect, monitors, timeout))


def _pair(value: Any, label: str) -> Pair:
    """a pair (scenario, assumption)"""
    items = sequence(value) if isinstance(value, tuple) else None
    if items is None or len(items) != 2:
        kinds.refuse(label, "pairs (scenario, assumption)", value)
    return kinds.function(items[0], f"{label}: the first of a pair"), assumption(items[1], f"{label}: the second")


@builtin(
    "fault_matrix",
    scenarios=kinds.list_of(kinds.function_of(0)),
    faults=kinds.list_of(assumption),
    default_expect=kinds.function_of(1),
    overrides=kinds.dict_of(_pair, kinds.function_of(1)),
    exclude=kinds.list_of(_pair),
    monitors=kinds.list_of(monitor),
    require_faults_fire=kinds.boolean,
    timeout=kinds.positive_duration,
)
@declaration
def fault_matrix(
    call: Call,
    *,
    scenarios: tuple[Function, ...],
    faults: tuple[Assumption, ...],
    default_expect: Function | None = None,
    overrides: Mapping[Pair, Function] | None = None,
    exclude: tuple[Pair, ...] = (),
    monitors: tuple[Monitor, ...] = (),
    require_faults_fire: bool = False,
    timeout: float | None = None,
) -> None:
    """Runs every scenario under every assumption; each cell is a case matrix_<scenario>_<assumption>.

    Each scenario first runs without faults; where that fails, its cells are inconclusive.

    scenarios: the rows
    faults: the columns
    default_expect: the expectation of cells without one of their own
    overrides: expectations of single cells: {(create_order, db_down): expect_error_within(ms=5000)}
    exclude: cells that make no sense: [(health_check, disk_full)]
    monitors: what must hold in every cell
    require_faults_fire: a cell whose faults never fired fails
    timeout: how long each case may take
    """
    declared = call.state(Declarations)
    names = _names(call, scenarios, faults)
    given = {(row, column.name): expect for (row, column), expect in (overrides or {}).items()}
    left_out = {(row, column.name) for row, column in exclude}
    _check_pairs(call, names, faults, given, "overrides")
    _check_pairs(call, names, faults, left_out, "exclude")
    for pair in given.keys() & left_out:
        call.warn("NO_EFFECT", f"{_shown(call, pair)} is excluded, so its override is never used", at="overrides")
    if not any((row, column.name) not in left_out for row in scenarios for column in faults):
        call.problem(Wrong("EMPTY", "there are no cells: everything is excluded or one of the lists is empty"))
    _use(declared, faults, monitors)
    if call.broken:
        return
    declared.matrices.append(
        Matrix(
            scenarios,
            faults,
            call.position,
            default_expect,
            given,
            frozenset(left_out),
            monitors,
            require_faults_fire,
            timeout,
        )
    )


def _names(call: Call, scenarios: tuple[Function, ...], faults: tuple[Assumption, ...]) -> dict[Function, str]:
    names: dict[Function, str] = {}
    for each in scenarios:
        with call.noting("scenarios"):
            name = scenario_name(call, each)
            if name in names.values():
                raise Wrong("DUPLICATE_NAME", f"scenarios holds {name!r} twice")
            names[each] = name
    _check_once(call, faults)
    return names


def _check_once(call: Call, faults: tuple[Assumption, ...]) -> None:
    names = [each.name for each in faults]
    for name in sorted({each for each in names if names.count(each) > 1}):
        call.problem(Wrong("DUPLICATE_NAME", f"faults holds {name!r} twice", at="faults"))


def _check_pairs(
    call: Call,
    names: Mapping[Function, str],
    faults: tuple[Assumption, ...],
    pairs: Mapping[tuple[Function, str], Any] | set[tuple[Function, str]],
    keyword: str,
) -> None:
    """A pair that isn't in the matrix would silently do nothing."""
    columns = [each.name for each in faults]
    for row, column in pairs:
        if row not in names and not call.broken:
            missing, accepted = f"scenario {function_name(row)!r}", list(names.values())
        elif column not in columns:
            missing, accepted = f"assumption {column!r}", columns
        else:
            continue
        near = nearest_name(missing.split("'")[1], accepted)
        message = f"{keyword}: {_shown(call, (row, column))} is no cell of this matrix: it has no {missing}"
        call.problem(Wrong("UNKNOWN_PAIR", message, accepted=", ".join(accepted), nearest=near, at=keyword))


def _shown(call: Call, pair: tuple[Function, str]) -> str:
    names = call.state(Declarations).scenario_names
    return f"({names.get(pair[0], function_name(pair[0]))}, {pair[1]})"


def _use(declared: Declarations, faults: tuple[Assumption, ...], monitors: tuple[Monitor, ...]) -> None:
    declared.used.update(leaf.name for each in faults for leaf in each.leaves())
    declared.claimed.update(monitors)
