"""Which cases a plan has, in which order, with which ids, controls and seeds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from faultbox import plan as planner
from faultbox.model.plan import Plan
from faultbox.model.shard import Shard
from faultbox.model.spec import Spec

Load = Callable[..., Spec]
MATRIX = "fault_matrix(scenarios = [get, put], faults = [down, full, both], exclude = [(put, both)])\n"
CELLS = ["matrix_get_down", "matrix_get_full", "matrix_get_both", "matrix_put_down", "matrix_put_full"]


def ids(plan: Plan) -> list[str]:
    return [case.id for case in plan.cases]


def test_everything_in_order(load: Load) -> None:
    spec = load(
        "def test_x():\n    pass\nscenario(get)\nfault_scenario('fs', scenario = get, faults = [down, full])\n"
        "test('t', put, setup = get)\n" + MATRIX
    )
    plan = planner.plan(spec, seed=1)
    assert ids(plan) == ["test_x", "test_get", "test_t", "fs", *CELLS[:3], "test_put", *CELLS[3:]]
    info = {case.id: case.info for case in plan.cases}
    assert [info[each].kind for each in ("test_x", "test_get", "fs", "matrix_put_full")] == [
        "test",
        "scenario",
        "fault_scenario",
        "cell",
    ]
    assert (info["fs"].scenario, info["fs"].fault, info["fs"].control) == ("get", "down + full", "test_get")
    cell = info["matrix_put_full"]
    assert (cell.scenario, cell.fault, cell.row, cell.column, cell.matrix) == ("put", "full", "put", "full", 0)
    assert (cell.control, info["test_put"].kind, info["test_x"].control) == ("test_put", "scenario", "")
    assert plan.excluded == ((0, "put", "both"),)
    assert plan.selected == set(ids(plan))


def test_a_lambda_and_names_of_their_own(load: Load) -> None:
    spec = load(
        "f = lambda: 1\nscenario(f, name = 'one')\ndef test_two():\n    pass\nscenario(put, name = 'test_three')\n"
        "fault_matrix(scenarios = [f, test_two, put], faults = [down])\n"
    )
    plan = planner.plan(spec, seed=1)
    assert ids(plan) == [
        "test_two",
        "test_one",
        "test_three",
        "matrix_one_down",
        "matrix_test_two_down",
        "matrix_three_down",
    ]
    assert [case.info.control for case in plan.cases if case.info.kind == "cell"] == [
        "test_one",
        "test_two",
        "test_three",
    ]


def test_a_control_finds_a_name_where_its_own_is_taken(load: Load) -> None:
    plan = planner.plan(load("def test_get():\n    pass\nfault_matrix(scenarios = [get], faults = [down])\n"), seed=1)
    assert ids(plan) == ["test_get", "control_get", "matrix_get_down"]
    assert plan.cases[2].info.control == "control_get"


def test_the_control_of_selected_cells_runs_too(load: Load) -> None:
    spec = load("scenario(put)\n" + MATRIX)
    plan = planner.plan(spec, ["matrix_put_down"], seed=1)
    assert ids(plan) == ["test_put", "matrix_put_down"]
    assert plan.selected == {"matrix_put_down"}
    assert ids(planner.plan(spec, ["matrix_get_full"], seed=1)) == ["test_get", "matrix_get_full"]


def test_without_controls(load: Load) -> None:
    spec = load("scenario(put)\n" + MATRIX)
    plan = planner.plan(spec, ["matrix"], seed=1, control=False)
    assert ids(plan) == CELLS
    assert {case.info.control for case in plan.cases} == {""}
    assert ids(planner.plan(spec, seed=1, control=False)) == ["test_put", *CELLS]


def test_assumptions_are_complete_when_all_their_cells_run(load: Load) -> None:
    spec = load(MATRIX + "fault_scenario('fs', scenario = put, faults = full)\n")
    assert planner.plan(spec, seed=1).complete == {"down": True, "full": True, "both": True}
    assert planner.plan(spec, ["matrix_get"], seed=1).complete == {"down": False, "full": False, "both": True}
    assert planner.plan(spec, ["matrix_*_down", "matrix_get_both"], seed=1).complete == {
        "down": True,
        "full": False,
        "both": True,
    }
    unused = load("def test_x():\n    pass\n")
    assert planner.plan(unused, seed=1).complete == {"down": False, "full": False, "both": False}


def test_expectations_and_monitors_of_cells(load: Load) -> None:
    spec = load(
        "m = monitor(lambda e: None)\nn = monitor(lambda e: None)\neverywhere = monitor(lambda e: None)\n"
        "seen = []\nwatched = fault_assumption('watched', faults = [down], monitors = [m])\n"
        "fault_matrix(scenarios = [get], faults = [down, watched], default_expect = lambda r: 'default',\n"
        "    overrides = {(get, down): lambda r: 'own'}, monitors = [n, m], require_faults_fire = True)\n"
        "fault_scenario('fs', scenario = get, faults = watched)\n"
    )
    cases = {case.id: case for case in planner.plan(spec, seed=1).cases}
    down, watched, alone = cases["matrix_get_down"], cases["matrix_get_watched"], cases["fs"]
    assert [each.expect(None) for each in (down, watched) if each.expect is not None] == ["own", "default"]
    assert alone.expect is None
    assert (len(down.monitors), len(watched.monitors), len(alone.monitors)) == (2, 2, 1)
    assert (down.require_fire, alone.require_fire) == (True, False)
    assert len(spec.monitors) == 1


def test_limits(load: Load) -> None:
    spec = load("test('a', get, timeout = '5s')\ntest('b', get)\n")
    assert [case.info.timeout_ms for case in planner.plan(spec, seed=1).cases] == [5000, 120_000]
    assert [case.info.timeout_ms for case in planner.plan(spec, seed=1, timeout_ms=9000).cases] == [5000, 9000]


def test_runs_repeat_every_case_with_seeds_of_their_own(load: Load) -> None:
    spec = load(MATRIX)
    once, thrice = planner.plan(spec, seed=7), planner.plan(spec, seed=7, runs=3)
    assert ids(thrice) == ids(once) * 3
    assert [case.info.run for case in thrice.cases] == sorted([1, 2, 3] * len(once.cases))
    seeds = [case.info.seed for case in thrice.cases]
    assert len(set(seeds)) == len(seeds)
    assert seeds[: len(once.cases)] == [case.info.seed for case in once.cases]


def test_a_seed_depends_on_the_case_alone() -> None:
    assert planner.case_seed(1, "a", 1) == planner.case_seed(1, "a", 1)
    seeds = {planner.case_seed(seed, case, run) for seed in (0, 1, -1, 2**70) for case in ("a", "b") for run in (1, 2)}
    assert len(seeds) == 16
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert planner.case_seed(1, "matrix_a_b", 1) == 4120597092796942579


def test_seeds_do_not_depend_on_the_selection(load: Load) -> None:
    spec = load(MATRIX)
    whole = {case.id: case.info.seed for case in planner.plan(spec, seed=3).cases}
    part = {case.id: case.info.seed for case in planner.plan(spec, ["matrix_put"], seed=3).cases}
    assert part.items() <= whole.items()


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("test_health", ["test_health"]),
        ("health", ["test_health"]),
        ("test_fs", ["fs"]),
        ("fs", ["fs"]),
        ("matrix", CELLS),
        ("matrix_get", CELLS[:3]),
        ("matrix_*_down", ["matrix_get_down", "matrix_put_down"]),
        ("test_*", ["test_health", "test_healthy"]),
        ("*", ["test_health", "test_healthy", "fs", *CELLS]),
    ],
)
def test_selection(load: Load, pattern: str, wanted: list[str]) -> None:
    spec = load(
        "def test_health():\n    pass\ndef test_healthy():\n    pass\n"
        "fault_scenario('fs', scenario = put, faults = full)\n" + MATRIX
    )
    assert ids(planner.plan(spec, [pattern], seed=1, control=False)) == wanted


def test_an_unknown_name_says_what_there_is(load: Load) -> None:
    spec = load("def test_health():\n    pass\nscenario(get)\n")
    with pytest.raises(planner.NothingSelected) as caught:
        planner.plan(spec, ["test_get", "helth"], seed=1)
    assert str(caught.value) == "no test is called 'helth'; did you mean 'test_health'?"
    assert caught.value.advice == "there are: test_health, test_get"
    with pytest.raises(planner.NothingSelected, match="the spec declares no tests"):
        planner.plan(load("x = 1\n"), seed=1)


def test_a_thousand_cells_are_planned_quickly(load: Load) -> None:
    many = "many = [fault_assumption('f%d' % i, target = db, write = deny('EIO', nth = i + 1)) for i in range(100)]\n"
    rows = "".join(f"def s{index}():\n    return api.get()\n" for index in range(10))
    spec = load(many + rows + f"fault_matrix(scenarios = [{', '.join(f's{i}' for i in range(10))}], faults = many)\n")
    begun = time.process_time()
    plan = planner.plan(spec, seed=1)
    assert len(plan.cases) == 1010
    assert time.process_time() - begun < 1


def shards(spec: Spec, count: int, **options: Any) -> list[Plan]:
    return [planner.plan(spec, seed=1, shard=Shard(index, count), **options) for index in range(1, count + 1)]


def test_shards_share_the_cases_and_each_runs_the_controls_of_its_own(load: Load) -> None:
    spec = load("scenario(put)\n" + MATRIX + "def test_x():\n    pass\n")
    whole = planner.plan(spec, seed=1)
    parts = shards(spec, 3)
    assert {each for part in parts for each in ids(part)} == set(ids(whole))
    for part in parts:
        assert ids(part) == [each for each in ids(whole) if each in ids(part)], "in the order of the run"
        assert {case.info.control for case in part.cases if case.info.control} <= set(ids(part))
        assert ids(part) == ids(planner.plan(spec, seed=99, shard=part.shard)), "whatever the seed"
        assert part.whole == whole.cases
    controls = {case.info.control for case in whole.cases}
    dealt = [each for part in parts for each in ids(part) if each not in controls]
    assert sorted(dealt) == sorted(each for each in ids(whole) if each not in controls)


def test_a_case_has_the_same_seed_in_its_shard(load: Load) -> None:
    spec = load(MATRIX)
    seeds = {case.id: case.info.seed for case in planner.plan(spec, seed=7).cases}
    for part in (planner.plan(spec, seed=7, shard=Shard(index, 2)) for index in (1, 2)):
        assert all(case.info.seed == seeds[case.id] for case in part.cases)


def test_shards_differ_by_one_case_at_most_and_may_be_empty(load: Load) -> None:
    spec = load("".join(f"def test_{number}():\n    pass\n" for number in range(10)))
    assert sorted(len(part.cases) for part in shards(spec, 4)) == [2, 2, 3, 3]
    assert sorted(len(part.cases) for part in shards(spec, 12)) == [0, 0, *[1] * 10]
    assert sum(len(part.cases) for part in shards(spec, 3, runs=2)) == 20
