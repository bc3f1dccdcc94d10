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
            return [pid for pid in cgroup.members(self.directory(service)) if not _ended(pid)]
        mark = f"{self.MARK}={service}".encode()
        return [pid for pid in self._in_pid_namespace() if mark in _environment(pid) and not _ended(pid)]

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


def _ended(pid: int) -> bool:
    """Whether it is a zombie or gone. proc_pid_stat(5): a leader that ended before its threads is a zombie too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    fields = stat[stat.rindex(b")") + 2 :].split()
    return fields[0] in (b"Z", b"X") and int(fields[17]) <= 1
