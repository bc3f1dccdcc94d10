"""A run that is over, from its bundle, which may be a stranger's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faultbox import evidence
from faultbox.evidence.bundle import Bundle
from faultbox.model.update import CaseDone, RunDone, RunStarted, Update
from faultbox.tui.desk import Desk


def desk_of(path: Path) -> Desk:
    """A desk that shows a bundle and can't run. Raises BadBundle, OSError."""
    desk = Desk(path.name)
    with evidence.open(path) as bundle:
        outcome = bundle.outcome()
        started = RunStarted(outcome.seed, "bundle", bundle.original, (), bundle.cases, _excluded(bundle), (), ())
    planned = {(each.id, each.run) for each in started.cases}
    results = [each for each in outcome.results if (each.info.id, each.info.run) in planned]
    updates: list[Update] = [started, *map(CaseDone, results), RunDone(outcome)]
    for update in updates:
        desk.progress.apply(update, 0.0)
    desk.dead = outcome.dead
    desk.keep(path, desk.progress.cells)
    return desk


def _excluded(bundle: Bundle) -> tuple[tuple[int, str, str], ...]:
    """The pairs that matrices leave out, as far as the bundle names them."""
    declared: Any = bundle.parsed("declared.json") if bundle.has("declared.json") else None
    pairs = declared.get("excluded") if isinstance(declared, dict) else None
    named = [each for each in pairs if isinstance(each, dict)] if isinstance(pairs, list) else []
    whole = [each for each in named if type(each.get("matrix")) is int]
    return tuple((each["matrix"], str(each.get("row")), str(each.get("column"))) for each in whole)
