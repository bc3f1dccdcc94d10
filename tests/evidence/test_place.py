"""Where spools are, whose they are, and how they go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faultbox.evidence import place


def test_the_state_directory_is_the_one_that_was_named(tmp_path: Path) -> None:
    named = {"FAULTBOX_STATE_DIR": str(tmp_path / "a"), "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    assert place.state_dir(named) == tmp_path / "a"


def test_else_it_follows_xdg(tmp_path: Path) -> None:
    assert place.state_dir({"XDG_STATE_HOME": str(tmp_path), "HOME": "/root"}) == tmp_path / "faultbox"
    assert place.state_dir({"HOME": str(tmp_path)}) == tmp_path / ".local/state/faultbox"


def test_a_relative_xdg_directory_is_ignored_as_its_rules_say(tmp_path: Path) -> None:
    assert place.state_dir({"XDG_STATE_HOME": "state", "HOME": str(tmp_path)}) == tmp_path / ".local/state/faultbox"


def test_without_a_home_it_is_in_tmp(tmp_path: Path) -> None:
    assert place.state_dir({"TMPDIR": str(tmp_path)}) == tmp_path / f"faultbox-{os.getuid()}"


def test_a_home_that_is_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert place.state_dir({"HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}).parent == tmp_path


def test_a_living_run_is_not_dead(tmp_path: Path) -> None:
    run_dir = place.new_run(tmp_path)
    assert run_dir.parent == tmp_path / "runs"
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert place.dead_runs(tmp_path) == []


def test_runs_of_ended_processes_are_dead(tmp_path: Path) -> None:
    program = (
        f"from pathlib import Path; from faultbox.evidence import place; print(place.new_run(Path({str(tmp_path)!r})))"
    )
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert place.dead_runs(tmp_path) == [Path(made.stdout.strip())]


@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"start_time": 1}, {"pid": None}, {"pid": "x"}])
def test_a_pid_alone_is_no_owner(tmp_path: Path, change: dict[str, object]) -> None:
    run_dir = place.new_run(tmp_path)
    owner = json.loads((run_dir / "owner.json").read_text()) | change
    (run_dir / "owner.json").write_text(json.dumps(owner))
    assert place.dead_runs(tmp_path) == [run_dir]


def test_what_was_kept_for_people_is_not_recovered(tmp_path: Path) -> None:
    run_dir = place.new_run(tmp_path)
    (run_dir / "owner.json").write_text("{}")
    place.disown(run_dir)
    assert place.dead_runs(tmp_path) == []


@pytest.mark.root
def test_the_state_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(PermissionError, match="belongs to another user: set FAULTBOX_STATE_DIR"):
        place.new_run(tmp_path)


def test_a_spool_goes_with_everything_in_it(tmp_path: Path) -> None:
    run_dir = place.new_run(tmp_path)
    (run_dir / "layers" / "work").mkdir(parents=True)
    (run_dir / "layers" / "work" / "file").touch()
    (run_dir / "layers" / "work").chmod(0)
    place.remove(run_dir)
    assert not run_dir.exists()
