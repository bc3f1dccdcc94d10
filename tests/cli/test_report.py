"""faultbox report: where the page goes, and what is said where it can't be made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.model.verdict import Verdict

Command = Callable[..., Any]


@pytest.fixture
def bundle(spools: ModuleType, here: Path) -> Path:
    """A bundle with a red case of three events, in the current directory."""
    case = spools.info("test_a")
    events = {case.id: [spools.event(seq, "allow") for seq in (1, 2, 3)]}
    result = spools.result(case, Verdict.FAILED, reason="broke")
    return evidence.pack(spools.write(here / "run", [case], [result], events=events), here / "run-1.fb")


def test_beside_us_and_named_as_the_bundle(bundle: Path, faultbox: Command) -> None:
    done = faultbox("report", "run-1.fb")
    assert (done.code, done.out) == (0, "Report: run-1.html\n")
    assert bundle.with_suffix(".html").read_text().startswith("<!doctype html>")


def test_where_it_is_asked_for(bundle: Path, faultbox: Command) -> None:
    (bundle.parent / "pages").mkdir()
    assert faultbox("report", "run-1.fb", "-o", "pages").out == "Report: pages/run-1.html\n"
    assert faultbox("report", "run-1.fb", "--output", "pages/a.html").out == "Report: pages/a.html\n"
    assert sorted(each.name for each in (bundle.parent / "pages").iterdir()) == ["a.html", "run-1.html"]


def test_what_is_left_out_is_said(spools: ModuleType, tmp_path: Path, faultbox: Command) -> None:
    case = spools.info("test_a")
    events = {case.id: [spools.event(seq, "allow") for seq in range(1, 3_001)]}
    run_dir = spools.write(tmp_path / "run", [case], [spools.result(case)], events=events)
    bundle = evidence.pack(run_dir, tmp_path / "a.fb")
    done = faultbox("report", str(bundle), "-o", str(tmp_path), "--events", "10")
    assert done.out.splitlines() == [
        f"Report: {tmp_path / 'a.html'}",
        "Left out: test_a: 1,000 of its 3,000 events: the first and the last ones are here",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.fb"], "nothing.fb: no such file"),
        (["."], ". is a directory"),
        (["bad.fb"], "bad.fb: not a bundle: File is not a zip file"),
        (["run-1.fb", "-o", "nowhere/a.html"], "nowhere is no directory"),
        (["run-1.fb", "-o", "run-1.fb"], "run-1.fb is the bundle itself"),
        (["run-1.fb", "--events", "0"], "--events"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(bundle: Path, faultbox: Command, words: list[str], said: str) -> None:
    Path("bad.fb").write_text("no zip")
    before = {each: each.read_bytes() for each in bundle.parent.iterdir() if each.is_file()}
    done = faultbox("report", *words)
    assert done.code == 2
    assert said in done.err
    assert {each: each.read_bytes() for each in bundle.parent.iterdir() if each.is_file()} == before
