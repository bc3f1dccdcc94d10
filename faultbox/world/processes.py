"""Which processes belong to a service: by cgroup, or by a mark in their environment where there are none."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from faultbox.linux import cgroup


class Members:
    """The processes of a world's services, as pids of the host."""

    MARK = "FAULTBOX_SERVICE"
    """In every service's environment: its name."""

    def __init__(self, world: Path | None, init_pid: int) -> None:
        self._world = world
        self._init = init_pid

    def directory(self, service: str) -> Path:
        """The service's cgroup; only where the world has one."""
        if self._world is None:
            raise RuntimeError("this world has no cgroup")
        return self._world / f"svc-{service}"

    @property
    def in_cgroups(self) -> bool:
        return self._world is not None

    def __call__(self, service: str) -> list[int]:
        """Those that have not ended, in order of pid."""
        if self._world is not None:
            return [pid for pid in cgroup.members(self.directory(service)) if not ended(pid)]
        mark = f"{self.MARK}={service}".encode()
        return [pid for pid in self._in_pid_namespace() if mark in _environment(pid) and not ended(pid)]

    def _in_pid_namespace(self) -> list[int]:
        try:
            ours = os.readlink(f"/proc/{self._init}/ns/pid_for_children")
        except OSError:
            return []
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if int(name) != self._init and os.readlink(f"/proc/{name}/ns/pid") == ours:
                    found.append(int(name))
        return sorted(found)


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def ended(pid: int) -> bool:
    """Whether a process is gone, or on its way out: what it held is given back before it can be waited for.

    A leader that ended before its threads does not count as long as one of them goes on.
    """
    if not _task_ended(Path(f"/proc/{pid}/stat")):
        return False
    with contextlib.suppress(OSError):
        return all(_task_ended(task / "stat") for task in Path(f"/proc/{pid}/task").iterdir())
    return True


def _task_ended(stat: Path) -> bool:
    """Zombie, dead, or PF_EXITING (0x4, linux/sched.h), which is set before a task lets go of its files."""
    try:
        fields = stat.read_bytes().rpartition(b")")[2].split()
    except OSError:
        return True
    return fields[0] in (b"Z", b"X") or bool(int(fields[6]) & 0x4)
