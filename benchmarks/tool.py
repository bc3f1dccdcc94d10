"""Running the tool itself, and programs beside it, in a scratch directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Bench:
    """A directory with the specs and the compiled loop program in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.loop = directory / "loop"
        subprocess.run(["gcc", "-O2", "-Wall", "-static", "-o", self.loop, HERE / "loop.c"], check=True)
        for spec in HERE.glob("*.star"):
            shutil.copy(spec, directory)

    def faultbox(self, spec: str, *flags: str) -> dict[str, Any]:
        """The results of `faultbox test`, with the seconds it took under `wall_s`. Raises unless it passed."""
        command = [sys.executable, "-m", "faultbox", "test", spec, "--no-bundle", "--format", "json", *flags]
        wall, output = self.timed(command)
        result: dict[str, Any] = json.loads(output)
        return result | {"wall_s": wall}

    def timed(self, command: Sequence[str | Path]) -> tuple[float, str]:
        """Seconds that a command takes, and what it prints. Raises where it fails."""
        begin = time.perf_counter()
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"{command} has ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return wall, done.stdout
