"""The pool decides what runs when: controls first, nothing under a failed control, a starved case again and alone."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faultbox.link import Link
from faultbox.model.plan import Case, CaseInfo, Plan
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.model.update import CaseDone, CaseStarted
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run import pool
from faultbox.run.request import Request
from faultbox.run.starvation import STARVED

AT = Position("x.star", 1)
Outcome = Callable[[Case, int], CaseResult | None]


def case(name: str, control: str = "") -> Case:
    return Case(CaseInfo(name, "cell" if control else "scenario", "s", "", AT, 1, control=control), body=lambda: None)


def passed(of: Case, *notes: str, verdict: Verdict = Verdict.PASSED) -> CaseResult:
    return CaseResult(of.info, verdict, 1.0, reason="" if verdict is Verdict.PASSED else "red", notes=notes)


class Ground:
    """Instead of a world, a process that sends what `outcome` says for the nth run of a case."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self.group = None
        self.runs: list[str] = []

    def fork_world(self, of: Case, place: Path, link: Link, strangers: object) -> int:
        self.runs.append(of.id)
        result = self._outcome(of, self.runs.count(of.id))
        pid = os.fork()
        if pid == 0:
            if result is not None:
                link.send("done", result)
            os._exit(0 if result is not None else 7)
        return pid

    def bury(self, place: Path) -> None:
        pass


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., tuple[RunResult, Ground, list[object]]]]:
    links: list[Link] = []

    def go(
        outcome: Outcome,
        *cases: Case,
        fail_fast: bool = False,
        jobs: int = 4,
        front: Callable[[Link], None] | None = None,
    ) -> tuple[RunResult, Ground, list[object]]:
        spec = Spec(Path("x.star"), {}, (), (), (), {}, (), {})
        plan = Plan(spec, 1, "cli", cases, frozenset(), {}, fail_fast=fail_fast)
        request = Request(Path("x.star"), tmp_path, 1, jobs=1 if fail_fast else jobs)
        ours, theirs = Link.pair()
        links.extend((ours, theirs))
        ground = Ground(outcome)
        if front is not None:
            front(ours)
        result = pool.run(plan, request, ground, theirs)  # type: ignore[arg-type]
        return result, ground, [frame.body for frame in ours.pending() if frame is not None]

    yield go
    for link in links:
        link.close()


CONTROL, CELL, OTHER = case("test_s"), case("matrix_s_x", control="test_s"), case("test_t")


def test_a_control_runs_before_what_it_controls(run) -> None:
    result, ground, updates = run(lambda of, _: passed(of), CONTROL, CELL, OTHER)
    assert ground.runs.index("test_s") < ground.runs.index("matrix_s_x")
    assert [each.verdict for each in result.results] == [Verdict.PASSED] * 3
    assert [type(each) for each in updates].count(CaseStarted) == 3
    assert [type(each) for each in updates].count(CaseDone) == 3


def test_nothing_runs_under_a_control_that_failed(run) -> None:
    result, ground, _ = run(
        lambda of, _: passed(of, verdict=Verdict.FAILED if of is CONTROL else Verdict.PASSED), CONTROL, CELL, OTHER
    )
    assert "matrix_s_x" not in ground.runs
    verdicts = {each.info.id: each.verdict for each in result.results}
    assert verdicts == {
        "test_s": Verdict.FAILED, "matrix_s_x": Verdict.INCONCLUSIVE, "test_t": Verdict.PASSED
    }  # fmt: skip


def test_a_world_that_ends_without_a_verdict_errs_its_case_and_only_that(run) -> None:
    result, _, _ = run(lambda of, _: passed(of) if of is OTHER else None, CONTROL, OTHER)
    assert {each.info.id: each.verdict for each in result.results} == {
        "test_s": Verdict.ERRORED, "test_t": Verdict.PASSED
    }  # fmt: skip
    assert "exit code 7" in result.results[0].reason


