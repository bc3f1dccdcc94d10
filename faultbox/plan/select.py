"""Which cases `--test` means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

_LISTED = 40
"""Names that an error lists; the rest is counted."""


class NothingSelected(Exception):
    """A pattern names no case. `advice` says what there is."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


def select(patterns: Sequence[str], groups: Mapping[str, str]) -> frozenset[str]:
    """The ids that the patterns mean; all where there are none. Raises NothingSelected.

    `groups` maps every id to its group (`matrix_order_creation` for a cell, "" for others). Each
    pattern is tried as an id, with `test_` before it or taken from it, then as a group (`matrix`
    is all cells), then as a glob.
    """
    if not groups:
        raise NothingSelected("the spec declares no tests", "add a function def test_...() or scenario(f)")
    if not patterns:
        return frozenset(groups)
    return frozenset(each for pattern in patterns for each in _meant(pattern, groups))


def _meant(pattern: str, groups: Mapping[str, str]) -> list[str]:
    for name in (pattern, f"test_{pattern}", pattern.removeprefix("test_")):
        if name in groups:
            return [name]
    found = [each for each, group in groups.items() if group and pattern in (group, "matrix")]
    found = found or [each for each in groups if fnmatchcase(each, pattern)]
    if not found:
        raise _unknown(pattern, groups)
    return found


def _unknown(pattern: str, groups: Mapping[str, str]) -> NothingSelected:
    names = [*groups, *sorted({group for group in groups.values() if group})]
    from difflib import get_close_matches

    near = get_close_matches(pattern, names, n=1) or [each for each in names if pattern in each][:1]
    listed = ", ".join(list(groups)[:_LISTED])
    more = f" and {len(groups) - _LISTED} more" if len(groups) > _LISTED else ""
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return NothingSelected(f"no test is called {pattern!r}{hint}", f"there are: {listed}{more}")
