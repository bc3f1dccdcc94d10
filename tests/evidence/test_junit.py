"""A run as JUnit XML."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from faultbox.evidence import junit
from faultbox.model.source import Position, Problem
from faultbox.model.verdict import DeadAssumption, Frame, RunResult, Verdict


def read(result: RunResult, planned: Any = ()) -> Xml.Element:
    return Xml.fromstring(junit.document("spec.star", result, planned, lambda each: f"again {each.info.id}"))


def only(suite: Xml.Element, name: str) -> Xml.Element:
    (found,) = suite.findall(f".//testcase[@name='{name}']")
    return found


def test_what_is_not_green_is_a_failure_or_an_error(spools: ModuleType) -> None:
    verdicts = list(Verdict)
    infos = [spools.info(f"test_{verdict}") for verdict in verdicts]
    results = tuple(
        spools.result(info, verdict, code="ASSERTION" if verdict is Verdict.FAILED else "", reason="why")
        for info, verdict in zip(infos, verdicts, strict=True)
    )
    root = read(RunResult(7, results), [*infos, spools.info("test_later")])
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "1",
        "errors": "3",
        "skipped": "1",
    }
    assert list(only(root, "test_passed")) == []
    failure = only(root, "test_failed").find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message"), failure.text) == (
        "ASSERTION",
        "why",
        "replay: again test_failed",
    )
    kinds = [each.get("type") for each in root.iter("error")]
    assert kinds == ["ERRORED", "INCONCLUSIVE", "HALTED"]
    assert only(root, "test_later").find("skipped") is not None
    assert root.find(".//property[@name='seed'][@value='7']") is not None


def test_a_pass_that_met_no_fault_says_so(spools: ModuleType) -> None:
    met, unmet = (
        spools.result(spools.info("test_a"), exercised=True),
        spools.result(spools.info("test_b"), exercised=False),
    )
    root = read(RunResult(1, (met, unmet)))
    assert [only(root, each).findtext("system-out") for each in ("test_a", "test_b")] == [
        None,
        "not exercised: no fault of this case fired",
    ]


def test_strict_has_a_failure_for_what_makes_the_run_red(spools: ModuleType) -> None:
    unmet = spools.result(spools.info("test_a"), exercised=False)
    counted = [
        read(RunResult(1, (unmet,), warnings=("careful",), strict=strict)).get("failures") for strict in (False, True)
    ]
    assert counted == ["0", "2"]


def test_a_red_case_explains_itself(spools: ModuleType) -> None:
    info = spools.cell("order", "full", run=2)
    result = spools.result(
        info,
        Verdict.FAILED,
        1500.0,
        reason="503",
        traceback=(Frame("spec.star:9:5", "order", "    assert_eq(r.status, 200)", 5, 29),),
        rules=(spools.rule(),),
        logs={"api": ("no space", "\x1b[31mleft\x00")},
        prints=("ordering",),
        notes=("ran twice",),
    )
    case = only(read(RunResult(1, (result,))), "matrix_order_full (run 2)")
    assert (case.get("time"), case.get("file"), case.get("line")) == ("1.500", "spec.star", "7")
    failure = case.find("failure")
    assert failure is not None
    assert failure.text == (
        "at spec.star:9:5 in order: assert_eq(r.status, 200)\n"
        "cache: connect=deny(ECONNREFUSED) (calls of api) seen 4, matched 4, fired 4\n"
        "note: ran twice\nreplay: again matrix_order_full"
    )
    assert case.findtext("system-out") == "ordering"
    assert case.findtext("system-err") == "[api] no space\n[api] \\x1b[31mleft\\x00"


def test_dead_assumptions_and_errors_of_the_run_are_red_too(spools: ModuleType) -> None:
    info = spools.info("test_a")
    root = read(RunResult(1, (spools.result(info),), dead=(DeadAssumption("full", "s:3:1", ()),), errors=("broke",)))
    assert only(root, "assumption full").find("failure") is not None
    assert only(root, "the run").find("error") is not None


def test_a_run_that_was_stopped_is_not_green(spools: ModuleType) -> None:
    root = read(RunResult(1, (spools.result(spools.info("test_a")),), interrupted=2), [spools.info("test_b")])
    assert (root.get("errors"), root.get("skipped")) == ("1", "1")


@pytest.mark.parametrize(("strict", "failures"), [(False, "0"), (True, "1")])
def test_not_exercised_is_red_where_it_fails_the_run(spools: ModuleType, *, strict: bool, failures: str) -> None:
    result = spools.result(spools.cell("order", "full"), exercised=False)
    assert read(RunResult(1, (result,), strict=strict)).get("failures") == failures


def test_nothing_was_started() -> None:
    problems = [Problem("UNKNOWN_ERRNO", "no errno is called EI", Position("s.star", 2, 8), nearest="EIO")]
    root = Xml.fromstring(junit.refused("s.star", problems, ""))
    assert (root.get("errors"), only(root, "s.star:2:8").find("error").get("type")) == ("1", "UNKNOWN_ERRNO")  # type: ignore[union-attr]
    assert Xml.fromstring(junit.refused("s.star", (), "no root")).get("errors") == "1"


def test_any_text_is_xml(spools: ModuleType) -> None:
    ugly = "".join(map(chr, (*range(0x20), 0xD800, 0xFFFE, 0x1F600))) + "]]><&\"'"
    result = spools.result(spools.info("test_a"), Verdict.FAILED, reason=ugly, prints=(ugly,))
    case = only(read(RunResult(1, (result,))), "test_a")
    assert "]]><&\"'" in (case.findtext("system-out") or "")
