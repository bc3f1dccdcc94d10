"""What applications' drivers make of a proxy before a real Redis, and of each fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Rule = Callable[..., Any]

REDIS_PY = {
    "READONLY": "ReadOnlyError",
    "LOADING": "BusyLoadingError",
    "CLUSTERDOWN": "ClusterDownError",
    "OOM": "OutOfMemoryError",
    "NOAUTH": "AuthenticationError",
    "NOPERM": "NoPermissionError",
    "MASTERDOWN": "MasterDownError",
    "TRYAGAIN": "TryAgainError",
    "EXECABORT": "ExecAbortError",
    "NOSCRIPT": "NoScriptError",
    "MOVED 3999 127.0.0.1:6381": "MovedError",
    "ASK 3999 127.0.0.1:6381": "AskError",
    "BUSY": "ResponseError",
    "disk full": "ResponseError",
}
GO_REDIS = {
    "READONLY": "READONLY",
    "LOADING": "LOADING",
    "CLUSTERDOWN": "CLUSTERDOWN",
    "OOM": "OOM",
    "disk full": "ERR",
}
REDIS_CLI = {"READONLY": "READONLY", "LOADING": "LOADING", "WRONGTYPE": "WRONGTYPE", "disk full": "ERR"}


def errors_of(driver: Any) -> dict[str, str]:
    """The message of error(), and what the driver calls it."""
    return {"GoRedis": GO_REDIS, "Ioredis": GO_REDIS, "RedisCli": REDIS_CLI}.get(type(driver).__name__, REDIS_PY)


def test_without_rules_all_is_as_without_a_proxy(driver: Any, door: Any, server: int) -> None:
    assert driver.tour(door.port) == driver.tour(server)


def test_with_rules_that_do_not_match_too(driver: Any, door: Any, server: int, rule: Rule) -> None:
    door.rules(
        rule("error", "GET", "never"),
        rule("rewrite", "NEVER", side="response", put="x"),
        rule("error", side="response", value="never"),
    )
    assert driver.tour(door.port) == driver.tour(server)
    assert door.counts().seen >= 15
    assert all(door.counts(index).fired == 0 for index in range(3))


def test_errors_are_the_driver_s_own(driver: Any, door: Any, rule: Rule) -> None:
    for message, error in errors_of(driver).items():
        door.rules(rule("error", "GET", "user:*", message=message))
        outcome = driver.get(door.port, "user:1")
        assert (outcome.error, outcome.value) == (error, None), message
        assert driver.set(door.port, "user:1", "x").error == ""
        assert driver.get(door.port, "other").error in ("", "Nil")
        assert door.counts().fired == 1


def test_a_delay_is_waited_for_once(driver: Any, door: Any, rule: Rule) -> None:
    driver.set(door.port, "a", "x")
    door.rules(rule("delay", "GET", delay_ms=400))
    outcome = driver.get(door.port, "a")
    assert (outcome.value, outcome.error) == ("x", "")
    assert 400 <= outcome.ms < 790
    assert driver.set(door.port, "a", "y").ms < 390


@pytest.mark.parametrize("side", ["request", "response"])
def test_a_dropped_connection(driver: Any, door: Any, rule: Rule, side: str) -> None:
    driver.set(door.port, "a", "x")
    door.rules(rule("drop", "GET", side=side))
    outcome = driver.get(door.port, "a")
    assert outcome.error in driver.dropped
    assert door.counts().fired == 1
    assert driver.set(door.port, "b", "y").error == ""


def test_a_truncated_reply(driver: Any, door: Any, rule: Rule) -> None:
    driver.set(door.port, "a", "x" * 1000)
    door.rules(rule("truncate", "GET", side="response", after=500))
    assert driver.get(door.port, "a").error in driver.dropped | {"ErrUnexpectedEOF"}
    assert door.counts().fired == 1


def test_a_made_up_and_a_rewritten_value(driver: Any, door: Any, rule: Rule) -> None:
    driver.set(door.port, "a", "x")
    door.rules(rule("response", "GET", "made", put="up"), rule("rewrite", "GET", "a", side="response", put="rewritten"))
    assert driver.get(door.port, "made").value == "up"
    assert driver.get(door.port, "a").value == "rewritten"


def test_a_cache_miss(driver: Any, door: Any, rule: Rule) -> None:
    driver.set(door.port, "a", "x")
    door.rules(rule("response", "GET"))
    outcome = driver.get(door.port, "a")
    assert (outcome.value, outcome.error) in ((None, ""), (None, "Nil"), ("(nil)", ""))
