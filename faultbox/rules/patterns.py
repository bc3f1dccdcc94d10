"""Globs over what messages say: paths, words, texts.

`?` is one character and `*` any run of them; all else is literal. In a `path` neither crosses a
slash, except `**` and a `*` at the very end: `/api/*/orders` meets `/api/v1/orders`, `/data/*`
meets `/data/a/b`. A `word` is compared whatever its case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from faultbox.model.match import fits
from faultbox.model.protocols import Glob

Test = Callable[[str], bool]

_TOKEN = re.compile(r"\*\*|\*$|\*|\?|[^*?]+", re.DOTALL)
_IN_PATH = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=4096)
def tester(glob: Glob, pattern: str) -> Test:
    """A glob as a predicate. `own` globs are the protocol's: they have none here (ValueError)."""
    if glob == "path":
        return _path(pattern)
    if glob == "word":
        folded = pattern.casefold()
        return lambda value: fits(value.casefold(), folded)
    if glob == "text":
        if "*" not in pattern and "?" not in pattern:
            return pattern.__eq__
        return lambda value: fits(value, pattern)
    raise ValueError(f"a glob of kind {glob!r} is compared by its protocol")


def _path(pattern: str) -> Test:
    if "*" not in pattern and "?" not in pattern:
        return pattern.__eq__
    last = len(pattern) - 1
    expression = "".join(
        ".*" if found[0] == "*" and found.start() == last else _IN_PATH.get(found[0]) or re.escape(found[0])
        for found in _TOKEN.finditer(pattern)
    )
    match = re.compile(expression, re.DOTALL).fullmatch
    return lambda value: match(value) is not None
