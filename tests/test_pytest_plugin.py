"""Specs as pytest's tests: what is collected, what a red cell shows, and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SPEC = """\
web = service("web", "/usr/bin/python3", interface("main", "http", 8080),
    args = ["-m", "http.server", "8080"], cwd = ".", healthcheck = tcp("localhost:8080"))

def listing():
    print("listing it")
    return web.get(path = "/")

mute = fault_assumption("mute", target = web, write = deny("EPIPE", on = "socket"))
idle = fault_assumption("idle", target = web, rename = deny("EIO"))
fault_matrix(scenarios = [listing], faults = [mute, idle], default_expect = lambda r: assert_eq(r.status, 200))
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "faultbox.star").write_text(SPEC)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.fixture
def run(place: Path) -> Run:
    def pytest_of(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environ |= {"FAULTBOX_STATE_DIR": str(place / "state"), "COLUMNS": "120"}
        line = [sys.executable, "-m", "pytest", "-p", "faultbox.pytest_plugin", *arguments]
        return subprocess.run(line, cwd=place, env=environ, capture_output=True, text=True, timeout=120, check=False)

    return pytest_of


@pytest.mark.root
def test_cells_are_items_and_red_ones_explain_themselves(run: Run, place: Path) -> None:
    done = run("--faultbox-seed", "5", "-rA")
    assert done.returncode == 1, done.stdout
    lines = done.stdout.splitlines()
    assert "  reason: assert_eq failed: 0 != 200" in lines
    assert "    web: rename=deny(EIO)  seen 0, matched 0, fired 0"[2:] in lines
    assert "  replay: faultbox test faultbox.star --test matrix_listing_mute --seed 5" in lines
    assert "PASSED faultbox.star::test_listing" in lines
    assert "PASSED faultbox.star::matrix_listing_idle" in lines
    assert any(line.startswith("FAILED faultbox.star::matrix_listing_mute") for line in lines)
    assert any(line.startswith("FAILED faultbox.star::assumptions - dead assumption: idle") for line in lines)
    assert (place / ".pytest_cache" / "d" / "faultbox" / "faultbox.fb").exists()
    assert list((place / "state" / "runs").iterdir()) == []


@pytest.mark.root
def test_a_part_of_the_cases_says_nothing_of_assumptions(run: Run, place: Path) -> None:
    done = run("-k", "test_listing or assumptions", "--faultbox-output", "bundles")
    assert (done.returncode, "2 passed, 2 deselected" in done.stdout) == (0, True), done.stdout
    assert len(list((place / "bundles").glob("*.fb"))) == 1


@pytest.mark.root
def test_stopping_at_the_first_failure_ends_the_run(run: Run, place: Path) -> None:
    done = run("-x", "-k", "mute or idle")
    assert "1 failed" in done.stdout
    assert list((place / "state" / "runs").iterdir()) == []


@pytest.mark.root
def test_beside_xdist_each_item_is_a_run_of_its_own(run: Run) -> None:
    done = run("-n", "2", "-rs")
    assert "1 failed, 2 passed, 1 skipped" in done.stdout, done.stdout
    assert "xdist has dealt them to several processes" in done.stdout


def test_only_specs_that_are_named_or_configured_are_collected(run: Run, place: Path) -> None:
    (place / "other.star").write_text("def test_other():\n    assert_eq(1, 1)\n")
    (place / "BUILD.star").write_text("not ( a spec")
    collected = run("--collect-only", "-q").stdout
    assert "faultbox.star::matrix_listing_mute" in collected
    assert "other.star" not in collected
    assert "other.star::test_other" in run("--collect-only", "-q", "other.star").stdout
    assert "other.star::test_other" in run("--collect-only", "-q", "-o", "faultbox_specs=o*.star").stdout


def test_a_broken_spec_is_an_error_of_its_collection(run: Run, place: Path) -> None:
    (place / "faultbox.star").write_text('x = deny("ENSPC")\n')
    done = run()
    assert done.returncode == 2
    assert "[UNKNOWN_ERRNO]" in done.stdout
    assert "did you mean 'ENOSPC'?" in done.stdout
    assert list((place / "state" / "runs").iterdir()) == []
