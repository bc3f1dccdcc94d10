"""The tool as a user has it: the command, a spec in a directory, what it prints and leaves."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import faultbox

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_S = 60.0
PREAMBLE = f"""
PYTHON = "/usr/bin/python3"
PROGRAMS = "{PROGRAMS}"

def web(name, port, env = {{}}, **kwargs):
    full = {{"PORT": str(port)}}
    full.update(env)
    return service(name, PYTHON, interface("http", "http", port),
                   args = ["-I", "-S", PROGRAMS + "/web.py"], env = full,
                   healthcheck = http("http://localhost:%d/health" % port), **kwargs)

def echo(name, port, **kwargs):
    return service(name, PYTHON, interface("main", "tcp", port),
                   args = ["-I", "-S", PROGRAMS + "/echo.py"], env = {{"PORT": str(port)}},
                   healthcheck = tcp("localhost:%d" % port), **kwargs)
"""


@dataclass(frozen=True)
class Outcome:
    """What a finished run printed; `results` is its JSON where it was asked for."""

    code: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, Any]:
        shape: dict[str, Any] = json.loads(self.out)
        return shape

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        return {case["id"]: case for case in self.results["cases"]}

    def verdicts(self) -> dict[str, str]:
        return {name: case["verdict"] for name, case in self.cases.items()}


class Tool:
    """Runs the command in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self._living: list[subprocess.Popen[str]] = []

    def write(self, spec: str, name: str = "spec.star", *, preamble: bool = True) -> Path:
        path = self.directory / name
        path.write_text((PREAMBLE if preamble else "") + textwrap.dedent(spec))
        return path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin `faultbox …` without waiting."""
        env = {**os.environ, "FAULTBOX_STATE_DIR": str(self.state), "NO_COLOR": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "faultbox", *arguments],
            cwd=self.directory, env=env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._living.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> Outcome:
        out, err = process.communicate(timeout=PATIENCE_S)
        return Outcome(process.returncode, out, err)

    def run(self, *arguments: str) -> Outcome:
        return self.finish(self.start(*arguments))

    def test(self, spec: str, *arguments: str) -> Outcome:
        """`faultbox test` of this text, its results as JSON."""
        return self.run("test", str(self.write(spec)), "--format", "json", "--seed", "1", *arguments)

    def run_as_nobody(self, spec: Path, home: Path) -> Outcome:
        """`faultbox test` by uid 65534, with the system's Python and our sources copied to where it may read them."""
        sources = home / "sources"
        shutil.copytree(
            Path(faultbox.__file__).parent, sources / "faultbox", ignore=shutil.ignore_patterns("__pycache__")
        )
        site = Path(sysconfig.get_path("purelib"))
        for name in ("pyseccomp.py", "starlark_go"):
            found = next(each for each in (site / name, site / name.removesuffix(".py")) if each.exists())
            (shutil.copytree if found.is_dir() else shutil.copy)(found, sources / found.name)
        env = {
            "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(sources),
            "FAULTBOX_STATE_DIR": str(home / "state"), "NO_COLOR": "1",
        }  # fmt: skip
        process = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-m", "faultbox",
             "test", str(spec), "--seed", "1", "--no-bundle"],
            cwd=home, env=env, text=True, capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        return Outcome(process.returncode, process.stdout, process.stderr)

    def close(self) -> None:
        for process in self._living:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool]:
    made = Tool(tmp_path)
    yield made
    made.close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds; fails after a long while."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "it never came"
            time.sleep(0.01)

    return wait


@pytest.fixture
def descendants() -> Callable[[int], dict[int, str]]:
    """All processes below one, with their command lines."""

    def find(root: int) -> dict[int, str]:
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                parents[int(stat.parent.name)] = int(fields[1])
        found = {root}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        told: dict[int, str] = {}
        for pid in found - {root}:
            with contextlib.suppress(OSError):
                told[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return told

    return find
