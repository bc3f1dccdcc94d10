"""Faults on messages and partitions, through the whole tool: steered in the kernel, no address changed."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.root]

SYSTEM = """
db = echo("db", 5432)
api = web("api", 8080, depends_on = [db])
other = web("other", 8081, depends_on = [db])

def health():
    return api.get(path = "/health")

def ask(service = api):
    return service.get(path = "/call?addr=" + db.main.addr, timeout = "2s")

"""


def test_a_matrix_of_message_faults(tool) -> None:
    spec = (
        SYSTEM
        + """
scenario(health)
unwell = response(path = "/health", status = 503, body = '{"e": 1}')
down = fault_assumption("down", target = api.http, rules = [unwell])
slow = fault_assumption("slow", target = api.http, rules = [delay(path = "/hea*", delay = "200ms")])
elsewhere = fault_assumption("elsewhere", target = api.http, rules = [error(path = "/nowhere", status = 500)])

fault_matrix(scenarios = [health], faults = [down, slow, elsewhere], overrides = {
    (health, down): lambda r: (assert_eq(r.status, 503), assert_eq(r.data["e"], 1),
                               assert_eventually(type = "proxy", service = "api", decision = "response*")),
    (health, slow): lambda r: assert_true(r.duration_ms >= 200),
})
"""
    )
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    assert outcome.cases["matrix_health_down"]["exercised"] is True
    assert outcome.cases["matrix_health_elsewhere"]["exercised"] is False
    (rule,) = outcome.cases["matrix_health_elsewhere"]["rules"]
    assert (rule["seen"], rule["matched"], rule["fired"]) == (1, 0, 0)
    assert [dead["name"] for dead in outcome.results["dead_assumptions"]] == ["elsewhere"]
    assert outcome.code == 1


def test_both_levels_in_one_assumption(tool) -> None:
    spec = (
        SYSTEM
        + """
def put():
    return api.put(path = "/file?path=/var/tmp/x", body = "y")

def both():
    return (health().status, put().body)

no_health = fault_assumption("no_health", target = api.http, rules = [response(path = "/health", status = 429)])
full = fault_assumption("full", target = api, write = deny("ENOSPC", path = "/var/tmp/*"))
degraded = fault_assumption("degraded", faults = [no_health, full], description = "limited, and the disk is full")
fault_scenario("degraded_both", scenario = both, faults = degraded, expect = lambda r: assert_eq(r, (429, "ENOSPC")))
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_both": "passed", "degraded_both": "passed"}, outcome
    assert outcome.code == 0


