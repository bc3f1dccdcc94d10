"""`faultbox merge` of real shards: every case once, and the verdict of the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SPEC = """\
web = service("web", "/usr/bin/python3", interface("main", "http", 8080),
    args = ["-m", "http.server", "8080"], cwd = ".", healthcheck = tcp("localhost:8080"))

def listing():
    return web.get(path = "/")

def missing():
    return web.get(path = "/nothing")

mute = fault_assumption("mute", target = web, write = deny("EPIPE", on = "socket"))
idle = fault_assumption("idle", target = web, rename = deny("EIO"))

fault_matrix(scenarios = [listing, missing], faults = [mute, idle], default_expect = lambda r: None)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "faultbox.star").write_text(SPEC)
    return tmp_path


def faultbox(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"FAULTBOX_STATE_DIR": str(place / "state"), "GITHUB_ACTIONS": ""}
    line = [sys.executable, "-m", "faultbox", *arguments]
    return subprocess.run(line, cwd=place, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.root
def test_shards_and_their_whole(place: Path) -> None:
    notes, codes = [], []
    for index in (1, 2, 3):
        part = ("--seed", "5", "--shard", f"{index}/3", "--output", f"{index}.fb", "--show", "none")
        done = faultbox(place, "test", *part)
        notes.append(done.stdout.splitlines()[1])
        codes.append(done.returncode)
    assert codes == [0, 0, 0], "no shard judges that nothing renames anywhere"
    assert notes[0].startswith("Shard 1/3: ")
    done = faultbox(place, "merge", "1.fb", "3.fb", "2.fb", "-o", "all.fb", "--json")
    assert done.stderr == ""
    shape: Any = json.loads(done.stdout)
    assert (done.returncode, shape["exit"], shape["errors"]) == (1, 1, [])
    assert [dead["name"] for dead in shape["dead_assumptions"]] == ["idle"]
    assert [case["id"] for case in shape["cases"]] == [
        "test_listing",
        "matrix_listing_mute",
        "matrix_listing_idle",
        "test_missing",
        "matrix_missing_mute",
        "matrix_missing_idle",
    ]
    whole = faultbox(place, "inspect", "all.fb").stdout
    assert "6 passed, 0 failed, 2 not exercised" in whole
    assert "dead assumption: idle (faultbox.star:11:8)" in whole
    partial = faultbox(place, "merge", "1.fb", "2.fb", "--no-bundle", "--show", "none", "--junit", "part.xml")
    assert partial.returncode == 3
    assert "missing: shard 3/3" in partial.stdout
    assert "missing: shard 3/3" in (place / "part.xml").read_text()


def test_what_can_t_be_merged(place: Path) -> None:
    done = faultbox(place, "merge", "faultbox.star")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a bundle" in done.stderr
    done = faultbox(place, "merge")
    assert "the following arguments are required: bundle" in done.stderr
