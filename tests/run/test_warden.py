"""The warden sweeps at the end of its pipe, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faultbox.linux import cgroup
from faultbox.run import warden


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", warden.__file__], stdin=subprocess.PIPE)


def test_removes_layers_with_directories_nobody_may_enter(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    locked = layers / "world" / "work"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    locked.chmod(0)
    process = start()
    process.communicate(f"layers {layers}\n".encode(), timeout=20)
    assert process.returncode == 0
    assert not layers.exists()


def wait_until_ignored(pid: int, number: int) -> None:
    """Until the process ignores a signal: bit N-1 of SigIgn in its status (proc(5))."""
    deadline = time.monotonic() + 20
    status = Path(f"/proc/{pid}/status")
    while time.monotonic() < deadline:
        mask = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigIgn"))
        if int(mask, 16) >> (number - 1) & 1:
            return
        os.sched_yield()
    raise AssertionError("the warden never came up")


@pytest.mark.root
def test_kills_and_removes_a_cgroup_with_all_below_it() -> None:
    parent = cgroup.writable_parent()
    assert parent is not None
    group = parent / f"faultbox-test-warden-{os.getpid()}"
    below = cgroup.create(group / "world")
    sleeper = subprocess.Popen(["sleep", "1000"])
    (below / "cgroup.procs").write_text(str(sleeper.pid))
    process = start()
    process.communicate(f"cgroup {group}\n".encode(), timeout=20)
    assert sleeper.wait(timeout=20) == -9
    assert process.returncode == 0
    assert not group.exists()


def test_does_nothing_while_its_pipe_is_open(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    process = start()
    assert process.stdin is not None
    process.stdin.write(f"layers {layers}\n".encode())
    process.stdin.flush()
    wait_until_ignored(process.pid, signal.SIGQUIT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process.pid, number)
    assert process.poll() is None
    assert layers.exists()
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    assert not layers.exists()
