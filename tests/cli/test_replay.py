"""`faultbox replay`: the bundle's own spec and seed, and whether the same came out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def recorded(faultbox: Callable[..., Any], here: Path) -> Path:
    faultbox("test", "--seed", "1", "--output", "recorded.fb", "--strict", script="orders")
    return here / "recorded.fb"


def test_the_same(faultbox: Any, recorded: Path, here: Path) -> None:
    ran = faultbox("replay", "recorded.fb", "--show", "none", script="orders")
    assert (
        ran.out
        == f"""\
Spec: {here}/faultbox.star (unchanged since)
Seed: 1 (bundle)


                 │ db_down      │ cache_down
─────────────────┼──────────────┼─────────────
order_creation   │ PASS (203ms) │ FAIL
login_flow       │ ○ PASS (3ms) │ — (excluded)
○ not exercised: no fault of that cell fired

Same as recorded: 4 cases, 1 decision

3 passed, 1 failed, 1 not exercised
"""
    )
    assert ran.code == 1


def test_it_asks_for_what_the_bundle_was_asked_for(faultbox: Any, recorded: Path, here: Path) -> None:
    faultbox("replay", "recorded.fb", script="orders")
    request = faultbox.requests[-1]
    assert (request.spec, request.root) == (here / "faultbox.star", None)
    assert (request.seed, request.seed_origin, request.strict, request.control) == (1, "bundle", True, True)


def test_something_else(faultbox: Any, recorded: Path) -> None:
    ran = faultbox("replay", "recorded.fb", script="passing")
    assert (
        "Not the same as recorded (the same: 0 cases, 0 decisions):\n  test_create_order: is not in the bundle\n"
        in ran.out
    )
    assert ran.code == 0


def test_a_changed_spec_is_taken_from_the_bundle(faultbox: Any, recorded: Path, here: Path) -> None:
    before = (here / "faultbox.star").read_text()
    (here / "faultbox.star").write_text("changed = 1\n")
    seen: list[str] = []

    def look(run: Any) -> Any:
        seen.append(run.request.spec.read_text())
        yield from faultbox.fakes.orders(run)

    faultbox.fakes.SCRIPTS["look"] = look
    ran = faultbox("replay", "recorded.fb", script="look")
    assert seen == [before]
    assert ran.out.startswith(f"Spec: from the bundle ({here}/faultbox.star has changed or gone)")
    assert faultbox.requests[-1].root == here
    assert not faultbox.requests[-1].run_dir.exists()


def test_files_elsewhere(faultbox: Any, recorded: Path, here: Path) -> None:
    (here / "checkout").mkdir()
    faultbox("replay", "recorded.fb", "--root", "checkout", script="orders")
    assert faultbox.requests[-1].root == here / "checkout"
    ran = faultbox("replay", "recorded.fb", "--root", "nowhere")
    assert (ran.code, "'nowhere' is no directory" in ran.err) == (2, True)


def test_cases_can_be_chosen(faultbox: Any, recorded: Path) -> None:
    faultbox("replay", "recorded.fb", "--test", "matrix_order_creation_cache_down", "--seed", "1", script="orders")
    assert faultbox.requests[-1].select == ("matrix_order_creation_cache_down",)
    assert faultbox.requests[-1].seed_origin == "bundle"


def test_another_seed_is_not_compared(faultbox: Any, recorded: Path) -> None:
    ran = faultbox("replay", "recorded.fb", "--seed", "2", script="orders")
    assert "Seed: 2 (cli)\n" in ran.out
    assert "Replayed with seed 2; the bundle's is 1, so nothing was compared\n" in ran.out


def test_json_is_nothing_but_json(faultbox: Any, recorded: Path) -> None:
    document = json.loads(faultbox("replay", "recorded.fb", "--format", "json", script="orders").out)
    assert document["notes"][0] == "Same as recorded: 4 cases, 1 decision"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no.fb", "faultbox: no.fb: no such file\n"),
        (".", "faultbox: . is a directory\n  name a .fb file\n"),
        ("faultbox.star", "faultbox: faultbox.star: not a bundle: File is not a zip file\n"),
    ],
)
def test_what_is_no_bundle(faultbox: Any, here: Path, name: str, text: str) -> None:
    ran = faultbox("replay", name)
    assert (ran.code, ran.out, ran.err) == (2, "", text)


def test_a_bundle_without_its_spec_leaves_nothing(faultbox: Any, recorded: Path, tmp_path: Path) -> None:
    content = recorded.read_bytes()
    recorded.write_bytes(content.replace(b"spec/faultbox.star", b"specXfaultbox.star"))
    ran = faultbox("replay", "recorded.fb")
    assert ran.code == 2
    assert "recorded.fb: " in ran.err
    assert list((tmp_path / "state" / "runs").iterdir()) == []


def test_a_bundle_that_breaks_off_is_refused_before_anything_runs(faultbox: Any, recorded: Path) -> None:
    recorded.write_bytes(recorded.read_bytes().replace(b"0003-matrix", b"0003-matrax"))
    before = len(faultbox.requests)
    ran = faultbox("replay", "recorded.fb", script="orders")
    assert ran.code == 2
    assert ran.err.startswith("faultbox: recorded.fb: ")
    assert len(faultbox.requests) == before
