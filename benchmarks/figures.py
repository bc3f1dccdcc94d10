"""What a benchmark gives, and how it is shown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table: ours and the alternative's in the same unit, and what DESIGN promises.

    `limit` bounds ours, `ratio_limit` bounds ours / theirs; `ratio_floor` bounds it from below, where more is better.
    """

    what: str
    ours: float
    unit: str
    theirs: float | None = None
    beside: str = ""
    limit: float | None = None
    ratio_limit: float | None = None
    ratio_floor: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.theirs else None

    @property
    def holds(self) -> bool:
        if self.limit is not None and self.ours > self.limit:
            return False
        if self.ratio_limit is None and self.ratio_floor is None:
            return True
        least, most = self.ratio_floor or 0, self.ratio_limit or math.inf
        return self.ratio is not None and least <= self.ratio <= most

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "holds": self.holds}


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def table(figures: Iterable[Figure]) -> str:
    head = ("what", "ours", "alternative", "", "ratio", "to hold", "")
    rows = [head, *(_row(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(figure: Figure) -> tuple[str, ...]:
    theirs = "-" if figure.theirs is None else f"{figure.theirs:.4g} {figure.unit}"
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.3g}x"
    bounds = []
    if figure.limit is not None:
        bounds.append(f"<= {figure.limit:g} {figure.unit}")
    if figure.ratio_limit is not None:
        bounds.append(f"<= {figure.ratio_limit:.3g}x")
    if figure.ratio_floor is not None:
        bounds.append(f">= {figure.ratio_floor:.3g}x")
    verdict = "holds" if figure.holds else "DOES NOT HOLD"
    return (
        figure.what,
        f"{figure.ours:.4g} {figure.unit}",
        theirs,
        figure.beside,
        ratio,
        ", ".join(bounds) or "-",
        verdict if bounds else "",
    )
