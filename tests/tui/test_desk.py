"""A desk puts runs together: what is run again is merged, what is asked reaches the run, what is left is found."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.source import Position, Problem
from faultbox.model.update import CaseDone, CaseStarted, RunDone, RunStarted, SpecRefused
from faultbox.model.verdict import DeadAssumption, RunResult, Verdict
from faultbox.tui import Desk, Finished

Wait = Callable[[Callable[[], bool], str], None]


def planned(*infos: Any) -> RunStarted:
    return RunStarted(1, "cli", "orders.star", ("db",), infos, (), (), ())


def result_of(*results: Any, dead: tuple[DeadAssumption, ...] = ()) -> RunDone:
    return RunDone(RunResult(1, results, dead=dead))


@pytest.fixture
def a(spools: Any) -> Any:
    return spools.cell("order", "down")


@pytest.fixture
def b(spools: Any) -> Any:
    return spools.cell("order", "slow")


def test_what_is_run_again_is_merged_and_each_case_lies_in_the_bundle_of_its_latest_run(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any, b: Any
) -> None:
    red, green = spools.result(a, Verdict.FAILED, directory="1"), spools.result(b, directory="2")
    desk.start()
    hand.give(planned(a, b), CaseDone(red), CaseDone(green), result_of(red, green), Finished(Path("/one.fb")))
    drained(lambda: not desk.busy, "the first run to end")
    assert [cell.info.id for cell in desk.red()] == [a.id]

    assert desk.start([a.id])
    hand.give(planned(a))
    drained(lambda: desk.progress.cells[a.id, 1].result is None, "the case to wait again")
    assert desk.progress.cells[b.id, 1].result is green
    better = spools.result(a, directory="1")
    hand.give(CaseDone(better), result_of(better), Finished(Path("/two.fb")))
    drained(lambda: not desk.busy, "the second run to end")

    places = [desk.place_of(cell) for cell in desk.progress.cells.values()]
    assert [each.bundle for each in places if each] == [Path("/two.fb"), Path("/one.fb")]
    assert (desk.red(), desk.bundles) == ([], [Path("/one.fb"), Path("/two.fb")])
    assert [order.select for order in hand.orders] == [(), (a.id,)]


def test_one_run_at_a_time(desk: Desk, hand: Any, drained: Wait) -> None:
    assert desk.start()
    assert not desk.start(["x"])
    hand.give(Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    assert len(hand.orders) == 1


def test_what_is_asked_while_a_run_starts_is_asked_once_it_goes(desk: Desk, hand: Any, drained: Wait) -> None:
    desk.jobs = 2
    desk.start()
    desk.change_jobs(1)
    desk.toggle_fail_fast()
    desk.pause()
    desk.stop(15)
    hand.going()
    drained(lambda: desk.going is not None, "the run to go")
    assert hand.asked == [("jobs", 3), ("stop", True), ("pause", True), ("interrupt", 15)]
    desk.stop(2)
    assert hand.asked[-1] == ("interrupt", 2)
    assert desk.ending


def test_more_worlds_are_counted_from_those_that_run(desk: Desk, hand: Any, drained: Wait, a: Any, b: Any) -> None:
    desk.start()
    hand.going()
    hand.give(planned(a, b), CaseStarted(a.id, 1), CaseStarted(b.id, 1))
    drained(lambda: len(desk.progress.running) == 2, "both to run")
    desk.change_jobs(1)
    desk.change_jobs(-5)
    assert hand.asked == [("jobs", 3), ("jobs", 1)]


def test_a_spec_that_is_loaded_again_keeps_what_is_known_as_old(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any, b: Any
) -> None:
    green = spools.result(a)
    desk.start()
    hand.give(planned(a), CaseDone(green), result_of(green), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    result = desk.progress.result
    desk.start(plan_only=True)
    hand.give(planned(a, b), RunDone(RunResult(1, ())), Finished(None))
    drained(lambda: not desk.busy, "the spec to be loaded")
    cells = desk.progress.cells
    assert [(key[0], cell.stale, cell.result) for key, cell in cells.items()] == [
        (a.id, True, green),
        (b.id, False, None),
    ]
    assert desk.progress.result is result


def test_some_cases_of_an_edited_spec_are_run_when_it_is_loaded_and_the_others_are_not_counted_among_them(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any, b: Any
) -> None:
    results = [spools.result(a, Verdict.FAILED), spools.result(b)]
    desk.start()
    hand.give(planned(a, b), *map(CaseDone, results), result_of(*results), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    Path(desk.spec).write_text("x = 12\n")
    os.utime(desk.spec, ns=(1, 1))
    assert desk.start([a.id, "gone"])
    hand.give(planned(a, b), RunDone(RunResult(1, ())), Finished(None))
    drained(lambda: len(hand.orders) == 3, "the case to be run")
    assert [(order.select, order.plan_only) for order in hand.orders[1:]] == [((), True), ((a.id,), False)]
    better = spools.result(a)
    hand.give(planned(a), CaseDone(better), result_of(better), Finished(None))
    drained(lambda: not desk.busy, "the case to be over")
    progress = desk.progress
    assert (progress.results, [cell.info.id for cell in progress.stale]) == ([better], [b.id])
    assert (progress.count(Verdict.PASSED), progress.count(Verdict.FAILED)) == (1, 0)


def test_a_case_that_an_edited_spec_has_no_more_is_not_run(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any, b: Any
) -> None:
    dead = DeadAssumption("bus_down", "x.star:1", (spools.rule(0, 0, 0, assumption="bus_down"),))
    desk.start()
    hand.give(planned(a), CaseDone(spools.result(a)), result_of(spools.result(a), dead=(dead,)), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    os.utime(desk.spec, ns=(1, 1))
    assert desk.start([a.id])
    hand.give(planned(b), RunDone(RunResult(1, ())), Finished(None))
    drained(lambda: not desk.busy, "the spec to be loaded")
    assert (len(hand.orders), desk.notes) == (2, (f"the edited spec has no {a.id}",))
    assert desk.dead == ()  # nobody knows yet


def test_a_spec_that_is_wrong_leaves_the_matrix_and_is_watched_where_it_is_wrong(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any, tmp_path: Path
) -> None:
    module = tmp_path / "loaded.star"
    module.write_text("x = \n")
    desk.start()
    hand.give(planned(a), CaseDone(spools.result(a)), result_of(), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    desk.start()
    hand.give(SpecRefused((Problem("SYNTAX", "oh", Position(str(module), 1, 5)),)), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    assert len(desk.progress.done) == 1
    assert not desk.look_for_edits()
    module.write_text("x = 1\n")
    os.utime(module, ns=(1, 1))
    assert desk.look_for_edits()
    assert not desk.look_for_edits()
    assert desk.edited


def test_an_assumption_that_fires_in_a_later_run_is_not_dead_any_more(
    desk: Desk, hand: Any, drained: Wait, spools: Any, a: Any
) -> None:
    dead = DeadAssumption("cache_down", "x.star:1:1", (spools.rule(fired=0),))
    still = DeadAssumption("disk_full", "x.star:2:1", ())
    quiet, loud = spools.result(a, rules=(spools.rule(fired=0),)), spools.result(a, rules=(spools.rule(fired=2),))
    desk.start()
    hand.give(planned(a), CaseDone(quiet), result_of(quiet, dead=(dead, still)), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    assert desk.dead == (dead, still)
    desk.start([a.id])
    hand.give(planned(a), CaseDone(loud), result_of(loud), Finished(None))
    drained(lambda: not desk.busy, "the run to end")
    assert desk.dead == (still,)


def test_a_run_that_breaks_is_told_of(desk: Desk, hand: Any, drained: Wait) -> None:
    desk.start()
    hand.give(OSError(28, "No space left on device"))
    drained(lambda: not desk.busy, "the run to end")
    assert desk.troubles == ("the run could not go on: OSError: [Errno 28] No space left on device",)


def test_ports_and_loaded_files_are_read_from_the_runs_directory(
    desk: Desk, hand: Any, drained: Wait, a: Any, tmp_path: Path
) -> None:
    module, case = tmp_path / "loaded.star", tmp_path / "run" / "cases" / "0001"
    case.mkdir(parents=True)
    (tmp_path / "run" / "spec.json").write_text(json.dumps({"sources": {str(module): ""}}))
    port = {"name": "main", "protocol": "redis", "port": 6379}
    (tmp_path / "run" / "declared.json").write_text(json.dumps({"services": [{"name": "db", "interfaces": [port]}]}))
    desk.start()
    hand.give(planned(a), CaseStarted(a.id, 1, str(case)))
    drained(lambda: bool(desk.progress.running), "the case to run")
    assert desk.ports == {"db": "main 6379/redis"}
    assert desk.place_of(desk.progress.cells[a.id, 1]) is not None
    module.write_text("new")
    assert desk.look_for_edits()
