"""How the services of a running case are: alive, how busy, how large. Read from their cgroups and /proc (proc(5))."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from faultbox.model.frozen import frozen

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class Health:
    """A service now: its processes, the share of one processor that it took since it was last looked at, its memory.

    `ended`: it has no processes, but had some before.
    """

    service: str
    processes: int
    busy: float
    bytes: int
    ended: bool = False


class Vitals:
    """Of the services of one world. `now` is in seconds of the caller's clock."""

    def __init__(self, cgroup: Path, services: Iterable[str]) -> None:
        self._cgroup = cgroup
        self._services = tuple(services)
        self._before: dict[int, int] = {}
        self._looked: float | None = None
        self._lived: set[str] = set()

    def look(self, now: float) -> list[Health]:
        """Every service, those without processes too."""
        ticks: dict[int, int] = {}
        found = [self._health(service, ticks, now) for service in self._services]
        self._before, self._looked = ticks, now
        return found

    def _health(self, service: str, ticks: dict[int, int], now: float) -> Health:
        spent = size = 0
        pids = self._pids(service)
        for pid in pids:
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks[pid] = int(fields[11]) + int(fields[12])
                spent += ticks[pid] - self._before.get(pid, ticks[pid])
                size += int(fields[21]) * _PAGE
        if pids:
            self._lived.add(service)
        passed = now - self._looked if self._looked is not None else 0.0
        busy = spent / _TICKS / passed if passed > 0 else 0.0
        return Health(service, len(pids), busy, size, ended=not pids and service in self._lived)

    def _pids(self, service: str) -> list[int]:
        found: list[int] = []
        for directory, _, _ in os.walk(self._cgroup / f"svc-{service}"):
            with contextlib.suppress(OSError, ValueError):
                found += map(int, (Path(directory) / "cgroup.procs").read_text(encoding="ascii").split())
        return found
