"""All that a screen shows of one case's files, read in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faultbox.evidence import BadBundle
from faultbox.model.frozen import frozen
from faultbox.tui.files import Place
from faultbox.tui.trace import Trace


@frozen
class Dossier:
    """`trace` is to be closed; None where it was not asked for, or there is none."""

    logs: Mapping[str, str]
    changed: Sequence[Mapping[str, Any]]
    trace: Trace | None


def read(place: Place | None, *, with_trace: bool) -> Dossier | None:
    """None where there is nothing to be read: a run may be put away at any moment."""
    files = place.open() if place is not None else None
    if files is None:
        return None
    try:
        with files:
            return Dossier(files.logs(), files.changed(), files.trace() if with_trace else None)
    except (OSError, BadBundle):
        return None
