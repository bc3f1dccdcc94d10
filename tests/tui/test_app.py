"""The window, driven by keys: the matrix fills, cells open, runs are asked for, ended and put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from faultbox.model.source import Position, Problem
from faultbox.model.update import CaseDone, CaseStarted, RunDone, RunStarted, SpecRefused
from faultbox.model.verdict import RunResult, Verdict
from faultbox.tui import Desk, Finished
from faultbox.tui.app import FaultboxApp
from faultbox.tui.board import Board
from faultbox.tui.case import CaseScreen
from faultbox.tui.events import EventList
from faultbox.tui.leaving import Leaving

Play = Callable[[Any], None]
PATIENCE = 300
"""Turns of the window, each of 50 ms, in which what must come has come."""


async def shown(pilot: Pilot[Any], question: Callable[[], bool], what: str) -> None:
    """Let the window go on until something is true."""
    for _ in range(PATIENCE):
        if question():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"waited in vain for {what}")


@pytest.fixture
def plan(spools: Any, fakes: Any) -> RunStarted:
    """Two scenarios under two faults, of which one pair is left out, and their controls."""
    cells = [
        spools.cell("order", "cache_down", control="test_order"),
        spools.cell("order", "db_down", control="test_order"),
        spools.cell("login", "db_down", control="test_login"),
    ]
    tests = [spools.info("test_order"), spools.info("test_login")]
    excluded = ((0, "login", "cache_down"),)
    return RunStarted(1, "cli", "orders.star", ("db", "api"), (*tests, *cells), excluded, (), ())


@pytest.fixture
def results(plan: RunStarted, spools: Any, fakes: Any) -> list[Any]:
    order, login, cache_down, db_down, quiet = plan.cases
    return [
        spools.result(order, duration_ms=45),
        spools.result(login, duration_ms=12),
        fakes.red_cell(cache_down),
        spools.result(db_down, duration_ms=203, exercised=True, rules=(spools.rule(),)),
        spools.result(quiet, duration_ms=3, exercised=False),
    ]


def whole(plan: RunStarted, results: list[Any], bundle: Path | None = None) -> list[object]:
    cases = [each for result in results for each in (CaseStarted(result.info.id, 1), CaseDone(result))]
    return [plan, *cases, RunDone(RunResult(1, tuple(results))), Finished(bundle)]


def chosen(board: Board) -> str:
    return board.chosen.info.id if board.chosen is not None else ""


def save(desk: Desk, text: str) -> None:
    """As an editor does."""
    Path(desk.spec).write_text(text)


def test_a_run_that_is_over_looks_like_this(
    desk: Desk, hand: Any, plan: Any, results: Any, play: Play, looks_like: Any
) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 36)) as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and len(desk.progress.done) == 5, "the run to end")
            await pilot.press("n")
            await looks_like(pilot, "board-120")
            await pilot.resize_terminal(80, 24)
            await looks_like(pilot, "board-80")
            await pilot.press("enter")
            await looks_like(pilot, "case-80")

    play(body)


def test_a_spec_that_cant_be_run_says_where_until_it_can(
    desk: Desk, hand: Any, plan: Any, play: Play, text_of: Any
) -> None:
    problem = Problem("UNKNOWN_ERRNO", "no errno is called EI", Position("orders.star", 3, 8), "EIO, ENOSPC", "EIO")

    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(100, 30)) as pilot:
            hand.give(SpecRefused((problem,)), Finished(None))
            await shown(pilot, lambda: "orders.star:3:8: [UNKNOWN_ERRNO]" in text_of(pilot.app), "the mistake")
            await shown(pilot, lambda: "did you mean 'EIO'?" in text_of(pilot.app), "what was probably meant")
            save(desk, "x = 12\n")
            hand.give(plan, RunDone(RunResult(1, ())), Finished(None))
            await shown(pilot, lambda: "UNKNOWN_ERRNO" not in text_of(pilot.app), "the mistake to be gone")
            await shown(pilot, lambda: "cache_down" in text_of(pilot.app), "the matrix")
            assert [order.plan_only for order in hand.orders] == [False, True]

    play(body)


def test_a_saved_spec_is_run_where_that_was_asked(desk: Desk, hand: Any, plan: Any, results: Any, play: Play) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test() as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and bool(hand.orders), "the run to end")
            await pilot.press("w")
            save(desk, "x = 12345\n")
            hand.give(plan, RunDone(RunResult(1, ())), Finished(None), *whole(plan, results))
            await shown(pilot, lambda: len(hand.orders) == 3 and not desk.busy, "the spec to be run")
            assert [order.plan_only for order in hand.orders] == [False, True, False]

    play(body)


def test_keys_ask_the_run(desk: Desk, hand: Any, plan: Any, play: Play, text_of: Any) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30)) as pilot:
            hand.going()
            hand.give(plan, CaseStarted("test_order", 1))
            await shown(pilot, lambda: len(desk.progress.running) == 1, "a case to run")
            await pilot.press("p", "plus", "minus", "x")
            await shown(pilot, lambda: len(hand.asked) == 4, "what was asked")
            assert hand.asked == [("pause", True), ("jobs", 2), ("jobs", 1), ("stop", True)]
            await shown(pilot, lambda: "PAUSED, stops at red" in text_of(pilot.app), "the state in the status line")
            await pilot.press("r")
            assert len(hand.orders) == 1

    play(body)


def test_red_cells_run_again_alone(desk: Desk, hand: Any, plan: Any, results: Any, play: Play) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30)) as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and bool(hand.orders), "the run to end")
            await pilot.press("R")
            await shown(pilot, lambda: len(hand.orders) == 2, "the second run")
            assert hand.orders[1].select == ("matrix_order_cache_down",)
            hand.give(Finished(None))
            await shown(pilot, lambda: not desk.busy, "the second run to end")
            await pilot.press("n", "right", "r")
            await shown(pilot, lambda: len(hand.orders) == 3, "the third run")
            assert hand.orders[2].select == ("matrix_order_db_down",)

    play(body)


def test_the_arrows_lead_through_all_tables(desk: Desk, hand: Any, plan: Any, results: Any, play: Play) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30)) as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and bool(hand.orders), "the run to end")
            board = pilot.app.screen
            assert isinstance(board, Board)
            for key, leads_to in (
                ("left", "matrix_order_cache_down"),
                ("down", ""),
                ("down", "test_order"),
                ("down", "test_login"),
                ("up", "test_order"),
                ("up", ""),
                ("right", "matrix_login_db_down"),
            ):
                await pilot.press(key)
                await shown(pilot, lambda name=leads_to: chosen(board) == name, f"{key} to lead to {leads_to}")

    play(body)


def test_a_running_cell_opens_and_begins_anew_when_it_is_run_again(
    desk: Desk, hand: Any, plan: Any, play: Play, spools: Any, tmp_path: Path
) -> None:
    first, second = tmp_path / "one" / "cases" / "1", tmp_path / "two" / "cases" / "1"
    for case in (first, second):
        (case / "logs").mkdir(parents=True)
    (first / "events.jsonl").write_text("".join(json.dumps(spools.event(n, "allow")) + "\n" for n in range(3)))
    info = plan.cases[0]

    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30)) as pilot:
            hand.give(plan, CaseStarted(info.id, 1, str(first)))
            await shown(pilot, lambda: len(desk.progress.running) == 1, "the case to run")
            await pilot.app.push_screen(CaseScreen(desk.progress.cells[info.id, 1], desk))
            events = pilot.app.screen.query_one(EventList)
            await shown(pilot, lambda: events.count == 3, "the trace")
            with (first / "events.jsonl").open("a") as file:
                file.write(json.dumps(spools.event(3, "deny(EIO)")) + "\n")
            await shown(pilot, lambda: events.count == 4, "the trace to grow")
            await pilot.press("slash")
            await shown(pilot, lambda: isinstance(pilot.app.focused, Input), "the filter")
            pilot.app.screen.query_one(Input).value = "decision=deny*"
            await pilot.press("enter")
            await shown(pilot, lambda: events.count == 1, "the filter")
            found = events.event_at(0)
            assert found is not None
            assert found.seq == 3
            (second / "events.jsonl").write_text(json.dumps(spools.event(1, "allow")) + "\n")
            hand.give(CaseStarted(info.id, 1, str(second)))
            await shown(pilot, lambda: events.count == 1 and events.event_at(0).seq == 1, "the new trace")  # type: ignore[union-attr]

    play(body)


def test_a_filter_that_is_none_is_answered(desk: Desk, hand: Any, plan: Any, results: Any, play: Play) -> None:
    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30), notifications=True) as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and bool(hand.orders), "the run to end")
            await pilot.press("enter")
            await shown(pilot, lambda: isinstance(pilot.app.screen, CaseScreen), "the case")
            await pilot.press("slash", *"decision", "enter")
            noted = pilot.app._notifications
            await shown(pilot, lambda: any("name=value" in note.message for note in noted), "the answer")

    play(body)


def test_leaving_asks_while_a_run_goes_and_waits_for_its_end(desk: Desk, hand: Any, plan: Any, play: Play) -> None:
    async def body() -> None:
        app = FaultboxApp(desk)
        async with app.run_test(size=(120, 30)) as pilot:
            hand.going()
            hand.give(plan)
            await shown(pilot, lambda: desk.going is not None, "the run to go")
            await pilot.press("q")
            await shown(pilot, lambda: isinstance(app.screen, Leaving), "the question")
            await pilot.press("n")
            await shown(pilot, lambda: not isinstance(app.screen, Leaving), "the question to be gone")
            assert hand.asked == []
            await pilot.press("ctrl+c")
            await shown(pilot, lambda: isinstance(app.screen, Leaving), "the question")
            await pilot.press("ctrl+c")
            await shown(pilot, lambda: hand.asked == [("interrupt", 2)], "the run to be asked to end")
            await pilot.press("ctrl+c")
            await shown(pilot, lambda: len(hand.asked) == 2, "the run to be killed")
            assert hand.asked == [("interrupt", 2), ("interrupt", 2)]
            assert app.is_running
            hand.give(Finished(None))
            await shown(pilot, lambda: not app.is_running or app._exit, "the window to close")

    play(body)


def test_leaving_is_at_once_where_no_run_goes(desk: Desk, hand: Any, plan: Any, results: Any, play: Play) -> None:
    async def body() -> None:
        app = FaultboxApp(desk)
        async with app.run_test() as pilot:
            hand.give(*whole(plan, results))
            await shown(pilot, lambda: not desk.busy and bool(hand.orders), "the run to end")
            await pilot.press("q")
            await shown(pilot, lambda: app._exit, "the window to close")

    play(body)


def test_a_thousand_cells_fill_in_the_order_of_the_spec(
    desk: Desk, hand: Any, play: Play, spools: Any, text_of: Any
) -> None:
    infos = [spools.cell(f"s{row:02}", f"f{column:02}") for row in range(50) for column in range(20)]
    plan = RunStarted(1, "cli", "orders.star", (), tuple(infos), (), (), ())

    async def body() -> None:
        async with FaultboxApp(desk).run_test(size=(120, 30)) as pilot:
            hand.give(*whole(plan, [spools.result(each, Verdict.PASSED) for each in infos[:-1]]))
            await shown(pilot, lambda: len(desk.progress.done) == 999 and not desk.busy, "the run to end")
            board = pilot.app.screen
            assert isinstance(board, Board)
            await pilot.press("ctrl+end", "end")
            await shown(pilot, lambda: board.chosen is not None and board.chosen.info is infos[-1], "the last cell")
            await shown(pilot, lambda: "s49" in text_of(pilot.app), "the last row")
            await shown(pilot, lambda: "s00" not in text_of(pilot.app), "the first row to be gone")

    play(body)
