"""examples/orders as `make demo` runs it: the matrix finds exactly the bugs that are planted, and their mending."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SCENARIOS, CELLS = 4, 24
NOT_EXERCISED = {f"matrix_health_{fault}" for fault in (
    "cache_down", "cache_slow", "inventory_down", "inventory_slow", "wal_sync_fails", "disk_full", "slow_network",
)}  # fmt: skip
CACHE_BUG = "status_code=500 (want < 500)"
DISK_BUG = "an order that is not on disk must not be confirmed"
PLANTED = {
    "matrix_place_order_cache_down": CACHE_BUG,
    "matrix_list_orders_cache_down": CACHE_BUG,
    "matrix_rush_cache_down": CACHE_BUG,
    "matrix_place_order_wal_sync_fails": DISK_BUG,
}


def run(spec: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "faultbox", "test", f"examples/orders/{spec}", "--seed", "1"]
    done = subprocess.run(
        [*command, "--format", "json", "--no-bundle"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def by_verdict(result: dict[str, Any], verdict: str) -> dict[str, str]:
    return {case["id"]: case["reason"] for case in result["cases"] if case["verdict"] == verdict}


@pytest.mark.root
@pytest.mark.slow
def test_the_planted_bugs_are_found_and_nothing_else() -> None:
    result = run("faultbox.star")
    failed = by_verdict(result, "failed")
    assert failed.keys() == PLANTED.keys(), failed
    for case, reason in PLANTED.items():
        assert reason in failed[case]
    assert result["exit"] == 1
    counts = result["counts"]
    assert counts.pop("not_exercised") == len(NOT_EXERCISED)
    assert {name: count for name, count in counts.items() if count} == {
        "passed": SCENARIOS + CELLS - len(PLANTED),
        "failed": len(PLANTED),
    }
    assert not result["dead_assumptions"]


@pytest.mark.root
@pytest.mark.slow
def test_the_mended_system_is_green() -> None:
    result = run("fixed.star")
    assert by_verdict(result, "passed").keys() == {case["id"] for case in result["cases"]}, result["cases"]
    assert {case["id"] for case in result["cases"] if case["exercised"] is False} == NOT_EXERCISED
    assert sum(case["kind"] == "cell" for case in result["cases"]) == CELLS
    assert result["exit"] == 0
    assert not result["dead_assumptions"]
