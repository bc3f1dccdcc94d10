"""A run's updates add up to what a view shows of it."""

from __future__ import annotations

from faultbox.model.fault import Counts
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Position
from faultbox.model.update import CaseDone, CaseStarted, Printed, Refused, RunDone, RunStarted
from faultbox.model.verdict import CaseResult, RuleReport, RunResult, Verdict
from faultbox.progress import Progress, worst

AT = Position("x.star", 1)


def info(name: str, *, run: int = 1, matrix: int = -1, row: str = "", column: str = "") -> CaseInfo:
    return CaseInfo(name, "cell" if matrix >= 0 else "test", "s", "", AT, 1, run, row=row, column=column, matrix=matrix)


def started(*infos: CaseInfo, excluded: tuple[tuple[int, str, str], ...] = ()) -> RunStarted:
    return RunStarted(1, "cli", "x.star", ("db",), infos, excluded, (), ())


def result(of: CaseInfo, verdict: Verdict = Verdict.PASSED, *, fired: int | None = None) -> CaseResult:
    rules = () if fired is None else (RuleReport("r", "db", "db", "write", "a", "", "", "", "", Counts(9, 9, fired)),)
    return CaseResult(of, verdict, 5.0, rules=rules, exercised=None if fired is None else bool(fired))


A, B = info("a"), info("b")


def test_a_case_is_planned_then_runs_then_is_done() -> None:
    progress = Progress()
    assert progress.apply(started(A, B), 0.0) is None
    assert [each.running for each in progress.cells.values()] == [False, False]
    cell = progress.apply(CaseStarted("a", 1, "/spool/a", "/cgroup/a"), 2.5)
    assert cell is progress.cells["a", 1]
    assert (cell.running, cell.since, progress.running) == (True, 2.5, [cell])
    assert progress.apply(CaseDone(result(A, fired=3)), 4.0) is cell
    assert (cell.running, cell.fired, progress.done, progress.count(Verdict.PASSED)) == (False, 3, [cell], 1)


def test_a_case_that_starts_again_is_not_done_any_more() -> None:
    progress = Progress()
    for update in (started(A), CaseStarted("a", 1), Printed("a", "one"), CaseDone(result(A, Verdict.FAILED))):
        progress.apply(update, 0.0)
    progress.apply(CaseStarted("a", 1), 7.0)
    assert progress.count(Verdict.FAILED) == 0
    assert progress.cells["a", 1].prints == []


def test_prints_go_to_the_case_that_runs_or_to_the_run() -> None:
    progress = Progress()
    for update in (
        Printed("", "loading"),
        started(A, B),
        CaseStarted("b", 1),
        Printed("b", "hello"),
        Printed("a", "?"),
    ):
        progress.apply(update, 0.0)
    assert progress.prints == ["loading"]
    assert [each.prints for each in progress.cells.values()] == [[], ["hello"]]


def test_not_exercised_is_counted_among_the_passed() -> None:
    progress = Progress()
    for update in (started(A, B), CaseDone(result(A, fired=0)), CaseDone(result(B))):
        progress.apply(update, 0.0)
    assert (progress.count(Verdict.PASSED), progress.not_exercised) == (2, 1)


def test_matrices_keep_the_order_of_the_spec_and_know_what_was_left_out() -> None:
    cells = [
        info("1", matrix=0, row="read", column="slow"),
        info("2", matrix=0, row="write", column="down"),
        info("3", matrix=0, row="write", column="slow"),
        info("3", run=2, matrix=0, row="write", column="slow"),
    ]
    progress = Progress()
    progress.apply(started(A, *cells, excluded=((0, "read", "full"), (0, "unchosen", "full"), (1, "x", "y"))), 0.0)
    (grid,) = progress.grids()
    assert (grid.rows, grid.columns) == (("read", "write"), ("down", "slow", "full"))
    assert [each.info.run for each in grid.cells["write", "slow"]] == [1, 2]
    assert grid.excluded == {("read", "full")}
    assert [each.info.id for each in progress.beside()] == ["a"]


def test_the_worst_of_several_runs_stands_for_them() -> None:
    assert worst([]) is None
    assert worst([result(A), result(A, Verdict.INCONCLUSIVE), result(A, Verdict.FAILED)]) is Verdict.FAILED


def test_a_run_is_over_when_it_says_so_or_was_refused() -> None:
    done, refused = Progress(), Progress()
    assert not done.over
    done.apply(RunDone(RunResult(1, ())), 0.0)
    refused.apply(Refused("no", "do this", 2), 0.0)
    assert (done.over, refused.over, refused.problems) == (True, True, ())
