"""`faultbox inspect`: a summary, a case, entries, files, events and SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def recorded(faultbox: Callable[..., Any], here: Path) -> Path:
    faultbox("test", "--seed", "1", "--output", "recorded.fb", script="orders")
    return here / "recorded.fb"


RED = "matrix_order_creation_cache_down"


def test_the_summary(faultbox: Any, recorded: Path, here: Path) -> None:
    ran = faultbox("inspect", "recorded.fb")
    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert lines[0].startswith("Bundle:   recorded.fb, ")
    assert lines[1] == f"Spec:     {here}/faultbox.star, 1 file"
    assert "order_creation   │ PASS (203ms) │ FAIL" in lines
    assert f"FAIL {RED} (12ms)  expect_success: status_code=503 (want < 500)" in lines
    assert "3 passed, 1 failed, 1 not exercised" in lines
    assert lines[-2:] == [
        f"Look closer: faultbox inspect recorded.fb {RED}",
        f"Replay: faultbox replay recorded.fb --test {RED} --seed 1",
    ]


def test_a_case(faultbox: Any, recorded: Path) -> None:
    ran = faultbox("inspect", "recorded.fb", "order_creation_cache_down", script="orders")
    assert ran.code == 2, "no case has this name"
    ran = faultbox("inspect", "recorded.fb", RED)
    assert f"--- FAIL: {RED} (12ms, seed=1) ---" in ran.out
    assert "           1  db syscall" in ran.out
    assert f"cases/0003-{RED}/logs/db.stdout" in ran.out
    assert faultbox("inspect", "recorded.fb", f"0003-{RED}").out == ran.out


def test_a_case_as_json(faultbox: Any, recorded: Path) -> None:
    shapes = [json.loads(line) for line in faultbox("inspect", "recorded.fb", "matrix", "--json").out.splitlines()]
    assert [shape["verdict"] for shape in shapes] == ["passed", "failed", "passed"]
    summary = json.loads(faultbox("inspect", "recorded.fb", "--format", "json").out)
    assert summary["manifest"]["counts"]["failed"] == 1
    assert "results" not in summary["outcome"]


def test_the_list(faultbox: Any, recorded: Path) -> None:
    shapes = [json.loads(line) for line in faultbox("inspect", "recorded.fb", "--list", "--json").out.splitlines()]
    assert shapes[0]["name"] == "manifest.json"
    names = [line.split()[-1] for line in faultbox("inspect", "recorded.fb", "--list").out.splitlines()]
    assert names == [shape["name"] for shape in shapes]


def test_files_of_a_case_behind_the_directory(faultbox: Any, recorded: Path, here: Path) -> None:
    ran = faultbox("inspect", "recorded.fb", "--extract", "out", RED)
    assert ran.out == "Extracted: 4 files to out\n"
    assert sorted(each.name for each in (here / "out" / "cases").iterdir()) == [f"0003-{RED}"]
    again = faultbox("inspect", "recorded.fb", "--extract", "out")
    assert (again.code, again.err) == (2, "faultbox: --extract: out is not empty\n  name a new directory\n")
    assert faultbox("inspect", "recorded.fb", "--extract", "all").code == 0
    assert (here / "all" / "spec" / "faultbox.star").exists()


def test_events_by_filter(faultbox: Any, recorded: Path) -> None:
    ran = faultbox("inspect", "recorded.fb", RED, "--where", "type=syscall service=db decision=deny*")
    assert ran.out == "#17 +0ms db write deny(EIO) /data/wal\n"
    ran = faultbox("inspect", "recorded.fb", "--where", "decision=deny*", "--json")
    assert json.loads(ran.out)["case"] == RED
    ran = faultbox("inspect", "recorded.fb", "--where", "desicion=deny*")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "faultbox: no event matches\n  none of these events has a field 'desicion'; did you mean decision?\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--where", "syscall"], "faultbox: --where 'syscall' is no filter\n  write name=value; "),
        (["--sql", "select"], "faultbox: --sql: DuckDB can't answer this\n  Parser Error"),
        ([RED, "--sql", "select 1"], "faultbox: --sql asks the whole bundle\n"),
        (["--list", "--sql", "x"], "faultbox: argument --sql: not allowed with argument --list\n"),
        (["matrix_nothing"], "faultbox: no test is called 'matrix_nothing'"),
        (["--lits"], "faultbox: unknown flag --lits\n  did you mean --list?\n"),
    ],
)
def test_mistakes(faultbox: Any, recorded: Path, arguments: list[str], text: str) -> None:
    ran = faultbox("inspect", "recorded.fb", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(text)


def test_sql(faultbox: Any, recorded: Path) -> None:
    query = "select verdict, count(*) as n from cases group by verdict order by n"
    assert faultbox("inspect", "recorded.fb", "--sql", query).out == (
        "verdict  n\n-------  -\nfailed   1\npassed   3\n"
    )
    assert faultbox("inspect", "recorded.fb", "--sql", query, "--json").out.splitlines()[1] == (
        '{"verdict": "passed", "n": 3}'
    )


def test_what_a_service_said_does_not_steer_the_terminal(faultbox: Any, recorded: Path) -> None:
    assert "\x1b" not in faultbox("inspect", "recorded.fb", RED).out
