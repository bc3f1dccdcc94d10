"""What `faultbox test` leaves for CI: JUnit XML, annotations, the step's summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

RED = "matrix_order_creation_cache_down"


@pytest.fixture
def in_github(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(here))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def test_junit(faultbox: Any, here: Path) -> None:
    ran = faultbox("test", "--seed", "1", "--junit", "junit.xml", script="orders")
    assert (ran.code, ran.err) == (1, "")
    root = Xml.parse(here / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("4", "1")
    text = root.findtext(".//failure") or ""
    assert text.endswith(f"replay: faultbox test faultbox.star --test {RED} --seed 1")
    assert sorted(each.name for each in here.iterdir() if each.suffix != ".fb") == ["faultbox.star", "junit.xml"]


@pytest.mark.parametrize(("script", "code"), [("misspelt", 2), ("unfit", 3)])
def test_junit_where_nothing_was_started(faultbox: Any, here: Path, script: str, code: int) -> None:
    assert faultbox("test", "--junit", "junit.xml", script=script).code == code
    assert int(Xml.parse(here / "junit.xml").getroot().get("errors", "0")) > 0


def test_a_place_that_can_t_be_written_is_known_before_the_run(faultbox: Any, here: Path) -> None:
    ran = faultbox("test", "--junit", "nowhere/junit.xml")
    assert (ran.code, faultbox.requests) == (2, [])
    assert ran.err.startswith("faultbox: --junit nowhere/junit.xml: can't be written\n")


def test_github_is_told_where_it_is(faultbox: Any, in_github: Path) -> None:
    ran = faultbox("test", "--seed", "1", script="orders")
    assert ran.out.splitlines()[-1] == (
        f"::error file=spec.star,line=41,col=5,title={RED} failed::expect_success: status_code=503 (want < 500)"
    )
    summary = in_github.read_text()
    assert summary.startswith("## faultbox.star: 3 passed, 1 failed, 1 not exercised\n")
    assert f"--test {RED} --seed 1\n</pre>" in summary


@pytest.mark.usefixtures("in_github")
def test_github_obeys_nothing_that_is_printed_while_a_run_goes(faultbox: Any) -> None:
    lines = faultbox("test", "--seed", "1", script="orders").out.splitlines()
    stop, token = lines[0].rsplit("::", 1)
    assert stop == "::stop-commands"
    assert len(token) == 32
    resumed = lines.index(f"::{token}::")
    assert any(line.startswith("Replay: ") for line in lines[:resumed])
    assert all(line.startswith("::error ") for line in lines[resumed + 1 :])
    assert faultbox("test", "--seed", "1", script="orders").out.splitlines()[0] != lines[0]


@pytest.mark.usefixtures("in_github")
def test_stdout_stays_json(faultbox: Any) -> None:
    ran = faultbox("test", "--format", "json", script="orders")
    assert json.loads(ran.out)["exit"] == 1
    stop, resumed, error = ran.err.splitlines()
    assert resumed == f"::{stop.rpartition('::')[2]}::"
    assert error.startswith("::error ")


def test_a_refused_spec_is_annotated(faultbox: Any, in_github: Path) -> None:
    ran = faultbox("test", script="misspelt")
    assert "\n::error file=faultbox.star,line=1,col=8,title=UNKNOWN_ERRNO::" in ran.out
    assert "nothing was started" in in_github.read_text()
    ran = faultbox("test", script="unfit")
    assert ran.out.endswith("\n::error title=faultbox::this kernel is too old: use Linux 5.19 or newer\n")


def test_none_means_none_and_elsewhere_there_are_none(faultbox: Any, in_github: Path, monkeypatch: Any) -> None:
    assert "::" not in faultbox("test", "--annotations", "none", script="orders").out
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert "::" not in faultbox("test", script="orders").out
    assert not in_github.exists()
    assert "\n::error " in faultbox("test", "--annotations", "github", script="orders").out


def test_shards_need_a_seed_and_a_place(faultbox: Any) -> None:
    ran = faultbox("test", "--shard", "1/2")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "faultbox: --shard needs --seed: all shards of a run have one")
    for wrong in ("0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"):
        ran = faultbox("test", "--seed", "1", f"--shard={wrong}")
        assert (ran.code, "is no shard: write 2/5" in ran.err) == (2, True)
    faultbox("test", "--seed", "1", "--shard", "2/5")
    assert str(faultbox.requests[-1].shard) == "2/5"
