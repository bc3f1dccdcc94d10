"""The command line with a real run behind it: what it prints fits its schema, and a bundle replays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytestmark = pytest.mark.root

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/results.schema.json").read_text())
SPEC = """\
web = service("web", "/usr/bin/python3", interface("main", "http", 8080),
    args = ["-m", "http.server", "8080"], cwd = ".", healthcheck = tcp("localhost:8080"))

def listing():
    print("listing")
    return web.get(path = "/")

scenario(listing)

mute = fault_assumption("mute", target = web, write = deny("EPIPE", on = "socket"))
idle = fault_assumption("idle", target = web, rename = deny("EIO"))

fault_matrix(
    scenarios = [listing],
    faults = [mute, idle],
    default_expect = lambda r: assert_eq(r.status, 200),
)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "faultbox.star").write_text(SPEC)
    return tmp_path


def faultbox(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "faultbox", *arguments],
        cwd=place,
        env=os.environ | {"FAULTBOX_STATE_DIR": str(place / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    shape = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(shape)
    assert done.stderr == ""
    assert shape["exit"] == done.returncode
    return shape


def test_a_run_its_bundle_and_its_replay(place: Path) -> None:
    first = document(faultbox(place, "test", "--seed", "5", "--format", "json"))
    verdicts = {case["id"]: (case["verdict"], case["exercised"]) for case in first["cases"]}
    assert verdicts == {
        "test_listing": ("passed", None),
        "matrix_listing_mute": ("failed", True),
        "matrix_listing_idle": ("passed", False),
    }
    assert [dead["name"] for dead in first["dead_assumptions"]] == ["idle"]
    assert first["cases"][0]["prints"] == ["listing"]
    again = document(faultbox(place, "replay", first["bundle"], "--format", "json"))
    assert again["notes"][0].startswith("Same as recorded: 3 cases, ")
    assert "0 decisions" not in again["notes"][0]


def test_the_text_of_a_real_red_cell(place: Path) -> None:
    done = faultbox(place, "test", "--seed", "5", "--test", "mute", "--no-bundle", "--show", "fail")
    assert done.returncode == 2
    assert "matrix_listing_mute" in done.stdout
    done = faultbox(place, "test", "--seed", "5", "--test", "matrix_listing_mute", "--no-bundle", "--show", "fail")
    lines = done.stdout.splitlines()
    assert lines[0] == "Seed: 5 (cli)"
    assert lines[2].startswith("--- FAIL: matrix_listing_mute (")
    assert "  at faultbox.star:16:32 in lambda" in done.stdout
    assert "  web: write=deny(EPIPE, on='socket')  seen " in done.stdout
    assert "  replay: faultbox test faultbox.star --test matrix_listing_mute --seed 5" in lines
    assert lines[-1] == "1 passed, 1 failed"


def test_a_dry_run_and_a_check_leave_nothing(place: Path) -> None:
    assert document(faultbox(place, "test", "--dry-run", "--format", "json"))["verdict"] == "planned"
    assert faultbox(place, "check").stdout == "ok  faultbox.star: 1 service, 3 cases (2 of them matrix cells)\n"
    assert list((place / "state" / "runs").iterdir()) == []
    assert list(place.glob("*.fb")) == []


def test_problems_of_a_spec_come_all_at_once(place: Path) -> None:
    (place / "faultbox.star").write_text(SPEC + 'mute2 = fault_assumption("m", target = web, wriet = deny("EIO"))\n')
    shape = document(faultbox(place, "check", "--format", "json"))
    assert shape["verdict"] == "refused"
    assert len(shape["problems"]) >= 1
    text = faultbox(place, "check").stdout
    assert "did you mean" in text
    assert "^" in text
