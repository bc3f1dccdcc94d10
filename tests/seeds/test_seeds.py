"""What the seeds write runs as they write it: each snippet, on real services, by the tool, with the right verdicts.

A snippet names its preambles (services and scenarios that its text leaves out); what stands beyond the seed uses what
the snippet only declares. EXPECTED says what becomes of each case beside the plain scenarios, which all pass.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "examples" / "demo"
SNIPPETS = sorted(path.stem for path in (HERE / "snippets").glob("*.star"))
SCENARIOS = {
    "test_create_order", "test_list_orders", "test_health_check",
    "test_versioned", "test_search", "test_remember", "test_upload",
}  # fmt: skip

PASSED, FIRED, IDLE = "passed", "passed, fired", "passed, not exercised"

EXPECTED: dict[str, tuple[int, dict[str, str]]] = {
    "001_disk_error": (0, {"order_disk_error": FIRED}),
    "001_infrastructure": (
        0,
        {
            "matrix_create_order_server_disk_dies": FIRED,
            "matrix_create_order_disk_fills_up": FIRED,
            "matrix_create_order_network_cable_unplugged": FIRED,
            "matrix_create_order_network_is_slow": FIRED,
            "matrix_create_order_wal_fsync_fails": FIRED,
        },
    ),
    "001_db_down_pooled": (0, {"order_db_down": FIRED}),
    "001_db_slow": (0, {"matrix_create_order_db_slow": FIRED, "matrix_list_orders_db_slow": FIRED}),
    "001_combined": (
        0,
        {
            "matrix_create_order_db_slow": FIRED,
            "matrix_create_order_rate_limited": FIRED,
            "matrix_create_order_degraded": FIRED,
            "matrix_list_orders_db_slow": FIRED,
            "matrix_list_orders_rate_limited": IDLE,
            "matrix_list_orders_degraded": FIRED,
        },
    ),
    "001_application": (
        0,
        {"versioned_429": FIRED, "versioned_500": FIRED, "search_slow": FIRED, "remember_set_fails": FIRED},
    ),
    "001_insert_fail": (
        0,
        {
            "matrix_create_order_insert_fail": FIRED,
            "matrix_create_order_one_query_fails": FIRED,
            "matrix_list_orders_insert_fail": IDLE,
            "matrix_list_orders_one_query_fails": IDLE,
        },
    ),
    "001_partition": (0, {"test_total_partition": FIRED}),
    "002_scenarios": (0, {}),
    "002_assumptions": (
        0,
        {
            "matrix_create_order_db_down": FIRED,
            "matrix_create_order_db_slow": FIRED,
            "matrix_create_order_disk_full": FIRED,
        },
    ),
    "002_invariants": (
        1,
        {
            "test_sell_out": "passed",
            "test_oversell": "passed",
            "sell_out_db_down": FIRED,
            "oversell_db_down": "failed: stock went negative: -1",
        },
    ),
    "002_matrix": (
        0,
        {
            "matrix_create_order_db_down": FIRED,
            "matrix_create_order_db_slow": FIRED,
            "matrix_create_order_disk_full": FIRED,
            "matrix_health_check_db_down": IDLE,
            "matrix_health_check_db_slow": IDLE,
            "matrix_health_check_disk_full": IDLE,
        },
    ),
    "002_dependencies": (
        0,
        {
            "matrix_create_order_api_db_down": FIRED,
            "matrix_create_order_api_db_slow": FIRED,
            "matrix_create_order_api_db_diskfull": FIRED,
            "matrix_create_order_api_cache_down": FIRED,
            "matrix_create_order_api_cache_slow": PASSED,  # nobody asks it, but redis reads /proc ten times a second
            "matrix_create_order_api_auth_down": FIRED,
            "matrix_list_orders_api_db_down": FIRED,
            "matrix_list_orders_api_db_slow": FIRED,
            "matrix_list_orders_api_db_diskfull": FIRED,
            "matrix_list_orders_api_cache_down": FIRED,
            "matrix_list_orders_api_cache_slow": FIRED,
            "matrix_list_orders_api_auth_down": FIRED,
        },
    ),
    "002_compose": (
        0,
        {
            "matrix_create_order_api_db_down": FIRED,
            "matrix_create_order_api_db_slow": FIRED,
            "matrix_create_order_api_db_diskfull": FIRED,
            "matrix_create_order_api_cache_down": FIRED,
            "matrix_list_orders_api_db_down": FIRED,
            "matrix_list_orders_api_db_slow": FIRED,
            "matrix_list_orders_api_db_diskfull": FIRED,
            "matrix_list_orders_api_cache_down": FIRED,
            "matrix_health_check_api_db_down": IDLE,
            "matrix_health_check_api_db_slow": IDLE,
            "matrix_health_check_api_cache_down": IDLE,
        },
    ),
    # The scenario passes, and the run still fails: an assumption that never fired proves nothing.
    "002_smoke": (1, {"order_db_write_fail": IDLE}),
    "002_fired": (0, {"order_db_write_fail": FIRED}),
    "002_fired_never": (1, {"order_db_write_fail": "failed: should fail when DB can't write"}),
    "002_names_bad": (0, {"matrix_create_order_test1_fault": FIRED, "matrix_create_order_test2_fault": FIRED}),
    "002_names_good": (0, {"matrix_create_order_db_down": FIRED, "matrix_create_order_disk_io_error": FIRED}),
    "004_drop": (0, {"upload_dropped": FIRED}),
    "004_globs": (0, {"test_matching": FIRED}),
    "004_scopes": (0, {"test_rules_end_with_their_scope": FIRED}),
}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs that preambles start, in one directory: Python as it is, C built static."""
    directory = tmp_path_factory.mktemp("servers")
    for program in (*(HERE / "servers").glob("*.py"), *(HERE / "servers").glob("*.sh")):
        shutil.copy(program, directory)
        (directory / program.name).chmod(0o755)
    build(HERE / "servers" / "db.c", directory / "db")
    for source in DEMO.glob("*.c"):
        build(source, directory / "bin" / "linux" / source.stem)
    return directory


