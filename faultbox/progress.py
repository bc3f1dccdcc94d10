"""A run as far as it has come, from its updates: what every view of it shows. Knows no terminal and does no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.update import (
    CaseDone,
    CaseStarted,
    Printed,
    Refused,
    RunDone,
    RunStarted,
    SpecRefused,
    Update,
)
from faultbox.model.verdict import CaseResult, RunResult, Verdict

Key = tuple[str, int]
"""A case's id, and which of several runs it is."""
WORST_FIRST = (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED, Verdict.PASSED)


@dataclass
class Cell:
    """One case: planned, running since a time (of the caller's clock, in s), or done. `prints`: lines of this run.

    There is one of a key, however often the case is run. `stale`: the spec has changed since it was. `so_far`: how
    often its rules have fired while it runs, where somebody looks (`run.armed`).
    """

    info: CaseInfo
    started: CaseStarted | None = None
    since: float = 0.0
    result: CaseResult | None = None
    prints: list[str] = field(default_factory=list)
    stale: bool = False
    so_far: int = 0

    @property
    def key(self) -> Key:
        return self.info.id, self.info.run

    def wait(self, info: CaseInfo) -> None:
        """It is planned anew: what came of it is forgotten."""
        self.info, self.started, self.result, self.stale, self.so_far = info, None, None, False, 0
        self.prints.clear()

    @property
    def running(self) -> bool:
        return self.started is not None and self.result is None

    @property
    def fired(self) -> int:
        """How often the rules of the case fired, as far as is known."""
        return sum(each.counts.fired for each in self.result.rules) if self.result is not None else self.so_far


@frozen
class Grid:
    """A fault matrix: scenarios down, faults across. Where cases run several times, a place has several cells.

    Not every pair is a case; `excluded` are those left out on purpose.
    """

    number: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Sequence[Cell]]
    excluded: frozenset[tuple[str, str]] = frozenset()


class Progress:
    """Feed it a run's updates in order. Times are of the caller's clock."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.result: RunResult | None = None
        self.refusal: SpecRefused | Refused | None = None
        self.cells: dict[Key, Cell] = {}
        self.prints: list[str] = []

    def apply(self, update: Update, now: float) -> Cell | None:
        """Take in what happened at that time; gives the cell that it changed, None where it changed none alone."""
        match update:
            case RunStarted():
                self.started = update
                self.result = self.refusal = None
                self.cells = {(info.id, info.run): self._waiting(info) for info in update.cases}
            case CaseStarted():
                cell = self.cells[update.id, update.run]
                cell.started, cell.since, cell.result, cell.so_far = update, now, None, 0
                cell.prints.clear()
                return cell
            case CaseDone():
                cell = self.cells[update.result.info.id, update.result.info.run]
                cell.result = update.result
                return cell
            case Printed(id="", text=text):
                self.prints.append(text)
            case Printed():
                return self._printed(update)
            case RunDone():
                self.result = update.result
            case SpecRefused() | Refused():
                self.refusal = update
        return None

    def rejoin(self, update: RunStarted) -> list[Cell]:
        """Some cases are run again: they wait anew, all others keep what came of them. Gives those cells."""
        again = [self._waiting(info) for info in update.cases]
        self.cells |= {cell.key: cell for cell in again}
        self.result = self.refusal = None
        return again

    def replan(self, update: RunStarted) -> None:
        """The spec was loaded again: the cases are these now, and what is known of them is of the former spec."""
        former = self.cells
        self.started, self.refusal = update, None
        self.cells = {(info.id, info.run): former.get((info.id, info.run), Cell(info)) for info in update.cases}
        for info in update.cases:
            cell = self.cells[info.id, info.run]
            cell.info, cell.stale = info, cell.result is not None

    def _waiting(self, info: CaseInfo) -> Cell:
        cell = self.cells.get((info.id, info.run)) or Cell(info)
        cell.wait(info)
        return cell

    def _printed(self, update: Printed) -> Cell | None:
        """Several runs of a case may go at once, and a line does not say of which it is: the first one gets it."""
        cell = next((each for each in self.running if each.info.id == update.id), None)
        if cell is not None:
            cell.prints.append(update.text)
        return cell

    @property
    def over(self) -> bool:
        return self.result is not None or self.refusal is not None

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.refusal.problems if isinstance(self.refusal, SpecRefused) else ()

    @property
    def running(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if cell.running]

    @property
    def done(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if cell.result is not None]

    @property
    def stale(self) -> list[Cell]:
        """Those of which only is known how they were before the spec was edited."""
        return [cell for cell in self.cells.values() if cell.stale]

    @property
    def results(self) -> list[CaseResult]:
        """What came out of the spec as it is now."""
        return [cell.result for cell in self.cells.values() if cell.result is not None and not cell.stale]

    def count(self, verdict: Verdict) -> int:
        return sum(each.verdict is verdict for each in self.results)

    @property
    def not_exercised(self) -> int:
        """Passed cases none of whose faults fired."""
        return sum(each.verdict is Verdict.PASSED and each.exercised is False for each in self.results)

    def grids(self) -> list[Grid]:
        """The matrices of the run, in the order of the spec."""
        return grids(self.cells.values(), self.started.excluded if self.started is not None else ())

    def beside(self) -> list[Cell]:
        """The cases that belong to no matrix, in the order of the plan."""
        return [cell for cell in self.cells.values() if cell.info.matrix < 0]


def grids(cells: Iterable[Cell], excluded: Iterable[tuple[int, str, str]]) -> list[Grid]:
    """The matrices that these cells are of, with the pairs that were left out."""
    by_matrix: dict[int, dict[tuple[str, str], list[Cell]]] = {}
    for cell in cells:
        if cell.info.matrix >= 0:
            place = by_matrix.setdefault(cell.info.matrix, {}).setdefault((cell.info.row, cell.info.column), [])
            place.append(cell)
    left_out: dict[int, list[tuple[str, str]]] = {}
    for number, row, column in excluded:
        left_out.setdefault(number, []).append((row, column))
    return [_grid(number, places, left_out.get(number, [])) for number, places in by_matrix.items()]


def _grid(number: int, places: Mapping[tuple[str, str], Sequence[Cell]], left_out: list[tuple[str, str]]) -> Grid:
    rows = tuple(dict.fromkeys(row for row, _ in places))  # a row of which no cell was chosen is no part of this run
    order = [*places, *(pair for pair in left_out if pair[0] in rows and pair not in places)]
    return Grid(number, rows, tuple(columns(order)), places, frozenset(pair for pair in left_out if pair[0] in rows))


def columns(order: Iterable[tuple[str, str]]) -> list[str]:
    """All faults in the order of the spec, though no row needs to have them all."""
    found: list[str] = []
    rows: dict[str, list[str]] = {}
    for row, column in order:
        rows.setdefault(row, []).append(column)
    for names in rows.values():
        place = 0
        for name in names:
            if name not in found:
                found.insert(place, name)
            place = found.index(name) + 1
    return found


def worst(results: Iterable[CaseResult]) -> Verdict | None:
    """The verdict that stands for several runs of one case; None where there is none yet."""
    return min((each.verdict for each in results), key=WORST_FIRST.index, default=None)
