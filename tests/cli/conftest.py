"""The command line with a run behind it that does as it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from faultbox.cli import main

_FAKE = Path(__file__).with_name("fake_run.py")
SPEC = 'db = 1\nx = deny("EI")\n'


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def fakes(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    return module_at(_FAKE)


@pytest.fixture
def spools(fakes: ModuleType) -> ModuleType:
    module: ModuleType = fakes.spools
    return module


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory with a spec, where the command is called; its own state directory is elsewhere."""
    place = tmp_path / "here"
    place.mkdir()
    (place / "faultbox.star").write_text(SPEC)
    monkeypatch.chdir(place)
    monkeypatch.setenv("FAULTBOX_STATE_DIR", str(tmp_path / "state"))
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def faultbox(
    here: Path, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Call the command in this process, with a scripted run behind it."""
    requests: list[object] = []

    def call(*arguments: str, script: str = "passing") -> Ran:
        def start(request: object, _: object) -> object:
            requests.append(request)
            return fakes.FakeRun(request, fakes.SCRIPTS[script])

        monkeypatch.setattr("faultbox.run.start", start)
        monkeypatch.setattr("faultbox.run.early.Runner", nullcontext)
        code = main(arguments)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    call.requests = requests  # type: ignore[attr-defined]
    call.fakes = fakes  # type: ignore[attr-defined]
    return call


@pytest.fixture
def command(here: Path) -> Callable[..., list[str]]:
    """The command line that runs the command with a scripted run in a process of its own."""

    def line(*arguments: str, script: str = "passing") -> list[str]:
        return [sys.executable, str(_FAKE), script, "--", *arguments]

    return line


@pytest.fixture
def spawn(command: Callable[..., list[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, script: str = "passing", **environ: str) -> subprocess.CompletedProcess[str]:
        line = command(*arguments, script=script)
        return subprocess.run(line, capture_output=True, text=True, env=os.environ | environ, timeout=60, check=False)

    return run
