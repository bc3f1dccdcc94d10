"""What a stream can show, and what a stranger's text may do there."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from faultbox.cli.console.case import source_lines
from faultbox.cli.console.look import FANCY, Look, cells, look_of, pad, visible


@dataclass
class Stream:
    encoding: str = "utf-8"
    terminal: bool = True

    def isatty(self) -> bool:
        return self.terminal

    def fileno(self) -> int:
        return 99


@pytest.mark.parametrize(
    ("terminal", "environ", "colour", "live"),
    [
        (True, {}, True, True),
        (False, {}, False, False),
        (True, {"NO_COLOR": "1"}, False, True),
        (True, {"NO_COLOR": ""}, True, True),
        (False, {"FORCE_COLOR": "1"}, True, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        (True, {"TERM": "dumb"}, False, False),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_and_life(terminal: bool, environ: dict[str, str], colour: bool, live: bool) -> None:
    look = look_of(Stream(terminal=terminal), environ)
    assert (look.colour, look.live) == (colour, live)


@pytest.mark.parametrize(
    ("encoding", "fancy"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("", False), ("nonsense", False)]
)
def test_characters(encoding: str, fancy: bool) -> None:
    assert look_of(Stream(encoding), {}).fancy is fancy


def test_every_stand_in_is_ascii() -> None:
    assert all(each.isascii() for each in FANCY.values())
    assert Look(fancy=False).spell("".join(FANCY)).isascii()


@pytest.mark.parametrize(
    ("terminal", "environ", "width"),
    [
        (True, {"COLUMNS": "60"}, 60),
        (False, {"COLUMNS": "60"}, 60),
        (False, {}, None),
        (True, {}, None),
        (True, {"COLUMNS": "x"}, None),
    ],
)
def test_width(terminal: bool, environ: dict[str, str], width: int | None) -> None:
    assert look_of(Stream(terminal=terminal), environ).width == width


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("注文", 4), ("cafe\u0301", 4), ("🙂", 2), ("a\u200bb", 2), ("", 0), ("é", 1)]
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width
    assert cells(pad(text, 9)) == 9


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 注文", "plain é 注文"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\tb\rc\x00", "a\tb\\rc\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("raw \udcff", "raw \\udcff"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "start", "end", "lines"),
    [
        ("    assert_eq(a, b)", 5, 20, ["    assert_eq(a, b)", "    ^^^^^^^^^^^^^^^"]),
        ("x = deny(1)", 5, 9, ["    x = deny(1)", "        ^^^^"]),
        ('m = "注文" + fail()', 12, 18, ['    m = "注文" + fail()', "                 ^^^^^^"]),
        ("\tfail()", 2, 8, ["    fail()", "    ^^^^^^"]),
        ("short", 99, 120, ["    short", "         ^"]),
        ("short", 3, 2, ["    short", "      ^"]),
        ("    x", 1, 2, ["    x", "    ^"]),
        ("", 1, 2, []),
        ("   ", 1, 2, []),
    ],
)
def test_carets_stand_under_what_they_mean(text: str, start: int, end: int, lines: list[str]) -> None:
    assert list(source_lines(text, start, end, Look())) == lines
