"""The one error of the language itself."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EvalError(Exception):
    """An operation that Starlark refuses; the text is the one that starlark-go would give."""


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The candidate a user most likely meant, or ""."""
    found = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return found[0] if found else ""
