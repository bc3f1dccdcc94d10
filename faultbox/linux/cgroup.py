"""cgroup v2: one directory for each service, so that none of its processes is ever lost."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

from faultbox.linux import mounts, pidfd


def mountpoint() -> Path | None:
    """Where the cgroup2 hierarchy is mounted: /sys/fs/cgroup, or …/unified beside version 1."""
    return next((Path(each.point) for each in reversed(mounts.table()) if each.fstype == "cgroup2"), None)


def own() -> Path | None:
    """The cgroup2 directory this process is in; None where there is no such hierarchy."""
    top = mountpoint()
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    inside = next((line[3:] for line in lines if line.startswith("0::")), None)
    return None if top is None or inside is None else top / inside.lstrip("/")


def writable_parent() -> Path | None:
    """A directory in which this process may make cgroups and put its children; None when there is none.

    Putting a process into a cgroup needs the right to write cgroup.procs there and in the nearest
    common ancestor (cgroup-v2.rst, "Delegation Containment"): root may at the top, a user below
    what was delegated to the cgroup that they are in.
    """
    here = own()
    if here is None:
        return None
    candidates = (mountpoint(), here) if os.geteuid() == 0 else (here,)
    for each in candidates:
        if each is not None and os.access(each, os.W_OK) and os.access(each / "cgroup.procs", os.W_OK):
            return each
    return None


def create(path: Path) -> Path:
    """Make a cgroup, its missing parents too. Raises OSError where that is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    return path


def members(path: Path) -> list[int]:
    """The processes in a cgroup and below it, as pids of this process's pid namespace."""
    found: set[int] = set()
    for directory in _tree(path):
        with contextlib.suppress(FileNotFoundError, OSError):
            found.update(int(word) for word in (directory / "cgroup.procs").read_text(encoding="utf-8").split())
    return sorted(found - {0})


def populated(path: Path) -> bool:
    """Whether a process that has not ended is in the cgroup or below it."""
    try:
        return "populated 1" in (path / "cgroup.events").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def kill(path: Path) -> None:
    """SIGKILL every process in a cgroup and below it, those being forked too. cgroup.kill: 5.14."""
    try:
        (path / "cgroup.kill").write_text("1", encoding="utf-8")
    except FileNotFoundError:
        if path.exists():
            _kill_one_by_one(path)


def wait_empty(path: Path, timeout_ms: float) -> bool:
    """Wait until no process is left below; whether that came in time."""
    deadline = time.monotonic() + timeout_ms / 1000
    try:
        events = os.open(path / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    poll = select.poll()
    poll.register(events, select.POLLPRI)
    try:
        while b"populated 1" in os.pread(events, 4096, 0):
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return not populated(path)
    except OSError:  # ENODEV: removed by someone else while we waited
        return not path.exists()
    finally:
        os.close(events)
    return True


def remove(path: Path, timeout_ms: float = 2_000) -> None:
    """Kill what is left in a cgroup, then remove it and all below. Raises OSError when it will not go."""
    if not path.exists():
        return
    if populated(path):
        kill(path)
        wait_empty(path, timeout_ms)
    for directory in reversed(_tree(path)):
        with contextlib.suppress(FileNotFoundError):
            directory.rmdir()


def _tree(path: Path) -> list[Path]:
    """The cgroup and all below it, parents first."""
    return [Path(directory) for directory, _, _ in os.walk(path)]


def _kill_one_by_one(path: Path) -> None:
    """For kernels without cgroup.kill: again until a look finds nobody, since a fork may run beside us."""
    while found := members(path):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                descriptor = pidfd.open(pid)
                try:
                    pidfd.send_signal(descriptor, signal.SIGKILL)
                finally:
                    os.close(descriptor)
        wait_empty(path, 50)
