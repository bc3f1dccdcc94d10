"""A bundle as one HTML file that loads nothing: `evidence.report`.

Everything in a bundle is a stranger's text. It goes into the page as packed data (`blocks`), and the page's
modules (`web/`) make elements of it by setting text, never markup; a content security policy allows the
page's own script and style by their hashes and nothing else.
"""

from __future__ import annotations

from pathlib import Path

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.reporting.page import MOST_EVENTS, Report, write

__all__ = ["MOST_EVENTS", "Report", "report"]


def report(bundle: Bundle, path: Path, *, most_events: int = MOST_EVENTS) -> Report:
    """Write a bundle as a page, whole or not at all.

    `most_events`: of more the first and last ones of a case are kept, red cases first; the page and the
    answer say what is left out. Raises BadBundle, or OSError where the page can't be written.
    """
    return write(bundle, path, most_events)
