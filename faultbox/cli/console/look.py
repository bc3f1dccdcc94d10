"""How text may look where it goes: colour, characters, width."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from typing import Protocol

from faultbox.model.frozen import frozen

FANCY = {"│": "|", "─": "-", "┼": "+", "○": "o", "—": "-", "×": "x", "✓": "ok", "✗": "no", "…": "...", "·": "."}
"""The characters of our own beyond ASCII, and what stands for them where they can't be shown."""

_GREEN, _RED, _YELLOW, _DIM, _BOLD = "32", "31", "33", "2", "1"


class Stream(Protocol):
    """As much of a text stream as decides how it looks."""

    @property
    def encoding(self) -> str: ...

    def isatty(self) -> bool: ...

    def fileno(self) -> int: ...


@frozen
class Look:
    """`width` is None where lines may be as long as they are. `live`: a terminal that can redraw lines."""

    colour: bool = False
    fancy: bool = True
    width: int | None = None
    live: bool = False

    def good(self, text: str) -> str:
        return self._paint(_GREEN, text)

    def bad(self, text: str) -> str:
        return self._paint(_RED, text)

    def doubtful(self, text: str) -> str:
        return self._paint(_YELLOW, text)

    def dim(self, text: str) -> str:
        return self._paint(_DIM, text)

    def bold(self, text: str) -> str:
        return self._paint(_BOLD, text)

    def spell(self, text: str) -> str:
        """Our own text, in characters that can be shown."""
        if self.fancy:
            return text
        return "".join(FANCY.get(each, each) for each in text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def look_of(stream: Stream, environ: Mapping[str, str]) -> Look:
    """What the stream can show, and what the user asked for (no-color.org, FORCE_COLOR, TERM=dumb)."""
    terminal = stream.isatty()
    dumb = environ.get("TERM") == "dumb"
    if environ.get("NO_COLOR"):
        colour = False
    elif environ.get("FORCE_COLOR"):
        colour = True
    else:
        colour = terminal and not dumb
    return Look(colour, _can_spell(stream.encoding), _width(stream, terminal, environ), terminal and not dumb)


def _can_spell(encoding: str) -> bool:
    try:
        "".join(FANCY).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(stream: Stream, terminal: bool, environ: Mapping[str, str]) -> int | None:
    """COLUMNS where it is set, else the terminal's own; None for files and pipes."""
    if environ.get("COLUMNS", "").isdecimal():
        return int(environ["COLUMNS"]) or None
    if not terminal:
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def cells(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(each) for each in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def pad(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def visible(text: str) -> str:
    """Text that came from a service or a spec: what could steer a terminal is shown as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\t" else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
