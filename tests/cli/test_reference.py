"""docs/reference/cli.md names every command and flag that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")
COMMANDS = [
    "test",
    "tui",
    "check",
    "inspect",
    "diff",
    "verify",
    "judge",
    "merge",
    "replay",
    "report",
    "recover",
    "doctor",
    "version",
]


def flags_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help"}


def test_every_command_has_its_section() -> None:
    assert re.findall(r"^## faultbox (\w+)", PAGE, re.MULTILINE) == COMMANDS


def test_every_flag_is_there_and_no_other(faultbox: Callable[..., Any]) -> None:
    known = set().union(*(flags_in(faultbox(command, "--help").out) for command in COMMANDS))
    assert flags_in(PAGE) == known


def test_every_exit_code_is_there() -> None:
    from faultbox.model.exit import Exit

    table = PAGE[PAGE.index("## Exit codes") : PAGE.index("## Environment")]
    assert {int(code) for code in re.findall(r"\b\d+\b", table.split("Where several")[0])} == {
        int(each) for each in Exit
    }
