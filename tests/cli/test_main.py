"""The command itself: its help, its speed, and its answers to mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import __version__, cli

SEE_HELP = "  see `faultbox test --help`\n"
HEAVY = {
    "rich",
    "starlark_go",
    "tree_sitter",
    "pyseccomp",
    "asyncio",
    "ctypes",
    "subprocess",
    "json",
    "zipfile",
    "dataclasses",
    "socket",
}


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from faultbox.cli import main; main(['--help']); print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert "faultbox.cli.test" in modules
    assert HEAVY & modules == set()
    assert not {each for each in modules if each.startswith(("faultbox.spec", "faultbox.run", "faultbox.linux"))}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["tets"], "faultbox: unknown command tets\n  did you mean test?\n"),
        (["zzz"], f"faultbox: unknown command zzz\n  known: {', '.join(sorted(cli._COMMANDS))}\n"),
        (["test", "--sede", "3"], "faultbox: unknown flag --sede\n  did you mean --seed?\n"),
        (["test", "--sede=3"], "faultbox: unknown flag --sede\n  did you mean --seed?\n"),
        (["test", "--xyzzy"], "faultbox: unknown flag --xyzzy\n  see --help for the flags there are\n"),
        (["test", "--see", "3"], "faultbox: unknown flag --see\n  did you mean --seed?\n"),
        (["test", "faultbox.star", "more"], "faultbox: unexpected argument more\n"),
        (["test", "--seed"], "faultbox: argument --seed: expected one argument\n  see `faultbox test --help`\n"),
        (
            ["test", "--seed", "x"],
            f"faultbox: argument --seed: 'x' is no seed: write a whole number from 0 to {2**63 - 1}\n{SEE_HELP}",
        ),
        (
            ["test", "--timeout", "5"],
            "faultbox: argument --timeout: '5' is no duration: write 500ms, 30s or 2m\n  see `faultbox test --help`\n",
        ),
        (
            ["test", "-j", "0"],
            "faultbox: argument -j/--jobs: '0' is no number of times: write 1 or more\n  see `faultbox test --help`\n",
        ),
        (["test", "faltbox.star"], "faultbox: faltbox.star: no such file\n  did you mean faultbox.star?\n"),
        (["test", "no/where.star"], "faultbox: no/where.star: no such file\n  there is no directory no\n"),
        (["test", "."], "faultbox: . is a directory\n  did you mean faultbox.star?\n"),
    ],
)
def test_mistakes_are_answered(faultbox: Callable[..., Any], arguments: list[str], text: str) -> None:
    ran = faultbox(*arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", text)


def test_no_spec_at_all(faultbox: Callable[..., Any], here: Path) -> None:
    (here / "faultbox.star").unlink()
    ran = faultbox("test")
    assert ran.code == 2
    assert ran.err.startswith("faultbox: no spec was named and there is no faultbox.star here\n")


def test_no_command_is_answered_with_the_help(faultbox: Callable[..., Any]) -> None:
    ran = faultbox()
    assert ran.code == 2
    assert ran.out.startswith("usage: faultbox [-h] [--version] COMMAND ...")


def test_help_of_a_command(faultbox: Callable[..., Any]) -> None:
    ran = faultbox("test", "--help")
    assert ran.code == 0
    assert "--no-control" in ran.out


def test_version(faultbox: Callable[..., Any]) -> None:
    import json
    import os

    assert faultbox("--version").out == f"faultbox {__version__}\n"
    assert faultbox("version").out.splitlines()[0] == f"faultbox {__version__}"
    assert json.loads(faultbox("version", "--format", "json").out)["kernel"] == os.uname().release


def test_check(faultbox: Callable[..., Any], here: Path) -> None:
    ran = faultbox("check", script="dry")
    assert (ran.code, ran.out) == (0, "ok  faultbox.star: 3 services, 2 cases (1 of them matrix cells)\n")
    assert faultbox.requests[0].dry_run  # type: ignore[attr-defined]
    assert [each.name for each in here.iterdir()] == ["faultbox.star"]


def test_check_of_a_spec_that_is_wrong(faultbox: Callable[..., Any]) -> None:
    ran = faultbox("check", script="misspelt")
    assert ran.code == 2
    assert "2 problems: nothing was started" in ran.out
