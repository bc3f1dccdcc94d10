"""scenario(), test(), fault_scenario(), fault_matrix(), monitor(), and what only the whole spec shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faultbox.model.event import Event
from faultbox.model.host import AssertionFailed
from faultbox.model.spec import Spec

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]
FAULTS = """
def a():
    pass
def b():
    pass
down = fault_assumption("down", target = db, connect = deny("ECONNREFUSED"))
slow = fault_assumption("slow", target = db, connect = delay("1s"))
"""


def test_tests_in_the_order_written(load: Load) -> None:
    spec = load(
        "def test_b():\n    pass\ndef happy():\n    pass\ndef test_a():\n    pass\nscenario(happy, timeout = '5s')\n"
        "test('named', test_a, setup = happy)\nscenario(lambda: 1, name = 'one')\ntest_alias = test_a\n_test_no = 1\n"
        "test_data = [1]\n"
    )
    assert [(each.id, each.kind, each.timeout_ms) for each in spec.tests] == [
        ("test_b", "test", None),
        ("test_a", "test", None),
        ("test_alias", "test", None),
        ("test_happy", "scenario", 5000),
        ("test_named", "test", None),
        ("test_one", "scenario", None),
    ]
    assert spec.tests[4].setup is not None


def test_tests_of_modules_are_not_run_but_their_registrations_are(load: Load) -> None:
    module = "def test_hidden():\n    pass\ndef visible():\n    pass\nscenario(visible)\n"
    assert [each.id for each in load('load("m.star", "visible")\n', m=module).tests] == ["test_visible"]


def test_a_matrix(load: Load) -> None:
    spec = load(
        FAULTS + "fault_matrix(scenarios = [a, b], faults = [down, slow], default_expect = expect_success(),\n"
        "    overrides = {(a, down): lambda r: assert_true(r)}, exclude = [(b, slow)], require_faults_fire = True,\n"
        "    monitors = [monitor(lambda e: None)], timeout = '1m')\n"
    )
    (matrix,) = spec.matrices
    assert [each.name for each in matrix.faults] == ["down", "slow"]
    assert [(row.__name__, column) for row, column in matrix.overrides] == [("a", "down")]
    assert [(row.__name__, column) for row, column in matrix.exclude] == [("b", "slow")]
    assert (matrix.require_faults_fire, matrix.timeout_ms, len(matrix.monitors)) == (True, 60_000, 1)
    assert matrix.default_expect is not None
    assert (spec.monitors, spec.warnings) == ((), ())


def test_a_fault_scenario(load: Load) -> None:
    spec = load(FAULTS + "fault_scenario('s', scenario = a, faults = [down, slow], expect = lambda r: None)")
    (scenario,) = spec.fault_scenarios
    assert (scenario.id, [each.name for each in scenario.faults]) == ("s", ["down", "slow"])
    assert load(FAULTS + "fault_scenario('s', scenario = a, faults = down)").fault_scenarios[0].expect is None


WRONG = [
    ("scenario(a())", "11:10 [WRONG_TYPE] scenario(): function must be a function, got None; write the function's name without (), so that it is called later"),
    ("scenario(lambda: 1)", '11:1 [MISSING_ARGUMENT] scenario(): a lambda has no name; register it with scenario(f, name="...")'),
    ("test('x', a, expect = always(lambda: 1))", "11:23 [NOT_AVAILABLE] always() needs temporal expectations, which this version does not have yet"),
    ("test('x', a, expect = a)", "11:14 [NOT_AVAILABLE] test(): expect= needs temporal expectations, which this version does not have yet"),
    ("test('x')", "11:1 [MISSING_ARGUMENT] test(): missing argument 'body'"),
    ("scenario(a)\ndef test_a():\n    pass", "11:1 [DUPLICATE_NAME] scenario would have the id 'test_a', which the case at spec.star:12:1 has already"),
    ("scenario(a)\nscenario(a)", "12:1 [DUPLICATE_NAME] scenario would have the id 'test_a', which the case at spec.star:11:1 has already"),
    ("fault_scenario('test_x', scenario = a, faults = down)\ndef test_x():\n    pass", "11:1 [DUPLICATE_NAME] fault_scenario() would have the id 'test_x', which the case at spec.star:12:1 has already"),
    ("fault_matrix(scenarios = [a], faults = [down])\nfault_scenario('matrix_a_down', scenario = a, faults = down)", "11:1 [DUPLICATE_NAME] a cell of fault_matrix() would have the id 'matrix_a_down', which the case at spec.star:12:1 has already"),
    ("fault_scenario('s', scenario = a, faults = [])", "11:44 [EMPTY] fault_scenario(): faults is empty: a scenario without faults is scenario(f)"),
    ("fault_scenario('s', scenario = lambda: 1, faults = down)", '11:32 [MISSING_ARGUMENT] fault_scenario(): a lambda has no name; register it with scenario(f, name="...")'),
    ("fault_scenario('s', scenario = a, faults = deny('EIO'))", "11:44 [WRONG_TYPE] fault_scenario(): faults must be a fault_assumption(), got fault deny(EIO)"),
    ("fault_matrix(scenarios = [a], faults = [])", "11:1 [EMPTY] fault_matrix(): there are no cells: everything is excluded or one of the lists is empty"),
    ("fault_matrix(scenarios = [a], faults = [down], exclude = [(a, down)])", "11:1 [EMPTY] fault_matrix(): there are no cells: everything is excluded or one of the lists is empty"),
    ("fault_matrix(scenarios = [a, a], faults = [down])", "11:26 [DUPLICATE_NAME] fault_matrix(): scenarios holds 'a' twice"),
    ("fault_matrix(scenarios = [a], faults = [down, down])", "11:40 [DUPLICATE_NAME] fault_matrix(): faults holds 'down' twice"),
    ("fault_matrix(scenarios = [a], faults = [down, slow], overrides = {(b, down): lambda r: 1})", "11:66 [UNKNOWN_PAIR] fault_matrix(): overrides: (b, down) is no cell of this matrix: it has no scenario 'b' | accepted: a"),
    ("fault_matrix(scenarios = [a], faults = [down], exclude = [(a, slow)])", "11:58 [UNKNOWN_PAIR] fault_matrix(): exclude: (a, slow) is no cell of this matrix: it has no assumption 'slow' | accepted: down"),
    ("fault_matrix(scenarios = [a], faults = [down], overrides = {(a, 'down'): lambda r: 1})", '11:60 [WRONG_TYPE] fault_matrix(): overrides keys: the second must be a fault_assumption(), got string "down"'),
    ("fault_matrix(scenarios = [a], faults = [down], overrides = {a: lambda r: 1})", "11:60 [WRONG_TYPE] fault_matrix(): overrides keys must be pairs (scenario, assumption), got <function a>"),
    ("monitor('name', on = match.event(type = 'x'))", "11:22 [NOT_AVAILABLE] match.event() needs temporal expectations, which this version does not have yet"),
    ("monitor('name')", "11:1 [NOT_AVAILABLE] monitor(): monitor with a name needs monitors with state, which this version does not have yet"),
    ("monitor(a, service = 'dbx')", "11:1 [UNKNOWN_SERVICE] monitor 'a' watches 'dbx', which is no service of this spec | near: db | accepted: db, api"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), WRONG, ids=[text for text, _ in WRONG])
def test_each_mistake_in_its_place(problems: Problems, text: str, wanted: str) -> None:
    found = [each if "accepted" in wanted else each.split(" | accepted: ")[0] for each in problems(FAULTS + text)]
    assert found == [wanted]


def test_an_override_of_an_excluded_cell_is_warned_of(load: Load) -> None:
    spec = load(
        FAULTS + "fault_matrix(scenarios = [a, b], faults = [down, slow], overrides = {(a, down): lambda r: 1}, "
        "exclude = [(a, down)])"
    )
    assert [each.message for each in spec.warnings] == [
        "fault_matrix(): (a, down) is excluded, so its override is never used"
    ]


def test_monitors_watch_everything_unless_they_are_attached(load: Load) -> None:
    spec = load("def f(e):\n    pass\nm = monitor(f, service = db)\nmonitor(lambda e: e.type != 'x')\n")
    assert [(each.name, each.service) for each in spec.monitors] == [("f", "db"), ("lambda", "")]
    event = Event(0, "x", "db", seq=3)
    spec.monitors[0].check(event)
    with pytest.raises(AssertionFailed, match="lambda gave False") as caught:
        spec.monitors[1].check(event)
    assert caught.value.deciding == (event,)


def test_a_monitor_in_a_scenario_watches_the_running_case(run: Callable[..., object], host: object) -> None:
    run("monitor(lambda e: None, service = 'api')")
    assert host.done == [("watch", "lambda", "api")]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "call", ["scenario(test_it)", 'service("x", "bin/db")', 'fault_assumption("x")', 'test("y", test_it)']
)
def test_declarations_come_too_late_in_a_scenario(run: Callable[..., object], call: str) -> None:
    from faultbox.model.host import SpecError

    with pytest.raises(SpecError, match="runs only while the spec is loaded; call it at the top level") as caught:
        run(call)
    assert caught.value.code == "TOO_LATE"
