"""expect_success, expect_error_within, expect_hang: every answer a step can give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.host import AssertionFailed, Response
from faultbox.model.spec import Spec
from faultbox.spec.builtins import Invocation
from faultbox.spec.semantics.values import List


def http(status: int, ms: float = 12) -> Response:
    return Response(status, ok=status < 400, duration_ms=ms, protocol="http")


def tcp(*, ok: bool) -> Response:
    return Response(body="x", ok=ok, protocol="tcp")


def broken(error: str, ms: float = 12) -> Response:
    return Response(error=error, duration_ms=ms, protocol="http")


@pytest.fixture
def judge(load: Callable[..., Spec]) -> Callable[[str, Any], str]:
    """What an expectation says of a value: "" where it holds."""

    def judged(expectation: str, value: Any) -> str:
        spec = load(
            "def s():\n    pass\nf = fault_assumption('f', target = db, write = deny('EIO'))\n"
            f"fault_scenario('x', scenario = s, faults = f, expect = {expectation})"
        )
        try:
            Invocation(spec.fault_scenarios[0].expect)(value)
        except AssertionFailed as error:
            return str(error)
        return ""

    return judged


SUCCESS = [
    (http(200), ""),
    (http(404), ""),
    (http(499), ""),
    (http(503), "expect_success: status_code=503 (want < 500)"),
    (broken("connection refused"), 'expect_success: error="connection refused" (want an answer)'),
    (broken("timeout"), 'expect_success: error="timeout" (want an answer)'),
    (tcp(ok=True), ""),
    (tcp(ok=False), "expect_success: ok=False (want True)"),
    (None, "expect_success: the scenario gave None (want a response: return the step's result)"),
    (True, "expect_success: the scenario gave True (want a response: return the step's result)"),
    (List(), "expect_success: the scenario gave list [] (want a response: return the step's result)"),
    (List([http(200), http(200)]), ""),
    ((http(200), http(500)), "expect_success: status_code=500 (want < 500)"),
]


@pytest.mark.parametrize(("value", "wanted"), SUCCESS)
def test_success(judge: Callable[[str, Any], str], value: Any, wanted: str) -> None:
    assert judge("expect_success()", value) == wanted


ERROR = [
    (http(400), ""),
    (http(503, 5000), ""),
    (broken("connection refused"), ""),
    (broken("timeout", 4000), ""),
    (tcp(ok=False), ""),
    (http(200), "expect_error_within: status_code=200 (want >= 400 or an error)"),
    (http(399), "expect_error_within: status_code=399 (want >= 400 or an error)"),
    (http(503, 6210.4), "expect_error_within: status_code=503 after 6210ms (want an error within 5000ms)"),
    (broken("timeout", 30000), 'expect_error_within: error="timeout" after 30000ms (want an error within 5000ms)'),
    (tcp(ok=True), "expect_error_within: ok=True (want False or an error)"),
    (None, "expect_error_within: the scenario gave None (want a response: return the step's result)"),
]


@pytest.mark.parametrize(("value", "wanted"), ERROR)
def test_error_within(judge: Callable[[str, Any], str], value: Any, wanted: str) -> None:
    assert judge("expect_error_within(ms = 5000)", value) == wanted


HANG = [
    (broken("timeout", 30000), ""),
    (http(200), "expect_hang: status_code=200 after 12ms (want no answer in time)"),
    (broken("connection refused"), 'expect_hang: error="connection refused" after 12ms (want no answer in time)'),
    (None, "expect_hang: the scenario gave None (want a response: return the step's result)"),
]


@pytest.mark.parametrize(("value", "wanted"), HANG)
def test_hang(judge: Callable[[str, Any], str], value: Any, wanted: str) -> None:
    assert judge("expect_hang()", value) == wanted


def test_an_expectation_is_an_assertion(judge: Callable[[str, Any], str], host: Any) -> None:
    judge("expect_success()", http(200))
    assert host.assertions == 1


def test_mistakes_in_expect(problems: Callable[..., list[str]], mistake: tuple[str, list[str]]) -> None:
    call, wanted = mistake
    assert problems(call) == wanted
