"""fault() and its kin, trace(), parallel(), sleep(), print() in a running scenario."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.host import Inconclusive, SpecError

Run = Callable[..., Any]


def test_fault_holds_while_its_function_runs(run: Run, host: Any) -> None:
    assert (
        run('return fault(db, write = deny("EIO"), wal = [delay("1s"), allow()], run = lambda: api.get().status)')
        == 200
    )
    assert [each[0] for each in host.done] == ["arm", "step", "disarm"]
    assert host.done[0] == ("arm", "db", [("write", "deny(EIO)"), ("wal", "delay(1000ms)"), ("wal", "allow()")], 6)
    assert host.done[2] == ("disarm", 1)


def test_fault_ends_when_its_function_fails(run: Run, host: Any) -> None:
    with pytest.raises(Exception, match="assert_true failed"):
        run('fault(db, write = deny("EIO"), run = lambda: assert_true(False))')
    assert [each[0] for each in host.done] == ["arm", "disarm"]


def test_scopes_nest(run: Run, host: Any) -> None:
    run('fault(db, write = deny("EIO"), run = lambda: fault(db, write = allow(), run = lambda: None))')
    assert [each[:2] for each in host.done] == [("arm", "db"), ("arm", "db"), ("disarm", 2), ("disarm", 1)]


def test_an_assumption_can_be_armed(run: Run, host: Any) -> None:
    run("fault(down, run = lambda: None)", before='down = fault_assumption("down", target = db, write = deny("EIO"))')
    assert host.done == [("arm", "down"), ("disarm", 1)]


def test_start_and_stop(run: Run, host: Any) -> None:
    run('fault_start(db, connect = deny("ECONNREFUSED"))\nfault_stop(db)')
    assert host.done == [("start", "db", [("connect", "deny(ECONNREFUSED)")], 6), ("stop", "db")]


def test_fault_all_arms_and_ends_each(run: Run, host: Any) -> None:
    assert run('return fault_all([db, api], write = deny("EIO"), run = lambda: 7)') == 7
    assert [each[:2] for each in host.done] == [("arm", "db"), ("arm", "api"), ("disarm", 2), ("disarm", 1)]


def test_fault_on_an_interface_is_about_messages(run: Run, host: Any) -> None:
    rules = 'error(path = "/x", status = 503), delay(delay = "1s")'
    assert run(f"return fault(api.public, {rules}, source = db, run = lambda: api.get().status)") == 200
    texts = ["error(path='/x', status=503)", "delay(delay_ms=1000.0)"]
    assert host.done[0] == ("arm", "api.public", texts, "db", 6)
    assert [each[0] for each in host.done] == ["arm", "step", "disarm"]


def test_message_faults_end_when_their_function_fails(run: Run, host: Any) -> None:
    with pytest.raises(Exception, match="assert_true failed"):
        run("fault(api.public, drop(), run = lambda: assert_true(False))")
    assert [each[0] for each in host.done] == ["arm", "disarm"]


def test_start_and_stop_on_an_interface(run: Run, host: Any) -> None:
    run('fault_start(api.public, hang(), source = "driver")\nfault_stop(api.public)\nfault_stop(api)')
    assert host.done == [
        ("start", "api.public", ["hang()"], "driver", 6),
        ("stop", "api", "public"),
        ("stop", "api"),
    ]


def test_an_assumption_needs_nothing_more(run: Run, host: Any) -> None:
    before = 'down = fault_assumption("down", target = api.public, rules = [drop()])'
    for more in ("drop()", "source = db", 'write = deny("EIO")'):
        with pytest.raises(SpecError, match="an assumption says by itself what is broken"):
            run(f"fault(down, {more}, run = lambda: None)", before=before)
    assert host.done == []


@pytest.mark.parametrize("direction", ["both", "a_to_b", "b_to_a"])
def test_a_partition_lasts_while_its_function_runs(run: Run, host: Any, direction: str) -> None:
    assert run(f'return partition(api, db, direction = "{direction}", run = lambda: 5)') == 5
    assert host.done == [("arm", "api", "db", direction, 6), ("heal", 1)]
    with pytest.raises(Exception, match="assert_true failed"):
        run("partition(api, db, run = lambda: assert_true(False))")
    assert host.done[2:] == [("arm", "api", "db", "both", 6), ("heal", 3)]


def test_a_bare_partition_lasts_until_it_is_stopped(run: Run, host: Any) -> None:
    run('partition(api, db)\npartition_start(db, api, direction = "a_to_b")\npartition_stop(db, api)')
    assert host.done == [("part", "api", "db", "both", 6), ("part", "db", "api", "a_to_b", 7), ("heal", "db", "api")]


def test_positionals_after_keywords(run: Run, host: Any) -> None:
    run('fault(write = deny("EIO"), run = lambda: None, db)')
    assert host.done[0][:2] == ("arm", "db")


def test_mistakes_in_scopes(run: Run, host: Any, mistake: tuple[str, list[str]]) -> None:
    body, (wanted,) = mistake
    with pytest.raises(SpecError) as caught:
        run(body)
    assert f"[{caught.value.code}] {caught.value}".startswith(wanted)
    assert not any(each[0] in ("arm", "start") for each in host.done)


OUTSIDE = [
    "fault(db, write = deny('EIO'), run = lambda: 1)",
    "fault_stop(db)",
    "fault(db.main, drop(), run = lambda: 1)",
    "fault_start(db.main, drop())",
    "partition(api, db)",
    "partition_start(api, db)",
    "partition_stop(api, db)",
    "sleep('1s')",
    "api.get()",
    "events()",
    "parallel(lambda: 1, lambda: 2)",
    "assert_true(True)",
    "step(api.public, 'get')",
    "assert_exited(db)",
]


@pytest.mark.parametrize("call", OUTSIDE)
def test_outside_a_scenario_is_a_problem(problems: Callable[..., list[str]], call: str) -> None:
    (found,) = problems(call)
    assert found.startswith("4:1 [OUTSIDE_SCENARIO] ")
    assert found.endswith("() runs only inside a scenario, test or expect; put it in a function")


def test_parallel_gives_results_in_the_order_written(run: Run) -> None:
    assert (
        run("return str(parallel(lambda: 1, lambda: 'b', api.get))")
        == '[1, "b", response(status=200, body="ok", duration_ms=0)]'
    )


def test_sleep_and_print(run: Run, host: Any) -> None:
    run('print("a", 1, None, sep = "-")\nsleep("1.5s")')
    assert host.done == [("print", "a-1-None", 6), ("sleep", 1500.0)]


def test_print_while_loading(load: Callable[..., object]) -> None:
    heard: list[str] = []
    load('print("db is", db.main.addr, [db])', printed=heard)
    assert heard == ["db is localhost:5432 [<service db>]"]


def test_trace_asks_whether_it_can_be_seen(run: Run, host: Any) -> None:
    assert run("return trace(db, syscalls = ['openat'], run = lambda: 5)") == 5
    run("trace_start(db, syscalls = ['write'])\ntrace_stop(db)")
    host.unobservable = "openat of db is not observed in this case"
    with pytest.raises(Inconclusive, match=r"trace\(\): openat of db is not observed in this case"):
        run("trace(db, syscalls = ['openat'], run = lambda: 5)")
