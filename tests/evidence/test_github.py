"""A run as GitHub shows it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from faultbox.evidence import github
from faultbox.model.source import Position, Problem
from faultbox.model.verdict import DeadAssumption, Frame, RunResult, Verdict


def test_a_red_case_is_marked_where_the_spec_failed(spools: ModuleType, tmp_path: Path) -> None:
    spec = tmp_path / "specs" / "spec.star"
    frame = Frame(f"{spec}:9:5", "order", "assert_eq(r.status, 200)", 5, 29)
    red = spools.result(
        spools.cell("order", "full"), Verdict.FAILED, reason="100% wrong:\nstatus 503, not 200", traceback=(frame,)
    )
    halted = spools.result(spools.info("test_b"), Verdict.INCONCLUSIVE, reason="not run")
    result = RunResult(1, (spools.result(spools.info("test_a")), red, halted), warnings=("careful",))
    assert github.commands(github.of_run(result), str(tmp_path)) == [
        "::error file=specs/spec.star,line=9,col=5,title=matrix_order_full failed::100%25 wrong:%0Astatus 503, not 200",
        "::warning file=spec.star,line=7,col=1,title=test_b inconclusive::not run",
        "::warning title=faultbox::careful",
    ]


def test_text_can_t_become_a_command_or_a_property(spools: ModuleType) -> None:
    info = spools.info("test_a,line=1::error")
    red = spools.result(info, Verdict.FAILED, reason="x\n::add-mask::y\r::z\x1b[2J")
    (line,) = github.commands(github.of_run(RunResult(1, (red,))), "")
    assert "\n" not in line
    assert "\r" not in line
    assert line.endswith("title=test_a%2Cline=1%3A%3Aerror failed::x%0A::add-mask::y%0D::z\\x1b[2J")


def test_strict_marks_what_makes_the_run_red(spools: ModuleType) -> None:
    met, unmet = (spools.result(spools.info(f"test_{each}"), exercised=each) for each in (True, False))
    lenient, strict = (RunResult(1, (met, unmet), warnings=("careful",), strict=each) for each in (False, True))
    assert github.commands(github.of_run(lenient), "") == ["::warning title=faultbox::careful"]
    assert github.commands(github.of_run(strict), "") == [
        "::error file=spec.star,line=7,col=1,title=test_False not exercised::none of its faults fired",
        "::error title=faultbox::careful",
    ]


def test_ten_of_a_kind(spools: ModuleType) -> None:
    red = [spools.result(spools.info(f"test_{number}"), Verdict.FAILED, reason="no") for number in range(30)]
    dead = (DeadAssumption("full", "s.star:3:1", ()),)
    assert len(github.commands(github.of_run(RunResult(1, tuple(red), dead=dead)), "")) == 10


def test_problems_of_a_spec() -> None:
    found = github.of_problems(
        [Problem("UNKNOWN_NAME", "undefined: faultt", Position("s.star", 2, 3), nearest="fault")]
    )
    assert github.commands(found, "") == [
        "::error file=s.star,line=2,col=3,title=UNKNOWN_NAME::undefined: faultt; did you mean 'fault'?"
    ]


def test_the_summary(spools: ModuleType) -> None:
    cells = [spools.cell(row, column) for row in ("order", "list") for column in ("down", "full")]
    results = (
        spools.result(cells[0]),
        spools.result(cells[1], Verdict.FAILED, reason="<b>503</b> | \x1b[31mno"),
        spools.result(cells[2], exercised=False),
    )
    text = github.summary(
        "s.star", RunResult(3, results, dead=(DeadAssumption("d_1", "s:1:1", ()),)), cells, ["again \x9b1"]
    )
    assert text == (
        "## s.star: 2 passed, 1 failed, 1 not exercised, 1 not run\n\n"
        "Seed 3\n\n"
        "| scenario | down | full |\n"
        "| --- | --- | --- |\n"
        "| order | ✅ passed | ❌ failed |\n"
        "| list | ○ passed | — |\n\n"
        "### Not green\n\n"
        "- ❌ **matrix\\_order\\_full** &lt;b&gt;503&lt;/b&gt; \\| \\\\x1b\\[31mno\n\n"
        "### Dead assumptions\n\n"
        "- **d\\_1** (s:1:1)\n\n"
        "### Replay\n\n"
        "<pre>\nagain \\x9b1\n</pre>\n"
    )


def test_a_summary_that_is_too_long_says_so(spools: ModuleType) -> None:
    red = [spools.result(spools.info(f"test_{n}"), Verdict.FAILED, reason="é" * 2000) for n in range(1000)]
    text = github.summary("s.star", RunResult(1, tuple(red)), [], [])
    assert len(text.encode()) < 1 << 20
    assert text.endswith("\n\n(cut: the whole is in the bundle)\n")
