"""SIGKILL of each of our processes in the middle of a case: the right verdict, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox import evidence

pytestmark = [pytest.mark.root]

SPEC = """
api = web("api", 8080, env = {"HANGS": "/signals/hangs"}, volumes = {"signals": "/signals"})

def hanging():
    api.get(path = "/health")
    return api.get(path = "/hang", timeout = "50s")

def unhealthy():
    return fault(api.http, error(path = "/health", status = 503), run = hanging)

def test_hangs():
    fault(api, write = deny("EIO", path = "/never/*"), run = unhealthy)

def test_other():
    assert_eq(api.get(path = "/health").status, 200)
"""


@pytest.fixture
def hanging(tool, eventually) -> subprocess.Popen[str]:
    """A run whose first case is in the middle of a step that never ends."""
    signals = tool.directory / "signals"
    signals.mkdir(mode=0o777)
    spec = tool.write(SPEC)
    process = tool.start("test", str(spec), "--format", "json", "--seed", "1")
    eventually(lambda: (signals / "hangs").exists() or process.poll() is not None)
    eventually(lambda: spooled(tool.state) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def spooled(state: Path) -> bool:
    """Whether the step that hangs is on disk."""
    return any("path='/hang'" in each.read_text() for each in state.glob("runs/*/cases/*-test_hangs/events.jsonl"))


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runner_of(front: int) -> int:
    return next(pid for pid in children(front) if b"faultbox.run.runner" in Path(f"/proc/{pid}/cmdline").read_bytes())


def warden_of(front: int) -> int:
    return next(pid for pid in children(front) if b"warden" in Path(f"/proc/{pid}/cmdline").read_bytes())


def world_of(front: int) -> int:
    """The world of the case that hangs: the others are over or will be soon."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        worlds = children(runner_of(front))
        if len(worlds) == 1:
            return worlds[0]
        time.sleep(0.01)
    raise AssertionError("the other case never ended")


def init_of(front: int) -> int:
    return next(pid for pid in children(world_of(front)) if pid_inside(pid) == 1)


def supervisor_of(front: int) -> int:
    """Of the helpers the one that holds a listener of seccomp."""
    return next(pid for pid in children(world_of(front)) if pid_inside(pid) != 1 and decides_calls(pid))


def edge_of(front: int) -> int:
    """The other one."""
    outside = [pid for pid in children(world_of(front)) if pid_inside(pid) != 1]
    (edge,) = (pid for pid in outside if not decides_calls(pid))
    return edge


def decides_calls(pid: int) -> bool:
    return any("seccomp" in str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir())


def pid_inside(pid: int) -> int:
    """The pid in the innermost pid namespace: the last number of NSpid (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("NSpid")).split()[-1])


def left_of(run: str, pids: set[int]) -> list[str]:
    """What is left of a run: living processes, cgroups, mounts, layers."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(f"process {pid}")
    for root in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        found += [str(each) for each in root.glob(f"*{run}*")]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if run in line]
    return found


def recorded(path: Path) -> dict[str, str]:
    """The verdicts in a bundle that can be read whole; the hanging case has its trace."""
    with evidence.open(path) as bundle:
        events = {each.info.id: list(bundle.events(each.directory)) for each in bundle.outcome().results}
        assert "step_send" in {event["type"] for event in events["test_hangs"]}
        (hung,) = (each for each in bundle.outcome().results if each.info.id == "test_hangs")
        assert {each.action: each.counts.fired for each in hung.rules} == {
            "deny(EIO, path='/never/*')": 0,
            "error(path='/health', status=503)": 1,
        }
        assert hung.exercised is True
        return {each.info.id: each.verdict.value for each in bundle.outcome().results}


@pytest.mark.parametrize(
    ("victim", "code", "verdict"),
    [
        (world_of, 3, "errored"),
        (init_of, 3, "errored"),
        (supervisor_of, 3, "errored"),
        (edge_of, 3, "errored"),
    ],
    ids=["world", "init", "supervisor", "edge"],
)
def test_a_dead_helper_errs_its_case_and_only_that(
    tool, hanging: subprocess.Popen[str], victim: Callable[[int], int], code: int, verdict: str, descendants
) -> None:
    pids = set(descendants(hanging.pid))
    run = next((tool.state / "runs").iterdir())
    os.kill(victim(hanging.pid), signal.SIGKILL)
    outcome = tool.finish(hanging)
    assert outcome.code == code, outcome
    assert outcome.verdicts() == {"test_hangs": verdict, "test_other": "passed"}
    assert recorded(Path(outcome.results["bundle"])) == {"test_hangs": verdict, "test_other": "passed"}
    assert left_of(run.name, pids) == []


def test_a_dead_runner_errs_the_run(tool, hanging: subprocess.Popen[str], descendants) -> None:
    pids = set(descendants(hanging.pid))
    run = next((tool.state / "runs").iterdir())
    os.kill(runner_of(hanging.pid), signal.SIGKILL)
    outcome = tool.finish(hanging)
    assert outcome.code == 3, outcome
    assert outcome.results["verdict"] == "errored"
    assert outcome.verdicts()["test_hangs"] == "errored"
    assert recorded(Path(outcome.results["bundle"])) == outcome.verdicts()
    assert outcome.results["counts"]["errored"] == list(outcome.verdicts().values()).count("errored")
    assert left_of(run.name, pids) == []


def test_a_dead_front_leaves_only_the_spool(tool, hanging: subprocess.Popen[str], descendants, eventually) -> None:
    pids = set(descendants(hanging.pid))
    run = next((tool.state / "runs").iterdir())
    hanging.kill()
    hanging.wait()
    deadline = time.monotonic() + 2
    while left_of(run.name, pids) or (run / "layers").exists():
        assert time.monotonic() < deadline, left_of(run.name, pids)
        time.sleep(0.02)
    recovered = tool.run("recover")
    assert recovered.code == 0, recovered
    bundles = list(tool.directory.glob("run-*.fb"))
    assert len(bundles) == 1
    assert recorded(bundles[0])["test_hangs"] == "errored"
    assert not run.exists()


def test_a_dead_warden_is_replaced(tool, hanging: subprocess.Popen[str], descendants, eventually) -> None:
    run = next((tool.state / "runs").iterdir())
    old = warden_of(hanging.pid)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: [pid for pid in children(hanging.pid) if pid not in (old, runner_of(hanging.pid))])
    pids = set(descendants(hanging.pid))
    hanging.send_signal(signal.SIGINT)
    outcome = tool.finish(hanging)
    assert outcome.code == 130, outcome
    assert left_of(run.name, pids) == []


def test_what_a_front_and_its_warden_left_is_swept_at_the_next_start(
    tool, hanging: subprocess.Popen[str], descendants, eventually
) -> None:
    pids = set(descendants(hanging.pid))
    run = next((tool.state / "runs").iterdir())
    os.kill(hanging.pid, signal.SIGSTOP)  # so that it starts no other warden
    os.kill(warden_of(hanging.pid), signal.SIGKILL)
    hanging.kill()
    hanging.wait()
    assert (run / "layers").exists()
    assert tool.test(SPEC, "--test", "other").code == 0
    eventually(lambda: not left_of(run.name, pids) and not (run / "layers").exists())
    assert (run / "run.json").exists()
