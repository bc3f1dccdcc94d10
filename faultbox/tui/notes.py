"""What is to be said once a run is over."""

from __future__ import annotations

from collections.abc import Iterator

from faultbox.tui.desk import Desk


def notes(desk: Desk) -> Iterator[str]:
    """Dead assumptions, warnings and errors of the run, where its bundle is, and what went wrong after it."""
    result = desk.progress.result
    if result is not None:
        yield from (f"dead: {each.name} never fired" for each in result.dead)
        yield from (f"warning: {each}" for each in result.warnings)
        yield from (f"error: {each}" for each in result.errors)
    yield from desk.notes
    if desk.bundle is not None:
        yield f"bundle: {desk.bundle}"
