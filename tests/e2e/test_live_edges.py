"""What is connected already, and what of ours dies: faults reach the one, and the other lets nothing by."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root]

POOLS = """
cache = service("cache", "redis-server", interface("main", "redis", 6379),
                args = ["--port", "6379", "--save", "", "--bind", "127.0.0.1"], healthcheck = tcp("localhost:6379"))

def pooled(name, port):
    return service(name, PYTHON, interface("http", "http", port), args = ["-I", "-S", PROGRAMS + "/pooled.py"],
                   env = {"PORT": str(port), "TIMEOUT": "0.3"}, depends_on = [cache],
                   healthcheck = http("http://localhost:%d/health" % port))

api = pooled("api", 8080)
other = pooled("other", 8081)

def ping(service = api):
    return service.get(path = "/ping").body

def pings():
    said = cache.main.command("INFO", ["commandstats"]).data["value"]
    return int(said.split("cmdstat_ping:calls=")[1].split(",")[0]) if "cmdstat_ping" in said else 0

def both():
    return ping(api), ping(other)

FIRST = "+PONG on connection 1"
"""


def test_a_service_that_is_started_again_gets_its_port_again(tool) -> None:
    spec = (
        POOLS.replace('"redis", 6379),', '"redis", 6379), on_exit = "restart",', 1)
        + """
def until(start):
    said = ""
    for _ in range(300):
        said = ping()
        if said.startswith(start):
            break
        sleep("50ms")
    return said

def test_restart():
    assert_true(until("+PONG"))
    cache.main.command("SHUTDOWN", args = ["NOSAVE"])
    assert_eventually(lambda e: e.type == "service_restarted", within = "20s")
    assert_true(until("+PONG").startswith("+PONG"), "the pool never reached it again")
    loading = fault(cache.main, error(command = "PING", message = "LOADING wait"), run = lambda: until("-LOADING"))
    assert_true(loading.startswith("-LOADING wait"), loading)
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_restart": "passed"}, outcome


def test_an_established_pool_meets_a_fault_that_starts_later(tool) -> None:
    spec = (
        POOLS
        + """
def test_error():
    assert_eq(ping(), FIRST)
    loading = fault(cache.main, error(command = "PING", message = "LOADING wait"), run = ping)
    assert_eq(loading, "-LOADING wait on connection 1")
    assert_eq(ping(), FIRST)

def test_drop():
    assert_eq(ping(), FIRST)
    assert_eq(fault(cache.main, drop(command = "PING", first = 1), run = ping), "+PONG on connection 2")
    assert_eq(ping(), "+PONG on connection 2")

def test_refused():
    assert_eq(ping(), FIRST)
    assert_eq(fault(cache.main, error(drop = True), run = ping), "ECONNREFUSED")
    assert_eq(ping(), "+PONG on connection 2")

def test_one_source():
    assert_eq(both(), (FIRST, FIRST))
    met = fault(cache.main, error(command = "PING", message = "LOADING wait"), source = other, run = both)
    assert_eq(met, (FIRST, "-LOADING wait on connection 1"))
    assert_eq(both(), (FIRST, FIRST))
"""
    )
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome


@pytest.mark.parametrize(
    ("direction", "heard"), [("both", 0), ("a_to_b", 0), ("b_to_a", 1)], ids=["both", "to the service", "to the caller"]
)
def test_a_partition_meets_what_is_connected_and_what_is_new(tool, direction: str, heard: int) -> None:
    """Two pings, on the pool's connection and on a new one: only the first may be heard, as the second must connect."""
    spec = (
        POOLS
        + f"""
def test_cut():
    assert_eq(both(), (FIRST, FIRST))
    before = pings()
    cut = partition(api, cache, direction = "{direction}", run = lambda: (ping(api), ping(other), pings()))
    assert_eq(cut, ("TimeoutError", FIRST, before + 1 + {heard}))
    assert_true(ping(api) in ("+PONG on connection 2", "+PONG on connection 3"))
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_cut": "passed"}, outcome


HANGING = """
db = echo("db", 5432)
caller = service("caller", PYTHON, args = ["-I", "-S", PROGRAMS + "/hammer.py"], depends_on = [db],
                 env = {"PEER": db.main.addr, "OUTCOMES": "/signals/outcomes"}, volumes = {"signals": "/signals"})
api = web("api", 8080, env = {"HANGS": "/signals/hangs"}, volumes = {"signals": "/signals"}, depends_on = [db])

def hanging():
    return api.get(path = "/hang", timeout = "50s")

def test_hangs():
    fault(db.main, drop(), source = caller, run = hanging)

def test_other():
    assert_eq(db.send(data = "x").body, "echo x")
"""


def test_a_dead_edge_process_errs_its_case_and_lets_nothing_by(
    tool, eventually: Callable[[Callable[[], object]], None], descendants: Callable[[int], dict[int, str]]
) -> None:
    """The world stands still while the edge process dies, so that the caller has time to find a way round it."""
    signals = tool.directory / "signals"
    signals.mkdir(mode=0o777)
    process = tool.start("test", str(tool.write(HANGING)), "--format", "json", "--seed", "1", "-j", "1")
    eventually(lambda: (signals / "hangs").exists() or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    outcomes = signals / "outcomes"
    before = len(outcomes.read_text().splitlines())
    world, edge = _world_and_edge(process, descendants)
    os.kill(world, signal.SIGSTOP)
    os.kill(edge, signal.SIGKILL)
    eventually(lambda: "TimeoutError" in outcomes.read_text().splitlines()[before + 3 :])
    later = outcomes.read_text().splitlines()[before:]  # the next case begins it anew
    os.kill(world, signal.SIGCONT)
    outcome = tool.finish(process)
    assert outcome.code == 3, outcome
    assert outcome.verdicts() == {"test_hangs": "errored", "test_other": "passed"}
    assert "edge process died" in outcome.cases["test_hangs"]["reason"]
    assert "echo x" not in later


def _world_and_edge(run: subprocess.Popen[str], descendants: Callable[[int], dict[int, str]]) -> tuple[int, int]:
    """The world that hangs, and its edge process: of its helpers the one that shares its network and its pids."""
    places = {pid: (_namespace(pid, "net"), _namespace(pid, "pid")) for pid in descendants(run.pid)}
    world = next(pid for pid in places if Path(f"/proc/{pid}/cgroup").read_text().strip().endswith("/driver"))
    return world, next(pid for pid, place in places.items() if place == places[world] and pid != world)


def _namespace(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")
