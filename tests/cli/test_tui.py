"""What is left in the terminal after `faultbox tui`: of every case its latest run, and where that lies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultbox.cli.session import Signals
from faultbox.cli.tui import _show, summed_up
from faultbox.model.source import Position, Problem
from faultbox.model.update import CaseDone, RunDone, RunStarted, SpecRefused
from faultbox.model.verdict import DeadAssumption, RunResult, Verdict
from faultbox.tui import Desk, Finished
from faultbox.tui import Going as Started


@pytest.fixture
def runs() -> tuple[Desk, Callable[..., None]]:
    """A desk, and what lets it do one run after the other: their messages, and the cases that are chosen."""
    scripts: list[Sequence[object]] = []

    def launch(_: object, put: Callable[[object], None]) -> None:
        for each in scripts.pop(0):
            put(each)

    desk = Desk("x.star", launch)

    def run(*messages: object, select: Sequence[str] = (), plan_only: bool = False) -> None:
        scripts.append(messages)
        assert desk.start(select, plan_only=plan_only)
        while desk.busy:
            desk.wait(0.0)

    return desk, run


def planned(*infos: Any) -> RunStarted:
    return RunStarted(1, "cli", "x.star", (), infos, (), (), ())


def test_the_latest_run_of_every_case_counts_and_what_is_red_is_replayed_from_its_bundle(
    runs: Any, spools: Any
) -> None:
    desk, run = runs
    a, b = spools.info("test_a"), spools.info("test_b")
    red, also = spools.result(a, Verdict.FAILED), spools.result(b, Verdict.FAILED)
    dead = DeadAssumption("quiet", "x.star:1:1", ())
    whole = RunDone(RunResult(1, (red, also), dead=(dead,)))
    run(planned(a, b), CaseDone(red), CaseDone(also), whole, Finished(Path("/one.fb")))
    better = spools.result(a)
    run(planned(a), CaseDone(better), RunDone(RunResult(1, (better,))), Finished(Path("/two.fb")), select=["test_a"])
    outcome = summed_up(desk)
    assert outcome is not None
    assert outcome.result is not None
    assert [each.verdict for each in outcome.result.results] == [Verdict.PASSED, Verdict.FAILED]
    assert (outcome.bundle, outcome.notes) == (Path("/one.fb"), ("Another bundle: /two.fb",))
    assert outcome.result.dead == (dead,)
    assert outcome.exit == 1


def test_all_green_in_the_end_is_passed(runs: Any, spools: Any) -> None:
    desk, run = runs
    a = spools.info("test_a")
    red, green = spools.result(a, Verdict.FAILED), spools.result(a)
    run(planned(a), CaseDone(red), RunDone(RunResult(1, (red,))), Finished(Path("/one.fb")))
    run(planned(a), CaseDone(green), RunDone(RunResult(1, (green,))), Finished(Path("/two.fb")), select=["test_a"])
    outcome = summed_up(desk)
    assert outcome is not None
    assert (outcome.exit, outcome.bundle) == (0, Path("/two.fb"))


def test_results_of_a_former_spec_are_said_to_be_so(runs: Any, spools: Any) -> None:
    desk, run = runs
    a = spools.info("test_a")
    run(planned(a), CaseDone(spools.result(a)), RunDone(RunResult(1, ())), Finished(None))
    run(planned(a), RunDone(RunResult(1, ())), Finished(None), plan_only=True)
    outcome = summed_up(desk)
    assert outcome is not None
    assert outcome.result is not None
    assert [each.verdict for each in outcome.result.results] == [Verdict.PASSED]
    assert outcome.notes == ("These results are of the spec as it was before it was edited",)


def test_what_was_not_run_since_the_spec_was_edited_is_open(runs: Any, spools: Any) -> None:
    desk, run = runs
    a, b = spools.info("test_a"), spools.info("test_b")
    first = [spools.result(each) for each in (a, b)]
    run(planned(a, b), *map(CaseDone, first), RunDone(RunResult(1, tuple(first))), Finished(None))
    run(planned(a, b), RunDone(RunResult(1, ())), Finished(None), plan_only=True)
    again = spools.result(a)
    run(planned(a), CaseDone(again), RunDone(RunResult(1, (again,))), Finished(None), select=["test_a"])
    outcome = summed_up(desk)
    assert outcome is not None
    assert outcome.result is not None
    assert [(each.verdict, each.reason) for each in outcome.result.results] == [
        (Verdict.PASSED, ""),
        (Verdict.INCONCLUSIVE, "not run since the spec was edited: passed before"),
    ]
    assert (outcome.exit, outcome.notes) == (4, ())


def test_a_spec_that_cant_be_run_at_the_end_is_what_counts(runs: Any, spools: Any) -> None:
    desk, run = runs
    a = spools.info("test_a")
    run(planned(a), CaseDone(spools.result(a)), RunDone(RunResult(1, ())), Finished(None))
    refused = SpecRefused((Problem("SYNTAX", "oh", Position("x.star", 1)),))
    run(refused, Finished(None), plan_only=True)
    outcome = summed_up(desk)
    assert outcome is not None
    assert (outcome.exit, outcome.refusal) == (2, refused)


def test_where_nothing_was_planned_there_is_nothing_to_sum_up() -> None:
    assert summed_up(Desk("x.star", None, "")) is None


def test_bundles_go_into_a_directory(faultbox: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.cli.tui._check_terminal", lambda: None)
    ran = faultbox("tui", "faultbox.star", "--output", "x.fb")
    assert (ran.code, "not a directory" in ran.err) == (2, True)


def test_what_is_no_bundle_is_refused(faultbox: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.cli.tui._check_terminal", lambda: None)
    (here / "x.fb").write_text("no")
    assert faultbox("tui", "x.fb").code == 2
    assert "no such file" in faultbox("tui", "gone.fb").err


class Going:
    """A run that notes how it is asked to end."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.told = threading.Event()

    def interrupt(self, number: int) -> None:
        self.asked.append(number)
        self.told.set()


def test_a_window_that_breaks_leaves_its_run_ended_in_order() -> None:
    """Whatever it is that a terminal which is gone does to it, and however many signals come meanwhile."""
    going = Going()

    def launch(_: object, put: Callable[[object], None]) -> None:
        put(Started(going))  # type: ignore[arg-type]
        going.told.wait(30)
        put(Finished(None))

    def watch(desk: Desk) -> bool:
        desk.start()
        while desk.going is None:
            desk.drain(0.0)
        for _ in range(3):
            signal.raise_signal(signal.SIGHUP)
        raise OSError(5, "Input/output error")

    desk = Desk("x.star", launch)
    former = signal.getsignal(signal.SIGHUP)
    with pytest.raises(OSError, match="Input/output"):
        _show(watch, desk)
    assert (going.asked, desk.busy) == ([signal.SIGHUP], False)
    assert signal.getsignal(signal.SIGHUP) is former


def test_only_other_signals_than_a_hang_up_kill_when_they_come_again(capfd: pytest.CaptureFixture[str]) -> None:
    going = Going()
    with Signals() as asking:
        asking.pass_on_to(going)
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            signal.raise_signal(number)
    assert going.asked == [signal.SIGHUP, signal.SIGTERM]
    assert capfd.readouterr().err.count("stopping") == 2


def test_a_signal_is_obeyed_where_nobody_can_be_told() -> None:
    going, kept = Going(), os.dup(2)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.dup2(writing, 2)
        with Signals() as asking:
            asking.pass_on_to(going)
            signal.raise_signal(signal.SIGTERM)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(writing)
    assert going.asked == [signal.SIGTERM]
