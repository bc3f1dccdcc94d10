"""What was found becomes a verdict in one place: the order in which findings decide."""

from __future__ import annotations

import errno

import pytest

from faultbox.model.event import Event
from faultbox.model.fault import Action, ActionKind, Counts, Fault, Rule, Trigger
from faultbox.model.host import AssertionFailed, ExitStatus, Inconclusive, SpecError
from faultbox.model.message import MessageAction, MessageFault, MessageRule
from faultbox.model.plan import Case, CaseInfo
from faultbox.model.source import Position
from faultbox.model.verdict import CaseResult, Frame, Verdict
from faultbox.run.starvation import STARVED
from faultbox.run.verdict import Findings, describe_exit, reports, rule, starved

AT = Position("x.star", 1)
INFO = CaseInfo("matrix_order_db_down", "cell", "order", "db_down", AT, 1)
CELL = Case(INFO, body=lambda: None)
DEATH = {"db": ExitStatus(code=1, signal=None)}
VIOLATION = ("stock", Event(1, "stdout", "inventory"), AssertionFailed("stock went negative: -1"))


def test_nothing_found_is_passed() -> None:
    assert rule(CELL, Findings(), 1, has_faults=True).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("found", "verdict", "code", "reason"),
    [
        (
            Findings(broken="the supervisor of db died", broken_code="HELPER_DIED", deaths=DEATH),
            Verdict.ERRORED,
            "HELPER_DIED",
            "supervisor",
        ),
        (Findings(halted="interrupted", deaths=DEATH), Verdict.HALTED, "HALTED", "interrupted"),
        (
            Findings(deaths=DEATH, error=AssertionFailed("x")),
            Verdict.FAILED,
            "SERVICE_DIED",
            "db exited with code 1 while the case ran",
        ),
        (
            Findings(violations=[VIOLATION], limit="timed out"),
            Verdict.FAILED,
            "MONITOR",
            "monitor stock: stock went negative: -1",
        ),
        (
            Findings(limit="timed out after 2s in api.http.get(path='/')"),
            Verdict.FAILED,
            "TIMEOUT",
            "timed out after 2s in api",
        ),
        (
            Findings(error=AssertionFailed("assert_eq failed: 1 != 2"), lost=["db: gone"]),
            Verdict.FAILED,
            "ASSERTION",
            "1 != 2",
        ),
        (Findings(error=Inconclusive("db is not observed")), Verdict.INCONCLUSIVE, "INCONCLUSIVE", "not observed"),
        (
            Findings(error=SpecError("WRONG_TYPE", "get(): path must be a string")),
            Verdict.ERRORED,
            "WRONG_TYPE",
            "path must be",
        ),
        (
            Findings(error=ZeroDivisionError("floored division by zero")),
            Verdict.ERRORED,
            "EVALUATION",
            "floored division",
        ),
        (
            Findings(distorted=["api -> db.main: unknown ca"], error=AssertionFailed("no")),
            Verdict.INCONCLUSIVE,
            "DISTORTED",
            "because of the proxy in it: api -> db.main: unknown ca",
        ),
        (Findings(lost=["supervisor:db: gone"]), Verdict.INCONCLUSIVE, "EVENTS_LOST", "supervisor:db: gone"),
    ],
)
def test_the_first_finding_that_holds_decides(found: Findings, verdict: Verdict, code: str, reason: str) -> None:
    ruling = rule(CELL, found, 1, has_faults=True)
    assert (ruling.verdict, ruling.code) == (verdict, code)
    assert reason in ruling.reason


def test_a_cell_that_must_meet_its_fault_fails_when_it_did_not() -> None:
    strict = Case(INFO, body=lambda: None, require_fire=True)
    assert rule(strict, Findings(), 0, has_faults=True).verdict is Verdict.FAILED
    assert rule(strict, Findings(), 1, has_faults=True).verdict is Verdict.PASSED
    assert rule(strict, Findings(), 0, has_faults=False).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("found", "on_time"),
    [
        (Findings(limit="timed out after 2s"), True),
        (Findings(error=AssertionFailed("x")), False),
        (Findings(error=AssertionFailed("x", code="EVENTUALLY")), True),
        (Findings(error=AssertionFailed("x"), timed_out_steps=["api.get()"]), True),
        (
            Findings(
                error=AssertionFailed("x"), traceback=(Frame("a.star:1", "f", "assert_true(r.duration_ms < 5)", 1, 2),)
            ),
            True,
        ),
        (Findings(deaths=DEATH), False),
    ],
)
def test_which_failures_a_starved_host_could_have_caused(found: Findings, on_time: bool) -> None:
    assert rule(CELL, found, 1, has_faults=True).on_time is on_time


def test_only_a_failure_on_time_on_a_starved_host_is_marked() -> None:
    failed = CaseResult(INFO, Verdict.FAILED, 100.0, run_delay=0.06)
    assert STARVED in starved(failed, on_time=True).notes
    assert STARVED not in starved(failed, on_time=False).notes
    calm = CaseResult(INFO, Verdict.FAILED, 100.0, run_delay=0.04)
    assert STARVED not in starved(calm, on_time=True).notes


def test_ends_in_words() -> None:
    assert describe_exit(ExitStatus(code=3, signal=None)) == "exited with code 3"
    assert describe_exit(ExitStatus(code=None, signal=40)) == "was killed by signal 40"
    assert describe_exit(ExitStatus(code=None, signal=9)) == "was killed by SIGKILL"


def test_a_report_shows_all_that_a_rule_matches() -> None:
    """Two rules of one assumption that differ in what they match must not look alike."""
    deny = Action(ActionKind.DENY, errno=errno.EIO)
    plain = Fault(deny, AT)
    narrow = Fault(deny, AT, Trigger(nth=3, probability=0.5), path="/data/*", on="file", from_start=True)
    kept = Fault(deny, AT, direction="in", existing="keep")
    page = {"path": "/a*"}
    first = MessageFault(MessageAction.ERROR, AT, match=page, arguments={"status": 503}, trigger=Trigger(first=2))
    late = MessageFault(MessageAction.DROP, AT, side="response", match=page)
    rules = [
        Rule("a", "db", "db", "write", frozenset({"write"}), plain, slot=0),
        Rule("b", "db", "db", "write", frozenset({"write"}), narrow, path="/data/*", slot=1),
        Rule("c", "db", "db", "journal", frozenset({"write"}), plain, path="/var/journal", slot=2),
        Rule("d", "api", "db", "connect", frozenset({"connect"}), kept, slot=3),
        MessageRule("e", "web", "main", "http", first, slot=4),
        MessageRule("f", "web", "main", "http", late, source="api", slot=5),
    ]
    found = reports(rules, dict.fromkeys(range(6), Counts()), {}, {})
    assert [each.text for each in found] == [
        "db: write=deny(EIO)",
        "db: write=deny(EIO, path='/data/*', on='file', from_start=True, nth=3, probability=0.5)",
        "db: journal=deny(EIO, path='/var/journal')",
        "db: connect=deny(EIO, direction='in', existing='keep') (calls of api)",
        "web.main: error(path='/a*', status=503, first=2)",
        "web.main: drop(path='/a*', side='response') (calls of api)",
    ]
