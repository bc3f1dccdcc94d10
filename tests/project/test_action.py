"""The composite action for GitHub: its inputs, and its script with a command behind it that only notes its words."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
FAKE = """\
#!/bin/sh
for word; do printf '%s\\n' "$word"; done >"$RUNNER_TEMP/words"
echo zip >"$RUNNER_TEMP/faultbox/run-1.fb"
exit "${CODE:-0}"
"""
Act = Callable[..., tuple[int, list[str], dict[str, str]]]


@pytest.fixture
def act(tmp_path: Path) -> Act:
    """Run the script with these inputs; its exit code, the words that the command got, the outputs."""
    fake = tmp_path / "faultbox-command"
    fake.write_text(FAKE)
    fake.chmod(0o755)

    def run(code: int = 0, **given: str) -> tuple[int, list[str], dict[str, str]]:
        inputs = {name: each["default"] for name, each in ACTION["inputs"].items()} | given
        environ = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        environ |= {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "FAULTBOX": str(fake)}
        done = subprocess.run(
            [ROOT / ".ci" / "action"], env=os.environ | environ | {"CODE": str(code)}, capture_output=True, check=False
        )
        words = (tmp_path / "words").read_text().splitlines()
        lines = (tmp_path / "output").read_text().splitlines()
        return done.returncode, words, dict(line.split("=", 1) for line in lines)

    return run


@pytest.mark.root
def test_the_inputs_are_the_flags(act: Act, tmp_path: Path) -> None:
    place = f"{tmp_path}/faultbox"
    code, words, outputs = act()
    assert words == ["test", "faultbox.star", "--output", f"{place}/", "--junit", f"{place}/junit.xml"]
    assert (code, outputs) == (0, {"bundle": f"{place}/run-1.fb", "exit-code": "0"})
    words = act(spec="a b.star", seed="7", shard="2/5", arguments="--strict  --test x*")[1]
    assert words[1] == "a b.star"
    assert words[6:] == ["--seed", "7", "--shard", "2/5", "--strict", "--test", "x*"]


@pytest.mark.root
def test_a_red_run_is_red_and_its_bundle_is_known(act: Act) -> None:
    code, _, outputs = act(code=4)
    assert (code, outputs["exit-code"], outputs["bundle"][-8:]) == (4, "4", "run-1.fb")


@pytest.mark.root
def test_an_input_is_never_a_command(act: Act, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    words = act(spec=f"$(touch {stolen})", arguments=f"`touch${{IFS}}{stolen}` ; touch {stolen}")[1]
    assert not stolen.exists()
    assert words[1] == f"$(touch {stolen})"


def test_scripts_take_inputs_from_variables_only() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


def test_every_action_that_it_uses_has_a_version() -> None:
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in STEPS if "uses" in step)
