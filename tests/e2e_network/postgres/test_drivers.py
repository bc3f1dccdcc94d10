"""What applications' drivers make of a proxy before a real PostgreSQL, and of each fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

Rule = Callable[..., Any]


def plus_one(driver: Any) -> str:
    """A statement with one parameter, as the driver writes it."""
    return f"select cast({driver.placeholder} as int) + 1 as n"


def test_without_rules_all_is_as_without_a_proxy(driver: Any, door: Any, server: int) -> None:
    assert driver.tour(door.port) == driver.tour(server)


def test_with_rules_that_do_not_match_too(driver: Any, door: Any, server: int, rule: Rule) -> None:
    door.rules(
        rule("error", "select never*"),
        rule("delay", match={"table": "never", "params.1": "never"}, delay_ms=1000),
        rule("rewrite", "select never*", side="response", values={"a": 1}),
        rule("truncate", side="response", match={"status": "XX999"}),
    )
    assert driver.tour(door.port) == driver.tour(server)
    assert door.counts().seen >= 15
    assert all(door.counts(index).fired == 0 for index in range(4))


def test_errors_are_the_driver_s_own(driver: Any, door: Any, rule: Rule) -> None:
    codes = {"deadlock_detected": "40P01", "40001": "40001", "53100": "53100"}
    for code, name in driver.errors.items():
        door.rules(rule("error", "SELECT CAST(*", code=code))
        outcome = driver.run(door.port, plus_one(driver), 41)
        assert (outcome.error, outcome.code, outcome.value) == (name, codes[code], None)
        assert driver.run(door.port, "select 2").value == [(2,)]
        assert door.counts().fired == 1


def test_a_bound_parameter_is_matched(driver: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("error", match={"params.1": "13"}, code="23505"))
    assert driver.run(door.port, plus_one(driver), 12).value == [(13,)]
    assert driver.run(door.port, plus_one(driver), 13).code == "23505"
    assert door.counts()[1:] == (1, 1, 0)


def test_a_delay_is_waited_for_once(driver: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("delay", "select cast(*", delay_ms=600))
    outcome = driver.run(door.port, plus_one(driver), 41)
    assert outcome.value == [(42,)]
    assert 600 <= outcome.ms < 1190
    assert door.counts().fired == 1
    assert driver.run(door.port, "select 2").ms < 590


@pytest.mark.parametrize("side", ["request", "response"])
def test_a_dropped_connection(driver: Any, door: Any, rule: Rule, side: str) -> None:
    door.rules(rule("drop", "select cast(*", side=side))
    assert driver.run(door.port, plus_one(driver), 41).error in driver.dropped
    assert door.counts().fired == 1
    assert driver.run(door.port, "select 2").value == [(2,)]


def test_a_truncated_result(driver: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("truncate", "select repeat*", side="response", after=500))
    assert driver.run(door.port, "select repeat('x', 1000) as a").error in driver.dropped
    assert door.counts().fired == 1


def test_a_write_that_took_effect_but_was_not_acknowledged(driver: Any, door: Any, rule: Rule, server: int) -> None:
    door.rules(rule("drop", "insert into orders*", side="response"))
    assert driver.run(door.port, "insert into orders values (1)").error in driver.dropped
    assert driver.run(server, "select id from orders").value == [(1,)]


def test_a_write_that_was_acknowledged_but_did_not_take_effect(driver: Any, door: Any, rule: Rule, server: int) -> None:
    door.rules(rule("response", match={"table": "orders", "command": "insert"}))
    assert driver.run(door.port, "insert into orders values (1)").error == ""
    assert door.counts().fired == 1
    assert driver.run(server, "select id from orders").value == []


def test_a_write_that_is_done_twice(driver: Any, door: Any, rule: Rule, server: int) -> None:
    door.rules(rule("duplicate", match={"table": "orders", "command": "insert"}))
    assert driver.run(door.port, "insert into orders values (1)").error == ""
    assert driver.run(server, "select id from orders").value == [(1,), (1,)]


def test_made_up_and_rewritten_rows(driver: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("response", "select cast(*", rows=[{"n": 7}, {"n": None}]))
    assert driver.run(door.port, plus_one(driver), 41).value == [(7,), (None,)]
    door.rules(rule("rewrite", "select cast(*", side="response", values={"n": 9}))
    assert driver.run(door.port, plus_one(driver), 41).value == [(9,)]
    door.rules(rule("rewrite", "select cast(*", side="response", rows=[]))
    assert driver.run(door.port, plus_one(driver), 41).value == []


def test_no_connection_is_left(driver: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("error", match={"command": "connect"}, code="53300"))
    outcome = driver.run(door.port, "select 1")
    assert outcome.value is None
    assert outcome.code == "53300" or outcome.error == "OperationalError"
    assert door.counts().fired >= 1


def test_a_transaction_fails_as_a_whole(door: Any, rule: Rule, server: int) -> None:
    door.rules(rule("error", "insert into orders values (99)", code="40P01"))
    with psycopg.connect(_dsn(door.port)) as connection:
        with pytest.raises(psycopg.errors.DeadlockDetected):
            _insert(connection, 1, 99)
        connection.execute("insert into orders values (2)")
        with pytest.raises(psycopg.errors.DeadlockDetected):
            connection.execute("insert into orders values (99)")
        assert connection.info.transaction_status.name == "INERROR"
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("select 1")
        connection.commit()
        with connection.transaction():
            connection.execute("insert into orders values (3)")
            with pytest.raises(psycopg.errors.DeadlockDetected):
                _insert(connection, 99)
            connection.execute("insert into orders values (4)")
    with psycopg.connect(_dsn(server)) as connection:
        assert connection.execute("select id from orders order by id").fetchall() == [(3,), (4,)]


def test_one_of_many_in_a_pipeline_fails_and_none_is_done(door: Any, rule: Rule, server: int) -> None:
    door.rules(rule("error", match={"params.1": "150"}, code="23505"))
    with psycopg.connect(_dsn(door.port)) as connection:
        many = [(number,) for number in range(300)]
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.cursor().executemany("insert into orders values (%s)", many)
        connection.rollback()
        assert connection.execute("select count(*) from orders").fetchall() == [(0,)]
    assert door.counts().fired == 1


def test_a_pooled_connection_meets_a_rule_that_comes_later(driver: Any, door: Any, rule: Rule) -> None:
    with psycopg.connect(_dsn(door.port), autocommit=True, prepare_threshold=0) as connection:
        statement = "select %s::int"
        assert connection.execute(statement, (1,)).fetchone() == (1,)
        door.rules(rule("error", "select $1::int", code="57014"))
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(statement, (1,))
        door.rules()
        assert connection.execute(statement, (1,)).fetchone() == (1,)


def _insert(connection: psycopg.Connection, *numbers: int) -> None:
    with connection.transaction():
        for number in numbers:
            connection.execute(f"insert into orders values ({number})")


def _dsn(port: int) -> str:
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