def build(source: Path, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-static", "-pthread", "-o", program, source], check=True)


def test_every_snippet_has_an_expectation() -> None:
    assert sorted(EXPECTED) == SNIPPETS


@pytest.mark.root
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet(snippet: str, servers: Path, tmp_path: Path) -> None:
    shutil.copytree(servers, tmp_path, dirs_exist_ok=True)
    spec = tmp_path / f"{snippet}.star"
    spec.write_text(assemble(HERE / "snippets" / f"{snippet}.star", tmp_path))
    code, expected = EXPECTED[snippet]
    done = subprocess.run(
        [sys.executable, "-m", "faultbox", "test", spec, "--seed", "1", "--format", "json", "--no-bundle"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    seen = {case["id"]: outcome(case) for case in result["cases"]}
    scenarios = dict.fromkeys(SCENARIOS & seen.keys(), "passed")
    differing = {
        name: (wanted, seen.get(name, ""))
        for name, wanted in (scenarios | expected).items()
        if not all(part in seen.get(name, "") for part in wanted.split(": "))
    }
    assert not differing
    assert seen.keys() == scenarios.keys() | expected.keys()
    assert done.returncode == code, result["dead_assumptions"]


def assemble(snippet: Path, programs: Path) -> str:
    """The preambles that a snippet names, then the snippet. PYTHON has the libraries that one of PROGRAMS may want."""
    text = snippet.read_text()
    named = re.search(r"^# preamble: (.+)$", text, re.MULTILINE)
    assert named, f"{snippet.name} names no preamble"
    given = f'PYTHON = "{sys.executable}"\nPROGRAMS = "{programs}"'
    return "\n".join([given, *((HERE / "preambles" / f"{name}.star").read_text() for name in named[1].split()), text])


def outcome(case: dict[str, Any]) -> str:
    if case["verdict"] != "passed":
        return f"{case['verdict']}: {case['reason']}"
    return {True: FIRED, False: IDLE, None: "passed"}[case["exercised"]]
