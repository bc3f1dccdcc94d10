"""What the tables of clients share: programs in Go are built once, where there is a Go that can."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_GO = (1, 21)
"""From that version on Go fetches the version that a module asks for."""


@pytest.fixture(scope="session")
def go_build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives the program that the Go module in a directory is; skips where Go is missing."""

    def build(module: Path) -> Path:
        if shutil.which("go") is None or _version() < _GO:
            pytest.skip(f"needs Go {_GO[0]}.{_GO[1]} or newer, for {module.name}: a client in a second language")
        program = tmp_path_factory.mktemp(module.name) / module.name
        done = subprocess.run(
            ["go", "build", "-o", program, "."], cwd=module, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return program

    return build


def _version() -> tuple[int, int]:
    done = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True)
    found = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
