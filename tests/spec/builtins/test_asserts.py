"""Assertions over values and the trace, events(), fail(), assert_exited()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.host import AssertionFailed, ExitStatus, Inconclusive, SpecError

Run = Callable[..., Any]


def event(seq: int, kind: str = "syscall", service: str = "db", **fields: str) -> Event:
    return Event(seq, kind, service, fields, seq=seq)


TRACE = [
    event(1, syscall="openat", decision="allow", path="/data/x"),
    event(2, syscall="pwrite64", decision="deny(EIO)", path="/data/wal"),
    event(3, "stdout", "api", raw="sorry"),
    event(4, syscall="connect", service="api", decision="delay(2s)"),
]

HOLDS = [
    "assert_true(1 == 1)",
    "assert_true([0])",
    "assert_eq(1, 1.0)",
    'assert_eq([1, {"a": (2,)}], [1, {"a": (2,)}])',
    'assert_eventually(type = "syscall", service = "db", decision = "deny*")',
    "assert_eventually(service = db, decision = 'deny*')",
    'assert_eventually(syscall = "write", decision = "deny*")',
    'assert_eventually(where = lambda e: e.type == "stdout" and "sorry" in e.raw)',
    'assert_eventually(lambda e: e.seq == 3, service = "api")',
    'assert_eventually(path = "/data/*")',
    'assert_never(type = "wal")',
    'assert_never(syscall = "fsync")',
    "assert_never(where = lambda e: e.seq > 4)",
    'assert_before(first = {"syscall": "openat"}, then = {"decision": "deny*"})',
    'assert_before(first = lambda e: e.seq == 1, then = {"type": "stdout", "service": "api"})',
]


@pytest.mark.parametrize("signal", ["'SIGSEGV'", "'SEGV'", "'11'", "11", "'1?'"])
def test_a_signal_is_named_or_numbered(run: Run, host: Any, signal: str) -> None:
    host.trace = [event(1, "process", op="exit", signal="11"), event(2, "service_exited", signal="11")]
    for kind in ("process", "service_exited"):
        assert run(f"return events(type = '{kind}', signal = {signal})[0].signal") == "11"
        with pytest.raises(AssertionFailed):
            run(f"assert_never(type = '{kind}', signal = {signal})")
    assert list(run("return events(type = 'process', signal = 'SIGKILL')")) == []


@pytest.mark.parametrize("body", HOLDS)
def test_what_holds(run: Run, host: Any, body: str) -> None:
    host.trace = TRACE
    assert run(f"return {body}") is None
    assert host.assertions == 1


def test_mistakes_in_failing(run: Run, host: Any, mistake: tuple[str, list[str]]) -> None:
    body, (wanted,) = mistake
    host.trace = TRACE
    with pytest.raises(AssertionFailed) as caught:
        run(body)
    assert str(caught.value) == wanted


def test_deciding_events_come_with_the_failure(run: Run, host: Any) -> None:
    host.trace = TRACE
    for body, seqs in (
        ('assert_never(decision = "deny*")', [2]),
        ('assert_before(first = {"type": "stdout"}, then = {"syscall": "openat"})', [1, 3]),
    ):
        with pytest.raises(AssertionFailed) as caught:
            run(body)
        assert [each.seq for each in caught.value.deciding] == seqs


def test_what_cannot_be_seen_is_inconclusive(run: Run, host: Any) -> None:
    host.unobservable = "fsync of db is not observed in this case"
    for body in (
        'assert_never(syscall = "fsync")',
        'assert_eventually(syscall = "fsync")',
        'assert_before(first = {"syscall": "fsync"}, then = {"type": "print"})',
    ):
        with pytest.raises(Inconclusive, match="fsync of db is not observed in this case"):
            run(body)
    host.trace = [event(1, syscall="fsync")]
    with pytest.raises(AssertionFailed):
        run('assert_never(syscall = "fsync")')


def test_silence_is_no_proof_for_a_list_of_events(run: Run, host: Any) -> None:
    host.unobservable = "fsync of db is not observed in this case"
    for body in ('events(syscall = "fsync")', "events()", "events(lambda e: e.seq > 5)"):
        with pytest.raises(Inconclusive, match="fsync of db is not observed in this case"):
            run(body)


def test_what_was_lost_may_have_come_before(run: Run, host: Any) -> None:
    host.trace, host.lost = [event(1, syscall="fsync"), event(2, syscall="write")], "events were lost"
    with pytest.raises(Inconclusive, match="events were lost"):
        run('assert_before(first = {"syscall": "fsync"}, then = {"syscall": "write"})')


def test_mistakes_in_asserts(run: Run, host: Any, mistake: tuple[str, list[str]]) -> None:
    body, (wanted,) = mistake
    with pytest.raises(SpecError) as caught:
        run(body)
    assert f"[{caught.value.code}] {caught.value}".startswith(wanted)


def test_events_are_filtered(run: Run, host: Any) -> None:
    host.trace = TRACE
    for call, seqs in (
        ("events()", [1, 2, 3, 4]),
        ('events(type = "syscall", service = db)', [1, 2]),
        ('events(syscall = "write")', [2]),
        ('events(syscall = "*")', [1, 2, 4]),
        ("events(where = lambda e: e.seq % 2)", [1, 3]),
        ("events(seq = 3)", [3]),
        ('events(type = "wal")', []),
    ):
        assert [each.seq for each in run(f"return {call}")] == seqs, call


def test_a_failing_condition_fails_the_assertion_s_caller(run: Run, host: Any) -> None:
    host.trace = TRACE
    with pytest.raises(Exception, match=r"unknown binary op: int \+ string"):
        run("assert_never(where = lambda e: 1 + 'x')")


@pytest.mark.parametrize(
    ("ended", "call", "message"),
    [
        (ExitStatus(0, None), "assert_exited(db)", ""),
        (ExitStatus(3, None), "assert_exited(db, code = 3)", ""),
        (ExitStatus(None, 9), 'assert_exited(db, signal = "KILL")', ""),
        (
            ExitStatus(1, None),
            "assert_exited(db, code = 3)",
            "assert_exited failed: db exited with code 1 (want code 3)",
        ),
        (
            ExitStatus(None, 9),
            "assert_exited(db, code = 3)",
            "assert_exited failed: db was killed by SIGKILL (want code 3)",
        ),
        (
            ExitStatus(3, None),
            "assert_exited(db, signal = 15)",
            "assert_exited failed: db exited with code 3 (want SIGTERM)",
        ),
    ],
)
def test_exits(run: Run, host: Any, ended: ExitStatus, call: str, message: str) -> None:
    host.ended = ended
    if not message:
        run(call)
        return
    with pytest.raises(AssertionFailed) as caught:
        run(call)
    assert str(caught.value) == message


def test_fail_while_loading(problems: Callable[..., list[str]]) -> None:
    assert problems('fail("no", 1)') == ["4:1 [FAIL] fail(): no 1"]
