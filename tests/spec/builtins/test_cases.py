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


def test_mistakes_in_cases(problems: Problems, mistake: tuple[str, list[str]]) -> None:
    text, (wanted,) = mistake
    found = [each if "accepted" in wanted else each.split(" | accepted: ")[0] for each in problems(FAULTS + text)]
    assert found == [wanted]


def test_functions_may_have_defaults_and_more(load: Load) -> None:
    spec = load(
        FAULTS
        + "def f(x = 1, *rest, k = 2, **named):\n    pass\nscenario(f)\n"
        + "fault_scenario('s', scenario = f, faults = down, expect = lambda *r: 1)\nmonitor(f)\n"
    )
    assert [each.id for each in spec.tests] == ["test_f"]


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
    spec.monitors[0].begin()(event)
    with pytest.raises(AssertionFailed, match="lambda gave False") as caught:
        spec.monitors[1].begin()(event)
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
