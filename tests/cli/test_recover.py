"""`faultbox recover`: bundles of runs that were killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence.spool import KILLED
from faultbox.model.verdict import Verdict


@pytest.fixture
def killed(command: Callable[..., list[str]]) -> None:
    """A run that was killed while its second case ran."""
    process = subprocess.Popen(command("test", "--seed", "9", script="waiting"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "--- PASS: test_a" not in (line := process.stdout.readline()):
        assert line, "the run ended before it was killed"
    process.kill()
    process.communicate()


@pytest.mark.usefixtures("killed")
def test_a_killed_run_becomes_a_bundle(faultbox: Any, here: Path, tmp_path: Path) -> None:
    ran = faultbox("recover")
    assert (ran.code, ran.out) == (0, "Bundle: run-2026-04-23T11-12-34-9.fb\n")
    with evidence.open(here / "run-2026-04-23T11-12-34-9.fb") as bundle:
        assert bundle.result("0001-test_a").verdict is Verdict.PASSED
        killed = bundle.result("0002-test_b")
        assert (killed.verdict, killed.reason) == (Verdict.ERRORED, KILLED)
        assert bundle.manifest["complete"] is False
    assert list((tmp_path / "state" / "runs").iterdir()) == []
    assert faultbox("recover").out == "Nothing to recover\n"


@pytest.mark.usefixtures("killed")
def test_list_changes_nothing(faultbox: Any, here: Path, tmp_path: Path) -> None:
    (run_dir,) = (tmp_path / "state" / "runs").iterdir()
    for _ in range(2):
        ran = faultbox("recover", "--list")
        expected = f"{run_dir.name}  2026-04-23T11:12:34Z  {here}/faultbox.star  seed 9  1 of 2 cases with a verdict\n"
        assert (ran.code, ran.out) == (0, expected)
    assert faultbox("recover", run_dir.name, "--output", "out/").out.startswith(f"Bundle: {here}/out/run-")


@pytest.mark.usefixtures("killed")
def test_a_name_that_is_none(faultbox: Any, here: Path) -> None:
    ran = faultbox("recover", "nothing")
    assert ran.code == 2
    assert ran.err == "faultbox: no dead run is named nothing\n  `faultbox recover --list` names them\n"


@pytest.mark.usefixtures("killed")
def test_a_run_that_ended_before_its_plan_is_removed(faultbox: Any, here: Path, tmp_path: Path) -> None:
    (run_dir,) = (tmp_path / "state" / "runs").iterdir()
    (run_dir / "plan.json").unlink()
    assert faultbox("recover", "--list").out == f"{run_dir.name}  ended before its plan was made\n"
    assert faultbox("recover").out == f"Removed: {run_dir.name} ended before its plan was made\n"
    assert not run_dir.exists()
