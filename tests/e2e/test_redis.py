"""A real Redis in a world: steps, faults on commands and replies, recipes, and a service with a pooled driver."""

from __future__ import annotations

import sys

import pytest

pytestmark = [pytest.mark.root]

SYSTEM = f"""
load("@faultbox/recipes/redis.star", "redis")

cache = service("cache", "/usr/bin/redis-server", interface("main", "redis", 6379),
                args = ["--save", "", "--dir", "/tmp", "--requirepass", "s3cret"],
                env = {{"REDIS_PASSWORD": "s3cret"}}, healthcheck = ready())
api = service("api", "{sys.executable}", interface("http", "http", 8080), depends_on = [cache],
              args = ["-I", PROGRAMS + "/cached.py"],
              env = {{"PORT": "8080", "REDIS_ADDR": ":s3cret@" + cache.main.addr}},
              healthcheck = http("http://localhost:8080/health"))

def call(*words):
    return api.get(path = "/" + "/".join(words)).data
"""


def test_steps(tool) -> None:
    spec = (
        SYSTEM
        + """
def test_steps():
    assert_eq(cache.main.set("a", "x").data["value"], "OK")
    assert_eq(cache.main.get("a").data["value"], "x")
    assert_eq(cache.main.get(key = "none").data["value"], None)
    assert_eq(cache.main.incr("n").data["value"], 1)
    assert_eq(cache.main.rpush("l", 1).data["value"], 1)
    assert_eq(cache.main.lrange("l").data["value"], ["1"])
    assert_eq(getattr(cache.main, "del")(key = "a").data["value"], 1)
    assert_eq(cache.main.delete("a").data["value"], 0)
    assert_eq(cache.main.command("CONFIG GET", ["maxmemory"]).data["value"][0], "maxmemory")
    wrong = cache.main.incr("l")
    assert_eq((wrong.ok, wrong.error.split(" ")[0]), (False, "WRONGTYPE"))
    denied = cache.main.get("a", password = "wrong")
    assert_true(denied.error.startswith("WRONGPASS"), denied.error)
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_steps": "passed"}, outcome


def test_a_matrix_of_faults_with_a_pooled_driver(tool) -> None:
    spec = (
        SYSTEM
        + """
def write_and_read():
    return [call("SET", "user", "x"), call("GET", "user"), call("GET", "other")]

scenario(write_and_read)

def faults(name, *rules):
    return fault_assumption(name, target = cache.main, rules = rules)

readonly = faults("readonly", redis.readonly_replica(command = "SET"))
full = faults("full", redis.oom("us*"))
loading = faults("loading", redis.loading())
slow = faults("slow", redis.slow_command("300ms", "user"))
gone = faults("gone", redis.connection_drop(command = "GET"))
stale = faults("stale", rewrite(command = "GET", status = "string", value = "stale", side = "response"))
miss = faults("miss", response(command = "GET", key = "user"))

def errors(r):
    return [each.get("error", "") for each in r]

def values(r):
    return [each.get("value") for each in r]

fault_matrix(
    scenarios = [write_and_read],
    faults = [readonly, full, loading, slow, gone, stale, miss],
    overrides = {
        (write_and_read, readonly): lambda r: assert_eq(errors(r), ["ReadOnlyError", "", ""]),
        (write_and_read, full): lambda r: assert_eq(errors(r), ["OutOfMemoryError", "OutOfMemoryError", ""]),
        (write_and_read, loading): lambda r: assert_eq(errors(r), ["BusyLoadingError"] * 3),
        (write_and_read, slow): lambda r: (assert_eq(values(r), [True, "x", None]),
                                           assert_eventually(type = "proxy", decision = "delay(300ms)", key = "user")),
        (write_and_read, gone): lambda r: assert_eq(errors(r), ["", "ConnectionError", "ConnectionError"]),
        (write_and_read, stale): lambda r: assert_eq(values(r), [True, "stale", None]),
        (write_and_read, miss): lambda r: assert_eq(values(r), [True, None, None]),
    },
    require_faults_fire = True,
)
"""
    )
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    assert len(outcome.cases) == 8
    assert outcome.code == 0


def test_a_transaction_fails_whole_and_only_for_its_source(tool) -> None:
    spec = (
        SYSTEM
        + """
def move():
    return call("move", "a").get("error"), cache.main.incr("moves").data["value"]

def test_move():
    assert_eq(fault(cache.main, redis.oom(command = "SET"), source = api, run = move), ("OutOfMemoryError", 1))
    assert_eq(call("GET", "a"), {"value": None})
    assert_eq(call("move", "a"), {"value": [True, 2]})
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_move": "passed"}, outcome


def test_what_redis_cannot_do_is_a_load_error(tool) -> None:
    spec = SYSTEM + "\nwrong = fault_assumption('wrong', target = cache.main, rules = [error(query = 'SELECT*')])\n"
    outcome = tool.test(spec)
    assert outcome.code == 2
    assert "command" in outcome.out + outcome.err
    assert "key" in outcome.out + outcome.err
