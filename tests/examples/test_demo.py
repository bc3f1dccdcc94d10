"""examples/demo as its README runs it: built by make, all green, and each 503 from where the spec says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SPEC = "protocol-test.star"
IDLE = {"matrix_health_api_503", "matrix_health_slow_data", "matrix_health_degraded_api"}


def make(*words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {"PATH": path}
    return subprocess.run(["make", *words], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's directory, built, as a copy."""
    built = make("demo-bins")
    assert built.returncode == 0, built.stderr
    directory = tmp_path_factory.mktemp("demo") / "demo"
    shutil.copytree(REPOSITORY / "examples" / "demo", directory)
    return directory


def run(directory: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "faultbox", "test", SPEC, "--seed", "1", "--no-bundle", *words],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or done.stderr


@pytest.mark.root
@pytest.mark.xdist_group("demo")
def test_the_happy_path_alone(demo: Path) -> None:
    code, said = run(demo, "--test", "happy_path")
    assert code == 0, said
    assert "--- PASS: test_happy_path (" in said
    assert "1 passed, 0 failed" in said


@pytest.mark.root
@pytest.mark.xdist_group("demo")
def test_all_of_it(demo: Path) -> None:
    code, said = run(demo, "--format", "json")
    result = json.loads(said)
    cases = {case["id"]: case for case in result["cases"]}
    assert code == 0, {name: case["reason"] for name, case in cases.items()}
    assert {name for name, case in cases.items() if case["exercised"] is False} == IDLE
    assert fired(cases["write_gets_503"]) == {"response": 1}
    assert fired(cases["slow_reads"]) == {"delay": 2}
    assert fired(cases["matrix_write_and_read_degraded_api"]) == {"response": 1, "delay": 1}
    assert fired(cases["key_is_blocked"]) == {"response": 1}
    cascade = fired(cases["cascade_test"])
    assert cascade["response"] == 0
    assert cascade["write"] >= 2


def fired(case: dict[str, Any]) -> dict[str, int]:
    """How often each rule of a case fired, by its keyword."""
    return {rule["keyword"]: rule["fired"] for rule in case["rules"]}


def test_lima_run_says_what_it_needs(tmp_path: Path) -> None:
    for name in ("sh", "bash", "make", "sed", "sha256sum", "cut", "cat", "uname", "nproc", "grep"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    alone = make("lima-run", "CMD=faultbox test x.star", path=str(tmp_path))
    assert "needs Lima" in alone.stderr
    limactl = tmp_path / "limactl"
    limactl.write_text("#!/bin/sh\n")
    limactl.chmod(0o755)
    none = make("lima-run", "CMD=faultbox test x.star", path=str(tmp_path))
    assert "limactl start --name=faultbox --mount-writable" in none.stderr


def test_lima_run_runs_the_command_in_the_demo_s_directory(tmp_path: Path) -> None:
    limactl = tmp_path / "limactl"
    limactl.write_text('#!/bin/sh\ncase $1 in list) echo faultbox ;; *) echo "$@" ;; esac\n')
    limactl.chmod(0o755)
    done = make("lima-run", "CMD=faultbox test x.star --test y", path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "make --no-print-directory install demo-bins" in first
    assert second.startswith(
        f"shell --workdir={REPOSITORY}/examples/demo faultbox sudo env PATH={REPOSITORY}/.venv/bin:"
    )
    assert second.endswith(" faultbox test x.star --test y")
