"""Syscall faults as users meet them: real programs, both ends of an edge, exact counters."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root]

EDGE = """
db = echo("db", 5432)
api = web("api", 8080, depends_on = [db])
other = web("other", 8081, depends_on = [db])

def ask():
    return api.get(path = "/call?addr=" + db.main.addr)

"""


def test_a_dependency_that_refuses_is_down_for_its_callers_and_not_for_the_driver(tool) -> None:
    spec = (
        EDGE
        + """
db_down = fault_assumption("db_down", target = db, connect = deny("ECONNREFUSED"))
scenario(ask)

def check(r):
    assert_eq(r.status, 502)
    assert_eq(r.body, "ECONNREFUSED")
    assert_eq(db.send(data = "hello").body, "echo hello")

fault_scenario("down", scenario = ask, faults = db_down, expect = check)
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_ask": "passed", "down": "passed"}, outcome
    rules = {rule["rule"]: rule for rule in outcome.cases["down"]["rules"]}
    assert rules["db_down/connect/in/api"]["fired"] == 1
    assert rules["db_down/connect/in/other"]["fired"] == 0
    assert rules["db_down/connect/out"]["seen"] == 0


def test_an_established_pool_meets_a_fault_that_starts_later(tool) -> None:
    spec = """
    cache = service("cache", "redis-server", interface("main", "tcp", 6379),
                    args = ["--port", "6379", "--save", "", "--bind", "127.0.0.1"], healthcheck = tcp("localhost:6379"))
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/pooled.py"],
                  depends_on = [cache], healthcheck = http("http://localhost:8080/health"))

    def ping():
        return api.get(path = "/ping")

    def test_pool():
        assert_eq(ping().body, "+PONG on connection 1")
        assert_eq(ping().body, "+PONG on connection 1")
        down = fault(cache, connect = deny("ECONNREFUSED"), run = ping)
        assert_eq(down.status, 502, "the pooled connection must not go round the fault")
        assert_eq(down.body, "ECONNREFUSED")
        assert_eq(ping().body, "+PONG on connection 2")

    def test_a_pool_that_is_spared():
        assert_eq(ping().body, "+PONG on connection 1")
        kept = fault(cache, connect = deny("ECONNREFUSED", existing = "keep"), run = ping)
        assert_eq(kept.body, "+PONG on connection 1")
    """
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome


def test_redis_with_its_log_always_on_disk(tool) -> None:
    """appendfsync always: one fdatasync a write command, so counters are exact."""
    spec = """
    cache = service("cache", "redis-server", interface("main", "tcp", 6379),
                    args = ["--port", "6379", "--save", "", "--dir", "/var/tmp",
                            "--appendonly", "yes", "--appendfsync", "always"],
                    healthcheck = tcp("localhost:6379"), on_exit = "ignore")

    def set_ten():
        return [cache.send(data = "SET key%d value" % n).body for n in range(10)]

    LOG = "/var/tmp/appendonlydir/*.incr.aof"
    slow = fault_assumption("slow_disk", target = cache, fsync = delay("20ms", path = LOG))
    third = fault_assumption("third_fails", target = cache, fsync = deny("EIO", nth = 3, path = LOG))
    elsewhere = fault_assumption("elsewhere", target = cache, fsync = deny("EIO", path = "/srv/*"))
    scenario(set_ten)

    fault_scenario("slow", scenario = set_ten, faults = slow, expect = lambda r: assert_eq(r, ["+OK"] * 10))
    fault_scenario("third", scenario = set_ten, faults = third, expect = lambda r: (
        assert_eq(r[:2], ["+OK", "+OK"]),
        assert_true(r[2] != "+OK", "redis must not acknowledge what it could not sync"),
        assert_exited(cache, code = 1),
    ))
    fault_scenario("missed", scenario = set_ten, faults = elsewhere, expect = lambda r: assert_eq(r, ["+OK"] * 10))
    """
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    counts = {name: outcome.cases[name]["rules"][0] for name in ("slow", "third", "missed")}
    assert (counts["slow"]["matched"], counts["slow"]["fired"]) == (10, 10)
    assert (counts["third"]["matched"], counts["third"]["fired"]) == (3, 1)
    assert counts["missed"]["seen"] >= 10
    assert counts["missed"]["matched"] == 0
    assert outcome.cases["missed"]["exercised"] is False
    assert [dead["name"] for dead in outcome.results["dead_assumptions"]] == ["elsewhere"]
    assert outcome.code == 1


