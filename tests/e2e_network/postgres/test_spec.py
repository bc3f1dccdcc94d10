"""A spec with a real PostgreSQL, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SPEC = """
load("@faultbox/recipes/postgres.star", recipes = "postgres")

db = service("db", "{postgres}", interface("main", "postgres", 5432), user = "postgres", stop_signal = "SIGINT",
    args = ["-D", "{data}", "-c", "listen_addresses=localhost", "-c", "unix_socket_directories=", "-c", "fsync=off"])

def orders():
    assert_true(db.main.exec("CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY)").ok)
    assert_true(db.main.exec("INSERT INTO orders VALUES (1)").ok)
    return db.main.query("SELECT id, 'Ada' AS name FROM orders")

scenario(orders)

def faulty(name, *rules):
    return fault_assumption(name, target = db.main, rules = rules)

BOB = {{"name": "Bob"}}

def code(expected):
    return lambda found: assert_eq(found.data["sqlstate"], expected)

fault_scenario("deadlock", scenario = orders, faults = faulty("d", recipes.deadlock("select *")),
    expect = code("40P01"))
fault_scenario("slow", scenario = orders, faults = faulty("s", recipes.slow_query("400ms", "SELECT*from orders")),
    expect = lambda found: assert_true(found.ok and found.duration_ms >= 400))
fault_scenario("cut", scenario = orders, faults = faulty("c", drop(table = "orders", command = "select")),
    expect = lambda found: assert_true("closed" in found.error, found.error))
fault_scenario("lost", scenario = orders, faults = faulty("l", response(query = "insert into orders *")),
    expect = lambda found: assert_eq(found.data, []))
fault_scenario("made_up", scenario = orders, faults = faulty("m", rewrite(table = "orders", values = BOB)),
    expect = lambda found: assert_eq(found.data, [{{"id": 1, "name": "Bob"}}]))

def test_full():
    full = fault(db.main, recipes.too_many_connections(), run = lambda: db.main.query("SELECT 1 AS n"))
    assert_eq(full.data["sqlstate"], "53300")
    assert_eq(db.main.query("SELECT 1 AS n").data, [{{"n": 1}}])
"""


@pytest.mark.root
def test_a_spec(tmp_path: Path, cluster: Path, programs: Callable[[str], str]) -> None:
    spec = tmp_path / "faultbox.star"
    spec.write_text(SPEC.format(postgres=programs("postgres"), data=cluster))
    command = [sys.executable, "-m", "faultbox", "test", str(spec), "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    cases = {case["id"]: (case["verdict"], case["exercised"]) for case in json.loads(done.stdout)["cases"]}
    faults = dict.fromkeys(("cut", "deadlock", "lost", "made_up", "slow", "test_full"), ("passed", True))
    assert cases == {"test_orders": ("passed", None), **faults}, done.stdout
