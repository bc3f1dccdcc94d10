"""Expectations: what a scenario's value must be. Each builtin gives a function of that value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faultbox.model.host import AssertionFailed, Response, current
from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.values import sequence, show

TIMED_OUT = "timeout"
"""What Response.error says where no answer came in time."""
_HTTP = frozenset({"http", "http2"})


def expectation(name: str, check: Callable[[Response], str]) -> Builtin:
    """A function of a scenario's value; `check` gives what is wrong with a response, "" when nothing is."""
    code = name.removeprefix("expect_").upper()

    def expect(_site: CallSite, args: tuple[Any, ...], _named: dict[str, Any]) -> None:
        host = current.get(None)
        if host is not None:
            host.asserted()
        for each in _responses(name, args[0] if args else None):
            wrong = check(each)
            if wrong:
                raise AssertionFailed(f"{name}: {wrong}", code=code)

    return Builtin(name, expect)


def _responses(name: str, value: object) -> list[Response]:
    """A scenario's value as responses: one, or a list or tuple of them, as parallel() gives."""
    if isinstance(value, Response):
        return [value]
    items = sequence(value)
    if items and all(isinstance(each, Response) for each in items):
        return items
    raise AssertionFailed(f"{name}: the scenario gave {show(value)} (want a response: return the step's result)")


def _answer(response: Response) -> str:
    if response.error:
        return f'error="{response.error}"'
    return f"status_code={response.status}" if response.protocol in _HTTP else f"ok={response.ok}"


def _success(response: Response) -> str:
    if response.error:
        return f"{_answer(response)} (want an answer)"
    if response.protocol in _HTTP:
        return f"{_answer(response)} (want < 500)" if response.status >= 500 else ""
    return "" if response.ok else "ok=False (want True)"


@builtin("expect_success")
def expect_success(_call: Call) -> Builtin:
    """Expects an answer that is no failure of the server: a status below 500, or ok for other protocols.

    gives: an expectation, for expect=, default_expect= and overrides=
    """
    return expectation("expect_success", _success)


@builtin("expect_error_within", ms=kinds.milliseconds)
def expect_error_within(_call: Call, ms: float) -> Builtin:
    """Expects a failure, in time: a status from 400, ok=False for other protocols, or a transport error.

    ms: milliseconds that the step may take
    gives: an expectation, for expect=, default_expect= and overrides=
    """

    def check(response: Response) -> str:
        if not response.error and response.protocol in _HTTP and response.status < 400:
            return f"{_answer(response)} (want >= 400 or an error)"
        if not response.error and response.protocol not in _HTTP and response.ok:
            return "ok=True (want False or an error)"
        if response.duration_ms > ms:
            return f"{_answer(response)} after {response.duration_ms:.0f}ms (want an error within {ms:g}ms)"
        return ""

    return expectation("expect_error_within", check)


@builtin("expect_hang")
def expect_hang(_call: Call) -> Builtin:
    """Expects that no answer came within the step's own timeout=.

    gives: an expectation, for expect=, default_expect= and overrides=
    """

    def check(response: Response) -> str:
        if response.error == TIMED_OUT:
            return ""
        return f"{_answer(response)} after {response.duration_ms:.0f}ms (want no answer in time)"

    return expectation("expect_hang", check)
