"""The one error of the language itself."""

from __future__ import annotations

from collections.abc import Iterable


class EvalError(Exception):
    """An operation that Starlark refuses; the text is the one that starlark-go would give."""


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The candidate a user most likely meant (case and `_` aside, less than half of it mistyped), or ""."""
    folded = _fold(name)
    best, distance = "", (len(folded) + 1) // 2
    for candidate in candidates:
        found = _distance(folded, _fold(candidate), distance)
        if found < distance:
            best, distance = candidate, found
    return best


def _fold(name: str) -> str:
    return name.lower().replace("_", "")


def _distance(x: str, y: str, limit: int) -> int:
    """Levenshtein's distance, or anything from limit on where it is not below."""
    if abs(len(x) - len(y)) >= limit:
        return limit
    row = list(range(len(y) + 1))
    for i, a in enumerate(x, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(y, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
