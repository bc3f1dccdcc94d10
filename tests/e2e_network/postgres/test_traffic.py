"""Much at once through the proxy, with rules that do not match: not one error."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from faultbox.protocols.postgres.client import ready, step

Rule = Callable[..., Any]


@pytest.fixture(scope="module")
def pgbench(server: int, programs: Callable[[str], str]) -> Callable[..., tuple[int, str]]:
    """`pgbench(port, mode)`: how many transactions were done, and what was complained about."""
    program = programs("pgbench")
    common = ["-h", "127.0.0.1", "-U", "postgres", "postgres"]
    subprocess.run([program, "-i", "-q", "-p", str(server), *common], check=True, capture_output=True)

    def run(port: int, mode: str) -> tuple[int, str]:
        options = ["-n", "-M", mode, "-c", "4", "-t", "100", "-p", str(port)]
        done = subprocess.run([program, *options, *common], check=True, capture_output=True, text=True, timeout=120)
        processed = re.search(r"actually processed: (\d+)/", done.stdout)
        assert "failed transactions: 0 " in done.stdout
        assert processed is not None
        return int(processed[1]), done.stderr

    return run


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(pgbench: Callable[..., tuple[int, str]], door: Any, rule: Rule, mode: str) -> None:
    assert pgbench(door.port, mode) == (400, "")
    door.rules(
        rule("error", "select never*"),
        rule("delay", match={"table": "never"}, delay_ms=1000),
        rule("drop", side="response", match={"status": "never"}),
    )
    assert pgbench(door.port, mode) == (400, "")
    assert door.counts().seen >= 400 * 7
    assert [door.counts(index)[1:] for index in range(3)] == [(0, 0, 0)] * 3


def test_pg_dump_and_psql(door: Any, server: int, rule: Rule, programs: Callable[[str], str]) -> None:
    dump = programs("pg_dump")
    script = (
        "select 1; select 2;\ndo $$begin raise notice 'hi'; end$$;\ncopy (select generate_series(1, 3)) to stdout;\n"
    )
    door.rules(rule("rewrite", "select never*", side="response", rows=[]))
    for port in (door.port, server):
        for command in ([dump, "-t", "orders"], ["psql", "-X"]):
            words = [*command, "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
            done = subprocess.run(words, input=script, capture_output=True, text=True, timeout=60, check=True)
            assert not done.stderr or "NOTICE:  hi" in done.stderr
            assert "PostgreSQL database dump complete" in done.stdout or done.stdout.endswith("1\n2\n3\n")


def test_steps(door: Any, rule: Rule) -> None:
    address = ("127.0.0.1", door.port)
    assert ready(address, 10) == ""
    assert step(address, "exec", {"sql": "insert into orders values (1), (2)"}).data == {"rows_affected": 2}
    found = step(
        address, "query", {"sql": "select id, id * 1.5 as half from orders where id > :least", "args": {"least": 1}}
    )
    assert found.data == [{"id": 2, "half": 3.0}]
    door.rules(rule("error", "insert*", code="disk_full"))
    refused = step(address, "exec", {"sql": "INSERT INTO orders VALUES (3)"})
    assert (refused.ok, refused.data["sqlstate"]) == (False, "53100")


def pipelined(client: psycopg.Connection[Any], statement: str, numbers: range) -> None:
    with client.pipeline():
        for number in numbers:
            client.execute(statement, (number,))


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_a_pipeline_that_is_cut_leaves_nothing_of_it(door: Any, rule: Rule, action: str) -> None:
    """Statements before the cut are done and never committed, those after it never come."""
    address = f"host=127.0.0.1 port={door.port} user=postgres"
    with psycopg.connect(address, autocommit=True) as client, psycopg.connect(address, autocommit=True) as cut:
        client.execute("create table if not exists cut (id int primary key)")
        door.rules(rule(action, "insert into cut *", trigger={"nth": 3}))
        with pytest.raises(psycopg.OperationalError):
            pipelined(cut, "insert into cut values (%s)", range(5))
        assert door.counts()[1:3] == (3, 1)
        assert client.execute("select count(*) from cut").fetchone() == (0,)


def test_what_is_done_twice_has_both_effects(door: Any, rule: Rule) -> None:
    """One statement's second time is a transaction of its own; among several, its failure is that of all."""
    with psycopg.connect(f"host=127.0.0.1 port={door.port} user=postgres", autocommit=True) as client:
        client.execute("create table if not exists twice (id int primary key)")
        door.rules(rule("duplicate", "insert into twice *"))
        assert client.execute("insert into twice values (%s)", (1,)).rowcount == 1
        with pytest.raises(psycopg.errors.UniqueViolation):
            pipelined(client, "insert into twice values (%s)", range(2, 4))
        assert client.execute("select id from twice").fetchall() == [(1,)]
