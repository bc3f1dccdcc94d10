"""The fault matrix as a table: scenarios down, faults across."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from faultbox.cli.console.look import Look, cells, pad, visible
from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.progress import Cell, grids, worst

WORDS = {
    Verdict.PASSED: "PASS",
    Verdict.FAILED: "FAIL",
    Verdict.ERRORED: "ERROR",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.HALTED: "HALTED",
}
_LABELS = 16
"""The least width of the column of scenarios."""

Cells = Mapping[tuple[str, str], str]
Excluded = Sequence[tuple[int, str, str]]


def duration(milliseconds: float) -> str:
    """`12ms`, from ten seconds on `12.3s`."""
    return f"{milliseconds:.0f}ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f}s"


def tables(infos: Iterable[CaseInfo], results: Iterable[CaseResult], excluded: Excluded, look: Look) -> list[str]:
    """The lines of every matrix that has more than one cell in this run, a blank line before each."""
    done = {(each.info.matrix, each.info.id, each.info.run): each for each in results}
    planned = [Cell(info, result=done.get((info.matrix, info.id, info.run))) for info in infos]
    lines: list[str] = []
    for grid in grids(planned, excluded):
        shown = {pair: _cell([each.result for each in group if each.result]) for pair, group in grid.cells.items()}
        shown |= dict.fromkeys(grid.excluded, "— (excluded)")
        if len(shown) > 1:
            named = {(visible(row), visible(column)): word for (row, column), word in shown.items()}
            lines += _table([*map(visible, grid.rows)], [*map(visible, grid.columns)], named, look)
    return lines


def _cell(results: Sequence[CaseResult]) -> str:
    """`PASS (210ms)`, `○ PASS (3ms)`, `FAIL`; the worst of several runs, with how many it was."""
    verdict = worst(results)
    if verdict is None:
        return "not run"
    alike = [each for each in results if each.verdict is verdict]
    word = WORDS[verdict]
    if verdict is Verdict.PASSED:
        mean = sum(each.duration_ms for each in alike) / len(alike)
        word = f"{word} ({duration(mean)})"
        if any(each.exercised is False for each in alike):
            word = f"○ {word}"
    return word if len(results) == 1 else f"{word} {len(alike)}/{len(results)}"


@frozen
class _Grid:
    """How wide everything is: the column of scenarios, and each fault's."""

    label: int
    widths: Mapping[str, int]
    look: Look

    def rule(self, names: Sequence[str]) -> str:
        dashes = ["─" * (self.widths[name] + (1 if name == names[-1] else 2)) for name in names]
        return self.look.spell("┼".join(["─" * self.label, *dashes]))

    def line(self, row: str, words: Mapping[str, str], *, paint: bool) -> str:
        """The padding is outside of the colour, and the last column has none."""
        pieces = [pad(row, self.label)]
        last = [*words][-1]
        for name, word in words.items():
            padding = "" if name == last else " " * (self.widths[name] - cells(word) + 1)
            pieces.append(f" {_paint(word, self.look) if paint else word}{padding}")
        return self.look.spell("│").join(pieces).rstrip()


def _table(rows: Sequence[str], columns: list[str], shown: Cells, look: Look) -> list[str]:
    """One matrix, cut into several tables side by side where the terminal is too narrow for one."""
    widths = {name: max(cells(name), *(cells(shown.get((row, name), "")) for row in rows)) for name in columns}
    grid = _Grid(max(_LABELS, *map(cells, rows)) + 1, widths, look)
    lines: list[str] = []
    for part in _parts(columns, widths, grid.label, look.width):
        lines += ["", grid.line("", {name: name for name in part}, paint=False), grid.rule(part)]
        lines += [grid.line(row, {name: shown.get((row, name), "") for name in part}, paint=True) for row in rows]
    if any(text.startswith("○") for text in shown.values()):
        lines.append(look.dim(look.spell("○ not exercised: no fault of that cell fired")))
    return lines


def _parts(columns: list[str], widths: Mapping[str, int], label: int, limit: int | None) -> Iterator[list[str]]:
    """The columns in groups that fit the width, at least one each."""
    part: list[str] = []
    used = label
    for name in columns:
        need = widths[name] + 3
        if part and limit is not None and used + need > limit:
            yield part
            part, used = [], label
        part.append(name)
        used += need
    yield part


def _paint(word: str, look: Look) -> str:
    shown = look.spell(word)
    if word.startswith("PASS"):
        return look.good(shown)
    if word.startswith(("FAIL", "ERROR")):
        return look.bad(shown)
    if word.startswith(("○", "INCONCLUSIVE", "HALTED", "not run")):
        return look.doubtful(shown)
    return shown
