"""Worlds don't see each other, and leave nothing of themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root]

CROWD = """
api = web("api", 8080)

def claim(name):
    '''Write our name to /tmp/state, then see that it stays ours.'''
    assert_eq(api.get(path = "/file?path=/tmp/state").status, 404, "somebody else's state")
    assert_eq(api.put(path = "/file?path=/tmp/state", body = name).status, 200)
    sleep("300ms")
    assert_eq(api.get(path = "/file?path=/tmp/state").body, name)

"""


def crowd(count: int) -> str:
    return CROWD + "\n".join(f'def test_world_{n}():\n    claim("world {n}")\n' for n in range(count))


def test_sixteen_worlds_at_once_with_one_port_and_one_file(tool) -> None:
    outcome = tool.test(crowd(16), "-j", "16")
    assert outcome.code == 0, outcome
    assert set(outcome.verdicts().values()) == {"passed"}
    assert len(outcome.cases) == 16
    assert not Path("/tmp/state").exists()


def test_two_whole_runs_side_by_side(tool) -> None:
    spec = tool.write(crowd(4))
    arguments = ("test", str(spec), "--format", "json", "--no-bundle")
    runs = [tool.start(*arguments, "--seed", str(seed)) for seed in (1, 2)]
    for outcome in [tool.finish(each) for each in runs]:
        assert outcome.code == 0, outcome
        assert set(outcome.verdicts().values()) == {"passed"}
    assert list((tool.state / "runs").iterdir()) == []


def test_a_service_that_ignores_sigterm_is_ended_all_the_same(tool) -> None:
    spec = """
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/stubborn.py"],
                  healthcheck = http("http://localhost:8080/health"), stop_timeout = "100ms")

    def test_answers():
        assert_eq(api.get(path = "/health").status, 200)
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_answers": "passed"}, outcome


def test_a_service_that_daemonises_lives_on_and_is_ended(tool) -> None:
    spec = """
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/daemon.py"],
                  healthcheck = http("http://localhost:8080/health"))

    def put():
        return api.put(path = "/file?path=/var/tmp/x", body = "y")

    def test_answers():
        assert_eq(put().status, 200)

    def test_is_met_by_faults():
        assert_eq(fault(api, write = deny("ENOSPC", path = "/var/tmp/*"), run = put).body, "ENOSPC")
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_answers": "passed", "test_is_met_by_faults": "passed"}, outcome


def test_a_service_that_prints_100_mb_is_not_held_up(tool) -> None:
    spec = """
    api = service("api", PYTHON, interface("http", "http", 8080), args = ["-I", "-S", PROGRAMS + "/printer.py"],
                  healthcheck = http("http://localhost:8080/health"))

    def test_fails_so_that_the_log_is_shown():
        assert_eq(api.get(path = "/health").status, 201)
    """
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1")
    assert outcome.code == 1, outcome
    assert "the last line" in outcome.out + outcome.err, outcome
    bundle = next(tool.directory.glob("run-*.fb"))
    assert bundle.stat().st_size < 20_000_000


def test_the_environment_of_a_service_is_closed(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "never seen")
    spec = """
    api = web("api", 8080, env = {"MINE": "yes"})

    def test_env():
        env = api.get(path = "/env").data
        assert_eq(env["MINE"], "yes")
        assert_eq(env["FAULTBOX_API_HTTP_ADDR"], "localhost:8080")
        assert_eq([name for name in env if not name.startswith("FAULTBOX_")],
                  ["PATH", "HOME", "LANG", "PYTHONHASHSEED", "PORT", "MINE"])
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_env": "passed"}, outcome


def test_a_seed_runs_once_and_lies_under_every_case(tool) -> None:
    spec = """
    def sow():
        api.put(path = "/file?path=/var/tmp/seeded", body = "once")

    api = web("api", 8080, seed = sow)

    def test_sees_it_and_changes_it():
        assert_eq(api.get(path = "/file?path=/var/tmp/seeded").body, "once")
        api.put(path = "/file?path=/var/tmp/seeded", body = "changed")

    def test_sees_it_as_it_was():
        assert_eq(api.get(path = "/file?path=/var/tmp/seeded").body, "once")
    """
    outcome = tool.test(spec, "-j", "1")
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    assert not Path("/var/tmp/seeded").exists()


def test_volumes_are_the_only_way_out(tool) -> None:
    shared = tool.directory / "shared"
    shared.mkdir()
    spec = f"""
    api = web("api", 8080, volumes = {{"shared": "/out"}})

    def test_writes():
        assert_eq(api.put(path = "/file?path=/out/here", body = "kept").status, 200)
        assert_eq(api.put(path = "/file?path={tool.directory}/lost", body = "gone").status, 200)
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_writes": "passed"}, outcome
    assert (shared / "here").read_text() == "kept"
    assert not (tool.directory / "lost").exists()


def test_keep_leaves_the_disk_of_a_failed_case(tool) -> None:
    spec = """
    api = web("api", 8080)

    def test_fails():
        api.put(path = "/file?path=/var/tmp/evidence", body = "look here")
        fail("on purpose")
    """
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1", "--keep")
    assert outcome.code == 1, outcome
    kept = next(line for line in (outcome.out + outcome.err).splitlines() if line.startswith("Kept: "))
    found = [path for path in Path(kept.removeprefix("Kept: ")).rglob("evidence") if path.is_file()]
    assert [path.read_text() for path in found] == ["look here"]


def test_nothing_is_left_when_the_user_interrupts(tool, eventually) -> None:
    signals = tool.directory / "signals"
    signals.mkdir()
    spec = tool.write("""
    api = web("api", 8080, env = {"HANGS": "/signals/hangs"}, volumes = {"signals": "/signals"})

    def test_hangs():
        api.get(path = "/hang")
    """)
    process = tool.start("test", str(spec), "--seed", "1")
    eventually((signals / "hangs").exists)
    os.kill(process.pid, 2)
    outcome = tool.finish(process)
    assert outcome.code == 130, outcome
    assert list((tool.state / "runs").iterdir()) == []