def test_a_static_program_beside_python(tool, tmp_path: Path) -> None:
    source = Path(__file__).parent / "programs" / "counter.c"
    program = tmp_path / "counter"
    subprocess.run(["gcc", "-static", "-O2", "-pthread", "-o", program, source], check=True)
    spec = f"""
    counter = service("counter", "{program}", interface("main", "tcp", 7000), healthcheck = tcp("localhost:7000"))
    api = web("api", 8080, depends_on = [counter])

    def write_hundred():
        return counter.send(data = "100").body

    def meeting(rule):
        return fault(counter, write = rule, run = write_hundred)

    def test_all():
        assert_eq(write_hundred(), "100 written, 0 failed")

    def test_every_fourth():
        assert_eq(meeting(deny("ENOSPC", path = "/var/tmp/*", every = 4)), "75 written, 25 failed")

    def test_first_and_after():
        assert_eq(meeting(deny("EIO", path = "/var/tmp/*", first = 10)), "90 written, 10 failed")
        assert_eq(meeting(deny("EIO", path = "/var/tmp/*", after = 10)), "10 written, 90 failed")

    def test_only_files():
        assert_eq(meeting(deny("EIO", on = "file")), "0 written, 100 failed")

    def test_scopes_stack():
        def inner():
            return fault(counter, write = deny("EIO", path = "/var/tmp/*", first = 5), run = write_hundred)
        assert_eq(fault(counter, fsync = deny("EIO"), run = inner), "95 written, 5 failed")
        assert_eq(write_hundred(), "100 written, 0 failed")
    """
    outcome = tool.test(spec)
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    (rule,) = outcome.cases["test_every_fourth"]["rules"]
    assert (rule["matched"], rule["fired"]) == (100, 25)


def test_the_same_seed_decides_the_same_for_every_call_identity(tool, tmp_path: Path) -> None:
    """Eight threads race to write eight files: which calls fail depends on the seed alone, not on the race."""
    source = Path(__file__).parent / "programs" / "racer.c"
    program = tmp_path / "racer"
    subprocess.run(["gcc", "-static", "-O2", "-pthread", "-o", program, source], check=True)
    spec = f"""
    racer = service("racer", "{program}", interface("main", "tcp", 7000), healthcheck = tcp("localhost:7000"))

    def race():
        return racer.send(data = "go").body

    def test_race():
        print(fault(racer, write = deny("EIO", path = "/var/tmp/*", probability = "40%"), run = race))
    """
    path = tool.write(spec)
    arguments = ("test", str(path), "--no-bundle", "--show", "all", "--seed")
    first, *others = [pattern(tool.run(*arguments, "7")) for _ in range(10)]
    assert "X" in first
    assert set(others) == {first}
    assert pattern(tool.run(*arguments, "8")) != first


def pattern(outcome) -> str:
    """Which writes of the racer failed, as its spec printed it."""
    assert outcome.code == 0, outcome
    (line,) = [line for line in outcome.out.splitlines() if "pattern " in line]
    return line.strip()


def test_a_replay_takes_the_same_decisions(tool) -> None:
    spec = (
        EDGE
        + """
def ask_often():
    return [ask().status for _ in range(20)]

flaky = fault_assumption("flaky", target = db, connect = deny("ECONNREFUSED", probability = 0.5))
fault_scenario("often", scenario = ask_often, faults = flaky, expect = lambda r: assert_eq(r, []))
"""
    )
    first = tool.test(spec)
    assert first.code == 1, first
    bundle = next(tool.directory.glob("run-*.fb"))
    again = tool.run("replay", str(bundle))
    assert again.code == 1, again
    reason = first.cases["often"]["reason"]
    assert "200" in reason
    assert "502" in reason
    assert reason in again.out + again.err


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A directory that uid 65534 owns, below directories that it may enter."""
    with tempfile.TemporaryDirectory(prefix="faultbox-nobody-") as made:
        home = Path(made)
        home.chmod(0o755)
        yield home


def test_an_ordinary_user_can_do_it_too(tool, home_of_nobody: Path) -> None:
    """As nobody: worlds in a user namespace, cases isolated, faults decided."""
    home = home_of_nobody
    shutil.copytree(Path(__file__).parent / "programs", home / "programs")
    spec = home / "spec.star"
    spec.write_text(
        """
api = service("api", "/usr/bin/python3", interface("http", "http", 8080), args = ["-I", "-S", here("programs/web.py")],
              healthcheck = http("http://localhost:8080/health"))

def put():
    return api.put(path = "/file?path=/tmp/x", body = "y")

def test_put():
    assert_eq(put().status, 200)
    assert_eq(fault(api, write = deny("ENOSPC", path = "/tmp/*"), run = put).body, "ENOSPC")

def test_is_alone():
    assert_eq(api.get(path = "/file?path=/tmp/x").status, 404)
