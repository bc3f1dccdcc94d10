"""`faultbox diff` and `faultbox verify`: what is printed, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def two(faultbox: Callable[..., Any], here: Path) -> Path:
    """Two bundles of one spec that differ in a verdict, a decision and a trace."""
    faultbox("test", "--seed", "1", "--output", "a.fb", script="orders")

    def other(run: Any) -> Iterator[Any]:
        spools = faultbox.fakes.spools
        info = spools.cell("order_creation", "cache_down")
        line = {"seq": 2, "time_ns": 9, "type": "stdout", "service": "api", "fields": {"raw": "\x1b[31mfine"}}
        yield from run.go([info], [spools.result(info)], events={info.id: [spools.event(1, "delay(2s)"), line]})

    faultbox.fakes.SCRIPTS["other"] = other
    faultbox("test", "--seed", "1", "--output", "b.fb", script="other")
    return here


def test_a_difference(faultbox: Any, two: Path) -> None:
    ran = faultbox("diff", "a.fb", "b.fb")
    assert (ran.code, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert lines[0] == "A is a.fb, B is b.fb"
    cell = "matrix_order_creation_cache_down"
    assert f"  {cell}: failed in A, passed in B (expect_success: status_code=503 (want < 500))" in lines
    assert "  matrix_login_flow_db_down: is only in A" in lines
    assert f"  {cell}: db write /data/wal, call 1 under full/write: deny(EIO) in A, delay(2s) in B" in lines
    assert f"  {cell}: stdout of api from line 1 (0 lines only in A, 1 only in B)" in lines
    assert "    + stdout raw=\\x1b[31mfine" in lines
    assert lines[-1] == "The same in both: 1 case, 0 decisions and 0 strands of traces"


def test_the_same(faultbox: Any, two: Path) -> None:
    ran = faultbox("diff", "a.fb", "a.fb")
    assert (ran.code, ran.out) == (0, "The same: 4 cases, 1 decision and 0 strands of traces\n")


def test_json(faultbox: Any, two: Path) -> None:
    ran = faultbox("diff", "a.fb", "b.fb", "--json")
    shape = json.loads(ran.out)
    assert (ran.code, shape["same"], len(shape["decisions"])) == (1, False, 1)
    assert shape["traces"][0]["strand"] == ["api", "stdout"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["a.fb"], "the following arguments are required: B"),
        (["a.fb", "c.fb"], "c.fb: no such file"),
        (["a.fb", "faultbox.star"], "faultbox.star: not a bundle"),
        (
            ["a.fb", "b.fb", "--only", "traces,verdict"],
            "'verdict' is none of verdicts, decisions, traces",
        ),
    ],
)
def test_mistakes(faultbox: Any, two: Path, arguments: list[str], text: str) -> None:
    ran = faultbox("diff", *arguments)
    assert ran.code == 2
    assert text in ran.err


def test_two_runs_that_are_the_same_leave_nothing(faultbox: Any, here: Path) -> None:
    ran = faultbox("verify", "--seed", "3", script="orders")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("3 passed, 1 failed, 1 not exercised\n") == 2
    assert ran.out.endswith("The same: 4 cases, 1 decision and 0 strands of traces\n")
    assert list(here.glob("*.fb")) == []
    assert [request.seed for request in faultbox.requests] == [3, 3]


def test_two_runs_that_differ_stay(faultbox: Any, here: Path) -> None:
    times: list[int] = []

    def drifting(run: Any) -> Iterator[Any]:
        times.append(1)
        yield from (faultbox.fakes.orders if len(times) > 1 else faultbox.fakes.passing)(run)

    faultbox.fakes.SCRIPTS["drifting"] = drifting
    ran = faultbox("verify", "--json", script="drifting")
    assert (ran.code, json.loads(ran.out)["same"]) == (1, False)
    assert len(list(here.glob("*.fb"))) == 2


def test_bundles_can_be_kept(faultbox: Any, here: Path) -> None:
    assert faultbox("verify", "--output", "kept/").code == 0
    assert len(list((here / "kept").glob("*.fb"))) == 2


@pytest.mark.parametrize(("script", "code"), [("misspelt", 2), ("unfit", 3), ("nothing", 2)])
def test_a_run_that_can_t_be_carried_out(faultbox: Any, here: Path, script: str, code: int) -> None:
    ran = faultbox("verify", script=script)
    assert ran.code == code
    assert ran.out
    assert len(faultbox.requests) == 1
    assert json.loads(faultbox("verify", "--json", script=script).out)["exit"] == code