def test_a_case_that_failed_on_a_starved_host_runs_again_and_only_that_counts(run) -> None:
    def starved_once(of: Case, number: int) -> CaseResult:
        if of is OTHER and number == 1:
            return dataclasses.replace(passed(of, STARVED, verdict=Verdict.FAILED), run_delay=0.3)
        return passed(of)

    result, ground, _ = run(starved_once, CONTROL, OTHER)
    assert ground.runs.count("test_t") == 2
    again = next(each for each in result.results if each.info.id == "test_t")
    assert again.verdict is Verdict.PASSED
    assert "ran twice" in again.notes[-1]


def test_a_case_that_fails_again_alone_has_failed(run) -> None:
    result, ground, _ = run(lambda of, _: passed(of, STARVED, verdict=Verdict.FAILED), OTHER)
    assert ground.runs == ["test_t", "test_t"]
    assert [each.verdict for each in result.results] == [Verdict.FAILED]


def test_fail_fast_starts_nothing_more(run) -> None:
    result, ground, _ = run(
        lambda of, _: passed(of, verdict=Verdict.FAILED), CONTROL, OTHER, case("test_u"), fail_fast=True
    )
    assert ground.runs == ["test_s"]
    assert result.warnings == ("2 of 3 cases have no verdict: stopped at the first failure",)


def test_results_are_on_disk_with_their_directory(run, tmp_path: Path) -> None:
    result, _, _ = run(lambda of, _: passed(of), CONTROL)
    assert (tmp_path / "cases" / result.results[0].directory / "result.json").is_file()


def test_a_user_may_change_their_mind_about_the_first_failure(run) -> None:
    _, ground, _ = run(
        lambda of, _: passed(of, verdict=Verdict.FAILED),
        CONTROL, OTHER, case("test_u"), jobs=1, front=lambda link: link.send("fail_fast", body=True),
    )  # fmt: skip
    assert ground.runs == ["test_s"]


def test_a_paused_run_starts_nothing_until_it_goes_on(run) -> None:
    at_the_pause: list[object] = []

    def go_on(link: Link) -> None:
        while not at_the_pause:
            frame = link.receive()
            assert frame is not None
            if isinstance(frame.body, CaseDone):
                at_the_pause.append(frame.body.result.info.id)
                link.send("pause", body=False)

    def front(link: Link) -> None:
        link.send("pause", body=True)
        threading.Thread(target=go_on, args=(link,)).start()

    result, ground, _ = run(lambda of, _: passed(of), CONTROL, OTHER, jobs=1, front=front)
    assert at_the_pause == ["test_s"]
    assert ground.runs == ["test_s", "test_t"]
    assert len(result.results) == 2


def test_an_interrupt_ends_a_paused_run(run) -> None:
    def front(link: Link) -> None:
        link.send("pause", body=True)
        link.send("interrupt", 2)

    result, _, _ = run(lambda of, _: passed(of), CONTROL, OTHER, jobs=1, front=front)
    assert result.interrupted == 2
    assert len(result.results) == 1


def test_more_worlds_may_be_asked_for_while_a_run_goes(run) -> None:
    _, _, updates = run(lambda of, _: passed(of), *map(case, "abcd"), jobs=1, front=lambda link: link.send("jobs", 4))
    started = [index for index, each in enumerate(updates) if isinstance(each, CaseStarted)]
    done = [index for index, each in enumerate(updates) if isinstance(each, CaseDone)]
    assert any(start < end for start, end in zip(started[1:], done, strict=False))


def test_what_starts_says_where_it_leaves_its_trace(run, tmp_path: Path) -> None:
    _, _, updates = run(lambda of, _: passed(of), CONTROL)
    started = next(each for each in updates if isinstance(each, CaseStarted))
    assert Path(started.directory) == tmp_path / "cases" / "0001-test_s"
    assert started.cgroup == ""
