"""`faultbox judge`: what the record of a real run says under another spec, and what it can't say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

SERVICES = """\
web = service("web", "/bin/sh", interface("main", "http", 8080), cwd = ".", healthcheck = tcp("localhost:8080"),
    args = ["-c", "exec python3 -u -m http.server 8080 2>&1"], observe = [observe.stdout()])

def listing():
    return web.get(path = "/nothing")

slow = fault_assumption("slow", target = web, write = delay("20ms", on = "socket"))
"""
MATRIX = "fault_matrix(scenarios = [listing], faults = [slow], default_expect = lambda r: assert_eq(r.status, 404))\n"
FAILING = "def test_wrong():\n    assert_eq(listing().status, 200)\n"
SPEC = SERVICES + MATRIX + FAILING


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("judge")
    (place / "old.star").write_text(SPEC)
    done = faultbox(place, "test", "old.star", "--seed", "5", "--output", "run.fb", "--format", "json")
    shape = json.loads(done.stdout)
    assert {case["id"]: case["verdict"] for case in shape["cases"]} == {
        "test_listing": "passed",
        "matrix_listing_slow": "passed",
        "test_wrong": "failed",
    }, done
    return place


def faultbox(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"FAULTBOX_STATE_DIR": str(place / "state"), "GITHUB_ACTIONS": ""}
    line = [sys.executable, "-m", "faultbox", *arguments]
    return subprocess.run(line, cwd=place, env=environ, capture_output=True, text=True, timeout=120, check=False)


def judged(place: Path, spec: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and every case's verdict and reason."""
    (place / "new.star").write_text(spec)
    done = faultbox(place, "judge", "run.fb", "--spec", "new.star", "--json")
    assert done.stderr == ""
    shape = json.loads(done.stdout)
    return done.returncode, {case["id"]: (case["verdict"], case["reason"]) for case in shape["cases"]}


def test_the_same_spec_gives_the_same_verdicts(place: Path) -> None:
    code, cases = judged(place, SPEC)
    assert code == 1
    assert [verdict for verdict, _ in cases.values()] == ["failed", "passed", "passed"]
    assert cases["test_wrong"][1] == "assert_eq failed: 404 != 200"


def test_another_expectation(place: Path) -> None:
    _, cases = judged(place, SPEC.replace("lambda r: assert_eq(r.status, 404)", "lambda r: assert_eq(r.status, 200)"))
    assert cases["matrix_listing_slow"] == ("failed", "assert_eq failed: 404 != 200")
    assert cases["test_listing"] == ("passed", "")
    done = faultbox(place, "judge", "run.fb", "--spec", "new.star", "--show", "fail")
    assert "  note: recorded as passed\n" in done.stdout
    assert "at new.star:8:" in done.stdout


def test_expectations_ask_the_record(place: Path) -> None:
    ask = "lambda r: assert_eventually(type = 'stdout', service = 'web', raw = '*GET /nothing*')"
    _, cases = judged(place, SPEC.replace("lambda r: assert_eq(r.status, 404)", ask))
    assert cases["matrix_listing_slow"] == ("passed", "")
    _, cases = judged(place, SPEC.replace("lambda r: assert_eq(r.status, 404)", ask.replace("GET", "PUT")))
    verdict, reason = cases["matrix_listing_slow"]
    assert (verdict, "whether one would have come" in reason) == ("inconclusive", True)
    never = ask.replace("assert_eventually", "assert_never")
    _, cases = judged(place, SPEC.replace("lambda r: assert_eq(r.status, 404)", never))
    assert cases["matrix_listing_slow"][0] == "failed"


def test_a_new_monitor(place: Path) -> None:
    watching = (
        "def calm(e):\n    if e.type == 'stdout' and 'nothing' in e.raw:\n        fail('it was asked')\nmonitor(calm)\n"
    )
    _, cases = judged(place, SPEC + watching)
    verdict, reason = cases["test_listing"]
    assert (verdict, reason.startswith("monitor calm: it was asked")) == ("failed", True)
    _, cases = judged(place, SPEC + watching.replace("'nothing' in", "'panic' in"))
    assert cases["test_listing"] == ("passed", "")


def test_what_the_run_did_not_look_at_can_t_be_judged(place: Path) -> None:
    never = "lambda r: assert_never(type = 'syscall', service = 'web', syscall = 'fsync')"
    _, cases = judged(place, SPEC.replace("lambda r: assert_eq(r.status, 404)", never))
    verdict, reason = cases["matrix_listing_slow"]
    assert verdict == "inconclusive"
    assert "in the recorded run fsync of web is not observed" in reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('path = "/nothing"', 'path = "/other"', "its scenario has changed since, so it has to be run again"),
        ('"20ms"', '"30ms"', "its faults have changed since, so it has to be run again"),
        ("lambda r: assert_eq(r.status, 404)", "lambda r: web.get(path = '/')", "a step can't be done any more"),
    ],
)
def test_what_has_to_be_run_again(place: Path, old: str, new: str, reason: str) -> None:
    _, cases = judged(place, SPEC.replace(old, new))
    verdict, why = cases["matrix_listing_slow"]
    assert (verdict, why.startswith(reason)) == ("inconclusive", True), why


def test_cases_that_only_one_of_them_has(place: Path) -> None:
    (place / "new.star").write_text(SERVICES + MATRIX + "def test_new():\n    pass\n")
    shape = json.loads(faultbox(place, "judge", "run.fb", "--spec", "new.star", "--json").stdout)
    assert "test_wrong is not in the new spec" in shape["warnings"]
    assert "test_new is not in the bundle: it has to be run" in shape["warnings"]
    assert [case["id"] for case in shape["cases"]] == ["test_listing", "matrix_listing_slow"]


def test_without_the_old_spec_only_failures_can_be_told(place: Path) -> None:
    import zipfile

    with zipfile.ZipFile(place / "run.fb") as old, zipfile.ZipFile(place / "odd.fb", "w") as odd:
        for entry in old.infolist():
            content = old.read(entry)
            odd.writestr(entry.filename, b"load('gone.star', 'x')\n" if entry.filename == "spec/old.star" else content)
    done = faultbox(place, "judge", "odd.fb", "--spec", "old.star", "--json")
    cases = {case["id"]: case for case in json.loads(done.stdout)["cases"]}
    assert cases["test_wrong"]["verdict"] == "failed"
    assert cases["matrix_listing_slow"]["verdict"] == "inconclusive"
    assert "own spec can't be loaded here" in cases["matrix_listing_slow"]["reason"]


def test_mistakes(place: Path) -> None:
    assert faultbox(place, "judge", "run.fb", "--spec", "none.star").returncode == 2
    assert faultbox(place, "judge", "old.star", "--spec", "old.star").returncode == 2
    (place / "broken.star").write_text("x = nothing\n")
    done = faultbox(place, "judge", "run.fb", "--spec", "broken.star")
    assert (done.returncode, "undefined: nothing" in done.stdout) == (2, True)
