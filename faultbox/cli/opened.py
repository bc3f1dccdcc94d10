"""Opening the bundle that a command was given, and telling what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.cli.arguments import UsageError

if TYPE_CHECKING:
    from faultbox.evidence.bundle import Bundle
    from faultbox.model.verdict import CaseResult


@contextlib.contextmanager
def opened(name: str) -> Iterator[Bundle]:
    """A bundle for reading. What is wrong with it, now or while it is read, is a UsageError."""
    from faultbox import evidence

    try:
        with evidence.open(Path(name)) as bundle:
            yield bundle
    except evidence.BadBundle as error:
        raise UsageError(str(error)) from None
    except FileNotFoundError as error:
        if error.filename != name:
            raise
        raise UsageError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{name} is a directory", "name a .fb file") from None


def chosen(bundle: Bundle, names: Sequence[str]) -> list[CaseResult]:
    """The cases that names mean: ids with or without test_, groups and globs as of `--test`, or directories."""
    from faultbox.plan import NothingSelected
    from faultbox.plan.select import select

    results = bundle.outcome().results
    by_directory = {each.directory for each in results}
    groups = {each.info.id: f"matrix_{each.info.row}" if each.info.kind == "cell" else "" for each in results}
    patterns = [name for name in names if name not in by_directory]
    try:
        ids = select(patterns, groups) if patterns or not names else frozenset()
    except NothingSelected as error:
        raise UsageError(str(error), error.advice) from None
    return [each for each in results if each.info.id in ids or each.directory in names]