"""
    )
    subprocess.run(["chown", "-R", "65534:65534", home], check=True)
    outcome = tool.run_as_nobody(spec, home)
    assert outcome.code == 0, outcome
    assert "2 passed, 0 failed" in outcome.out, outcome


def test_a_file_written_by_mapping_is_named_as_a_blind_spot(tool, tmp_path: Path) -> None:
    """The service lives until after the verdict: what it has mapped must be looked at while it does."""
    (tmp_path / "mapper.py").write_text(
        """import mmap, os, socket
listener = socket.create_server(("127.0.0.1", 7000))
file = os.open("/tmp/table", os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 4096)
table = mmap.mmap(file, 4096)
while True:
    peer, _ = listener.accept()
    peer.recv(4)
    table[:4] = b"data"
    peer.sendall(b"kept\\n")
    peer.close()
"""
    )
    spec = f"""
    store = service("store", PYTHON, interface("main", "tcp", 7000), args = ["-I", "-S", "{tmp_path}/mapper.py"],
                    healthcheck = tcp("localhost:7000"))

    def test_put():
        r = fault(store, write = deny("EIO", path = "/tmp/table"), run = lambda: store.send(data = "abc"))
        assert_eq(r.body, "kept")
    """
    case = tool.test(spec).cases["test_put"]
    assert (case["verdict"], case["exercised"]) == ("passed", False)
    assert case["notes"] == ["/tmp/table is mapped writable and shared: what is written there by mapping meets no rule"]


def test_a_service_that_does_not_come_up_says_how_it_ended(tool) -> None:
    spec = """
    late = service("late", "/bin/sh", interface("main", "tcp", 7000), args = ["-c", "echo no config >&2; exit 3"])

    def test_it():
        late.send(data = "x")
    """
    case = tool.test(spec).cases["test_it"]
    assert case["verdict"] == "errored"
    assert case["reason"].startswith("service 'late' exited with code 3 before it was ready (")


def test_the_end_of_a_log_is_what_was_said_before_the_stop(tool) -> None:
    spec = """
    polite = service("polite", "/bin/sh", interface("main", "tcp", 7000), healthcheck = tcp("localhost:7001"),
                     args = ["-c", "echo working; trap 'echo farewell; exit 0' TERM; while :; do sleep 0.01; done"])
    door = echo("door", 7001)

    def test_it():
        fail("here")
    """
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1")
    assert "working" in outcome.out, outcome
    assert "farewell" not in outcome.out


def test_a_service_that_is_restarted_for_ever_leaves_no_traceback(tool) -> None:
    """The end of a case meets restarts at every stage of theirs."""
    spec = """
    brief = service("brief", "/bin/sh", interface("main", "tcp", 7000), healthcheck = tcp("localhost:7001"),
                    args = ["-c", "exit 1"], on_exit = "restart", depends_on = ["door"])
    door = echo("door", 7001)

    def test_it():
        sleep("100ms")
    """
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1", "--runs", "20", "-j", "4")
    assert outcome.err == ""
    assert outcome.code == 0, outcome


def test_a_scenario_that_fails_without_a_fault_is_pointed_out(tool) -> None:
    """Its cells pass when they expect a failure, and would do so whatever the fault."""
    spec = """
    api = web("api", 8080)

    def missing():
        return api.get(path = "/call?addr=localhost:9")

    def found():
        return api.get(path = "/nothing")

    scenario(missing)
    scenario(found)
    slow = fault_assumption("slow", target = api, write = delay("10ms", on = "socket"))
    fault_matrix(scenarios = [missing, found], faults = [slow], default_expect = expect_error_within(ms = 5000))
    """
    cases = tool.test(spec).cases
    assert cases["test_missing"]["notes"] == [
        "its answer is a failure without any fault (status 502): cells that expect one prove nothing"
    ]
    assert [name for name, case in cases.items() if case["notes"] and name != "test_missing"] == []


def test_a_daemon_that_dies_is_the_end_of_its_service(tool) -> None:
    spec = """
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/daemon.py"],
                  healthcheck = http("http://localhost:8080/health"))

    def leave():
        assert_eventually(type = "service_detached", service = "api")
        api.get(path = "/exit?code=3")

    def test_unexpected():
        leave()

    def test_expected():
        leave()
        assert_exited(api, code = 3)
    """
    assert tool.test(spec).verdicts() == {"test_unexpected": "failed", "test_expected": "passed"}


def test_a_case_that_ran_out_of_time_says_where(tool) -> None:
    spec = """
    def count():
        for number in range(1000000000):
            pass

    def branches():
        parallel(lambda: sleep("60s"), count)

    test("loop", count, timeout = "300ms")
    test("nap", lambda: sleep("60s"), timeout = "300ms")
    test("both", branches, timeout = "300ms")
    """
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1")
    assert outcome.out.count("timed out after 0.3s") >= 3, outcome
    for line in (" in count\n", 'sleep("60s")', " in branches\n"):
        assert line in outcome.out
