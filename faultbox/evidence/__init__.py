"""What a run leaves for people: a spool while it goes, a bundle after it, and replaying one.

The doors are `pack`, `open` and `report`. `place` has the directories of runs, `replay` the comparison of
two runs. Zip files and records are imported when they are used: a run's start does not wait for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.evidence.errors import BadBundle, Unreadable

if TYPE_CHECKING:
    from faultbox.evidence.bundle import Bundle
    from faultbox.evidence.reporting import Report

__all__ = ["BadBundle", "Unreadable", "open", "pack", "report"]


def pack(run_dir: Path, path: Path) -> Path:
    """Make a bundle of a spool in a directory or as a file; returns where it is.

    In a directory it is named by when the run began and its seed, and nothing is overwritten; a
    file is replaced. Raises OSError, or Unreadable where the spool has no plan.
    """
    from faultbox.evidence import packing

    return packing.pack(run_dir, path)


def open(path: Path) -> Bundle:  # noqa: A001 - the door's name
    """A bundle for reading, to be closed or used in `with`. Raises BadBundle, or OSError where it can't be read."""
    from faultbox.evidence.bundle import Bundle

    return Bundle(path)


def report(bundle: Bundle, path: Path, *, most_events: int | None = None) -> Report:
    """Write one HTML page that shows a bundle offline, whole or not at all; a file there is replaced.

    Of more than `most_events` events (None: as many as a browser holds with ease) the first and last of each case
    are kept, red cases first; what is left out is told by the page and by the answer. Raises BadBundle or OSError.
    """
    from faultbox.evidence import reporting

    return reporting.report(bundle, path, most_events=most_events or reporting.MOST_EVENTS)
