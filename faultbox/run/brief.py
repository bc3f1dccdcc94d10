"""How much of a spec's and a service's text a result carries. Logs and trace of the bundle have all that was kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LINE = 450
"""Characters of a line of a log: with what tells its length, a line that is shown whole everywhere."""
TEXT = 16_000
"""Characters of a reason, and of one print()."""
PRINTED = 1_000_000
"""Characters of all that a case prints."""


def clipped(text: str, most: int = TEXT) -> str:
    """The text, or its beginning and how long it is."""
    return text if len(text) <= most else f"{text[:most]} ... ({len(text)} characters)"


def printed(texts: Iterable[str]) -> Iterator[str]:
    """What was printed, until it is too much."""
    room, texts = PRINTED, iter(texts)
    for text in texts:
        brief = clipped(text)
        room -= len(brief)
        if room < 0:
            yield f"... (and {1 + sum(1 for _ in texts)} more prints)"
            return
        yield brief
