"""`faultbox test`: what it prints, word for word, and what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import evidence

ORDERS = """\
Seed: 1 (cli)

--- PASS: test_health_endpoint (12ms, seed=1) ---
--- PASS: matrix_order_creation_db_down (203ms, seed=1) ---
--- FAIL: matrix_order_creation_cache_down (12ms, seed=1) ---
  reason: expect_success: status_code=503 (want < 500)
  at spec.star:41:5 in order_creation
    assert_eq(r.status, 200)
    ^^^^^^^^^^^^^^^^^^^^^^^^
  printed:
    creating an order
  events that decided it:
    #17 +210ms db write deny(ECONNREFUSED) /data/wal cache (3 times)
  rules:
    cache: connect=deny(ECONNREFUSED) (calls of api)  seen 4, matched 4, fired 4
    cache: write=deny(EIO)  seen 2, matched 0, fired 0
      closest: write /var/log/x
  log of api, its end:
    starting
    cache: connection refused \\x1b[31m!
  note: ran twice
  replay: faultbox test faultbox.star --test matrix_order_creation_cache_down --seed 1
--- PASS: matrix_login_flow_db_down (3ms, seed=1) ○ not exercised ---

                 │ db_down      │ cache_down
─────────────────┼──────────────┼─────────────
order_creation   │ PASS (203ms) │ FAIL
login_flow       │ ○ PASS (3ms) │ — (excluded)
○ not exercised: no fault of that cell fired

Bundle: run-2026-04-23T11-12-34-1.fb

3 passed, 1 failed, 1 not exercised

Replay: faultbox replay run-2026-04-23T11-12-34-1.fb --test matrix_order_creation_cache_down --seed 1
"""


def test_the_text_of_a_run(faultbox: Callable[..., Any]) -> None:
    ran = faultbox("test", "--seed", "1", script="orders")
    assert ran.out == ORDERS
    assert (ran.code, ran.err) == (1, "")


def test_a_test_whose_fault_fired_nowhere_shows_what_came_closest(faultbox: Callable[..., Any]) -> None:
    """It is passed, and only the counters say why it proves nothing."""
    lines = faultbox("test", "--seed", "1", "--no-bundle", script="vacuous").out.splitlines()
    assert lines[2:10] == [
        "--- PASS: test_create_order (45ms, seed=1) ○ not exercised ---",
        "  printed:",
        "    two",
        "    lines",
        f"    {'x' * 500} ... (100000 characters)",
        "  rules:",
        "    cache: write=deny(EIO)  seen 2, matched 0, fired 0",
        "      closest: write /var/log/x",
    ]


def test_what_is_to_be_doubted_of_a_rule_is_shown_with_a_pass(faultbox: Callable[..., Any]) -> None:
    def doubted(run: Any) -> Any:
        spools = faultbox.fakes.spools
        info = spools.info("test_create_order")
        rules = (spools.rule(2, 2, 2, notes=("EPIPE can't come from a file",)), spools.rule(2, 2, 2))
        yield from run.go([info], [spools.result(info, duration_ms=45, exercised=True, rules=rules)])

    faultbox.fakes.SCRIPTS["doubted"] = doubted
    lines = faultbox("test", "--seed", "1", "--no-bundle", script="doubted").out.splitlines()
    assert lines[3:6] == [
        "  rules:",
        "    cache: connect=deny(ECONNREFUSED) (calls of api)  seen 2, matched 2, fired 2",
        "      note: EPIPE can't come from a file",
    ]
    assert lines[6] == ""


def test_every_verdict_has_its_own_word(faultbox: Callable[..., Any]) -> None:
    ran = faultbox("test", "--seed", "3", "--no-bundle", script="everything")
    assert (
        ran.out
        == """\
loading
Seed: 3 (cli)
Without BPF
warning: faultbox.star:1:1: [UNUSED] db_slow is never used
    db = 1
    ^

--- PASS: test_passed (12ms, seed=3) ---
--- ERROR: test_errored (12ms, seed=3) ---
  reason: why
  replay: faultbox test faultbox.star --test test_errored --seed 3
--- INCONCLUSIVE: test_inconclusive (12ms, seed=3) ---
  reason: why
  replay: faultbox test faultbox.star --test test_inconclusive --seed 3
--- HALTED: test_halted (12ms, seed=3) ---
  reason: why
  replay: faultbox test faultbox.star --test test_halted --seed 3

Dead assumptions: they fired in no case, so nothing was tested under them
  disk_full (spec.star:30:13)
    cache: connect=deny(ECONNREFUSED) (calls of api)  seen 12, matched 0, fired 0
      closest: write /x

warning: db_slow: not exercised
error: it broke

1 passed, 0 failed, 1 errored, 1 inconclusive, 1 halted
"""
    )
    assert ran.code == 1


def test_a_spec_that_is_wrong(faultbox: Callable[..., Any], here: Path) -> None:
    ran = faultbox("test", script="misspelt")
    assert (
        ran.out
        == """\
faultbox.star:1:8: [UNKNOWN_ERRNO] deny(): no errno is called EI
    db = 1
          ^
    accepted: EIO, ENOSPC, ...
    did you mean 'EIO'?
faultbox.star:2:1: [UNKNOWN_NAME] undefined: faultt
    x = deny("EI")
    ^
    did you mean 'fault'?

2 problems: nothing was started
"""
    )
    assert ran.code == 2
    assert [each.name for each in here.iterdir()] == ["faultbox.star"]


@pytest.mark.parametrize(
    ("script", "code", "text"),
    [
        ("unfit", 3, "refused: this kernel is too old\n  use Linux 5.19 or newer\n"),
        ("nothing", 2, "refused: no case is named happy\n  did you mean test_happy_path?\n"),
    ],
)
def test_a_run_that_is_refused(faultbox: Callable[..., Any], script: str, code: int, text: str) -> None:
    ran = faultbox("test", script=script)
    assert (ran.code, ran.out) == (code, text)


@pytest.mark.parametrize(("show", "cases"), [("all", 4), ("fail", 1), ("none", 0)])
def test_show_chooses_the_cases(faultbox: Callable[..., Any], show: str, cases: int) -> None:
    ran = faultbox("test", "--show", show, script="orders")
    assert ran.out.count("--- ") == cases
    assert "3 passed, 1 failed" in ran.out


def test_without_a_seed_one_is_drawn_and_said(faultbox: Callable[..., Any]) -> None:
    seeds = {re.match(r"Seed: (\d+) \(generated\)\n", faultbox("test", "--no-bundle").out)[1] for _ in range(3)}  # type: ignore[index]
    assert len(seeds) > 1


def test_a_dry_run(faultbox: Callable[..., Any], here: Path) -> None:
    ran = faultbox("test", "--dry-run", "--seed", "1", script="dry")
    assert (
        ran.out
        == """\
Seed: 1 (cli)

Dry run: loaded faultbox.star
Services: 3
  - db
  - cache
  - api
Cases: 2
  - test_health
  - matrix_order_db_down  (order under db_down)
Matrix cells: 1
"""
    )
    assert ran.code == 0
    assert not list(here.glob("*.fb"))


def test_flags_become_the_request(faultbox: Any) -> None:
    chosen = ["--test", "a", "--test", "b*", "--seed", "7", "--runs", "3", "-j", "2", "--timeout", "1.5s"]
    switches = ["-x", "--keep", "--strict", "--no-control", "--no-bundle"]
    faultbox("test", *chosen, *switches)
    (request,) = faultbox.requests
    assert (request.select, request.seed, request.seed_origin, request.runs) == (("a", "b*"), 7, "cli", 3)
    assert (request.jobs, request.fail_fast, request.timeout_ms) == (2, True, 1500.0)
    assert (request.keep, request.strict, request.control, request.dry_run) == (True, True, False, False)


def test_the_spool_is_gone_when_all_is_in_the_bundle(faultbox: Any, tmp_path: Path) -> None:
    faultbox("test")
    assert list((tmp_path / "state" / "runs").iterdir()) == []


def test_keep_leaves_the_spool_of_a_red_run(faultbox: Any) -> None:
    ran = faultbox("test", "--keep", script="orders")
    (request,) = faultbox.requests
    assert f"Kept: {request.run_dir}\n" in ran.out
    assert (request.run_dir / "cases").is_dir()
    assert faultbox("recover").out == "Nothing to recover\n"


def test_keep_leaves_nothing_of_a_green_run(faultbox: Any, tmp_path: Path) -> None:
    assert "Kept" not in faultbox("test", "--keep").out
    assert list((tmp_path / "state" / "runs").iterdir()) == []


def test_output_names_a_file(faultbox: Any, here: Path) -> None:
    ran = faultbox("test", "--output", "out.fb", script="orders")
    assert "Bundle: out.fb\n" in ran.out
    with evidence.open(here / "out.fb") as bundle:
        assert len(bundle.directories()) == 4
    assert faultbox("test", "--output", "out.fb").code == 0


def test_output_names_a_directory_and_makes_it(faultbox: Any, here: Path) -> None:
    ran = faultbox("test", "--output", "made/here/")
    assert f"Bundle: {here}/made/here/run-2026" in ran.out
    assert len(list((here / "made/here").iterdir())) == 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--output", "faultbox.star"], "faultbox: --output faultbox.star: it exists and is no bundle\n"),
        (["--output", "no/where.fb"], "faultbox: --output no/where.fb: there is no directory no\n"),
        (["--output", "x.fb", "--no-bundle"], "faultbox: --output and --no-bundle exclude each other\n"),
    ],
)
def test_outputs_that_cannot_be(faultbox: Any, flags: list[str], text: str) -> None:
    ran = faultbox("test", *flags)
    assert ran.code == 2
    assert ran.err.startswith(text)
    assert faultbox.requests == []


def test_a_bundle_that_cannot_be_written_is_said_and_can_be_recovered(
    faultbox: Any, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("faultbox.evidence.packing._write_case", full)
        ran = faultbox("test", "--junit", "junit.xml")
    assert ran.code == 3
    assert 'errors="1"' in (here / "junit.xml").read_text()
    (run_dir,) = (tmp_path / "state" / "runs").iterdir()
    assert f"error: no evidence: [Errno 28] No space left on device; what there is, is in {run_dir}: " in ran.out
    (run_dir / "owner.json").write_text("{}")
    assert faultbox("recover").out == "Bundle: run-2026-04-23T11-12-34-" + str(faultbox.requests[0].seed) + ".fb\n"
    (made,) = here.glob("*.fb")
    with evidence.open(made) as bundle:
        assert bundle.manifest["complete"] is True
        assert bundle.manifest["exit"] == 0


def test_a_spool_that_vanished_is_no_traceback(faultbox: Any, tmp_path: Path) -> None:
    import shutil

    def vanishing(run: Any) -> Any:
        for update in faultbox.fakes.passing(run):
            if isinstance(update, faultbox.fakes.RunDone):
                shutil.rmtree(run.request.run_dir)
            yield update

    faultbox.fakes.SCRIPTS["vanishing"] = vanishing
    ran = faultbox("test", script="vanishing")
    assert ran.code == 3
    assert "error: no evidence: " in ran.out
    assert "1 passed, 0 failed\n" in ran.out