def test_a_source_is_met_and_the_others_are_spared(tool) -> None:
    spec = (
        SYSTEM
        + """
def from_both():
    return (ask(api).status, ask(other).status, db.send(data = "x").body)

def test_source():
    assert_eq(fault(db.main, drop(), source = api, run = from_both), (200, 200, "echo x"))
    assert_eq(from_both(), (200, 200, "echo x"))
    assert_eventually(type = "proxy", service = "db", caller = "api", decision = "drop*")
    assert_never(type = "proxy", service = "db", caller = "other", decision = "drop*")
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_source": "passed"}, outcome


def test_a_partition_is_felt_by_the_two_alone_and_heals(tool) -> None:
    spec = (
        SYSTEM
        + """
def test_partition():
    assert_eq(ask(api).status, 200)
    cut = partition(api, db, run = lambda: (ask(api).error, ask(other).status, db.send(data = "x").body))
    assert_eq(cut, ("timeout", 200, "echo x"))
    assert_eq(ask(api).status, 200)

def test_to_the_end():
    partition(api, db)
    assert_eq(ask(api).error, "timeout")
"""
    )
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    assert {name: case["exercised"] for name, case in outcome.cases.items()} == {
        "test_partition": True,
        "test_to_the_end": True,
    }


def test_a_partition_that_met_nothing_has_not_been_exercised(tool) -> None:
    spec = (
        SYSTEM
        + """
def test_idle():
    partition(api, db, run = health)
    gone = events(type = "partition_removed")
    assert_eq([(e["with"], e["lost"]) for e in gone], [("db", "0")])

def test_met():
    partition(api, db, run = ask)
    assert_true(int(events(type = "partition_removed")[0]["lost"]) > 0)
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_idle": "passed", "test_met": "passed"}, outcome
    idle, met = outcome.cases["test_idle"], outcome.cases["test_met"]
    assert (idle["exercised"], met["exercised"]) == (False, True)
    assert "partition(api, db) at spec.star:" in str(idle["notes"])
    assert "met no packet" in str(idle["notes"])
    assert "met no packet" not in str(met["notes"])
    assert tool.test(spec, "--strict").code == 1


def test_worlds_with_the_same_edges_do_not_meet(tool) -> None:
    rules = "\n".join(
        f"""
def test_world_{number}():
    def run():
        return [health().status for _ in range(20)]
    assert_eq(fault(api.http, response(path = "/health", status = {500 + number}), run = run), [{500 + number}] * 20)
"""
        for number in range(8)
    )
    outcome = tool.test(SYSTEM + rules, "-j", "8")
    assert set(outcome.verdicts().values()) == {"passed"}, outcome


def test_two_services_on_one_port(tool) -> None:
    spec = """
a = web("a", 8080)
b = web("b", 8080, depends_on = [a])

def test_each_is_itself():
    assert_true(a.http.addr != b.http.addr)
    assert_eq(a.get(path = "/env").data["FAULTBOX_B_HTTP_ADDR"], b.http.addr)
    a.put(path = "/file?path=/var/tmp/who", body = "a wrote it")
    assert_eq(b.get(path = "/file?path=/var/tmp/who").body, "a wrote it", "one disk")

def test_faults_meet_the_one_they_name():
    def both():
        return (a.get(path = "/health").status, b.get(path = "/health").status)
    assert_eq(fault(b.http, response(path = "/health", status = 503), run = both), (200, 503))
    call = lambda: b.get(path = "/call?addr=" + a.http.addr, timeout = "500ms").body
    assert_eq(fault(a, connect = deny("ECONNREFUSED"), run = call), "ECONNREFUSED")
    assert_true(fault(b, connect = deny("ECONNREFUSED", direction = "in"), run = call) != "ECONNREFUSED")
"""
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome


def test_a_literal_address_that_two_services_have_is_an_error_that_names_both(tool) -> None:
    spec = """
a = web("a", 8080)
b = web("b", 8080)
c = web("c", 8081, env = {"UPSTREAM": "http://localhost:8080/"})

def test_x():
    pass
"""
    outcome = tool.test(spec)
    assert outcome.code == 2, outcome
    (problem,) = outcome.results["problems"]
    assert problem["code"] == "AMBIGUOUS_ADDRESS"
    assert problem["accepted"] == "a.http.addr or b.http.addr"


def test_down_means_connection_refused_for_pools_and_new_connections(tool) -> None:
    spec = """
    cache = service("cache", "redis-server", interface("main", "redis", 6379),
                    args = ["--port", "6379", "--save", "", "--bind", "127.0.0.1"])
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/pooled.py"],
                  depends_on = [cache], healthcheck = http("http://localhost:8080/health"))

    def ping():
        return api.get(path = "/ping")

    down = fault_assumption("down", target = cache.main, rules = [error(status_code = 0, drop = True)])

    def test_pool():
        assert_eq(ping().body, "+PONG on connection 1")
        refused = fault(down, run = lambda: (ping().body, cache.main.ping().error))
        assert_eq(refused, ("ECONNREFUSED", "connection refused"))
        assert_eq(ping().body, "+PONG on connection 2")
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_pool": "passed"}, outcome
    assert outcome.cases["test_pool"]["rules"][0]["fired"] >= 2


V6_ONLY = """
#!/usr/bin/env python3
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

class Server(HTTPServer):
    address_family = socket.AF_INET6

Server(("::1", 7005), Handler).serve_forever()
"""


def test_a_service_that_listens_on_v6_only(tool) -> None:
    program = tool.directory / "six.py"
    program.write_text(V6_ONLY.lstrip())
    program.chmod(0o755)
    spec = """
six = service("six", "./six.py", interface("main", "http", 7005))

def test_six():
    get = lambda: six.get(path = "/").status
    assert_eq((get(), fault(six.main, error(status = 418), run = get), get()), (204, 418, 204))
"""
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_six": "passed"}, outcome
