"""What runs leave behind when they are killed, and removing it.

Every run writes a record of itself: who it is (boot id, pid, start time: together never reused) and
which cgroups and directories it makes. Whoever finds a record whose owner is gone removes all of it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from faultbox.linux import cgroup
from faultbox.model.frozen import frozen
from faultbox.world.layout import rmtree


@frozen
class Owner:
    """A process, unmistakably. `started` is field 22 of proc_pid_stat(5), in clock ticks since boot."""

    boot: str
    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Owner:
        """Raises ProcessLookupError when there is no such process."""
        started = _start_time(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(_boot_id(), pid, started)

    @property
    def alive(self) -> bool:
        return self.boot == _boot_id() and _start_time(self.pid) == self.started


@frozen
class Record:
    """A run's record on disk: `cgroups` and `directories` are removed with what is in them."""

    owner: Owner
    cgroups: tuple[str, ...]
    directories: tuple[str, ...]


def register(state_dir: Path, name: str, *, cgroups: Sequence[Path] = (), directories: Sequence[Path] = ()) -> Path:
    """Write this process's record, before it makes any of what it names; remove the returned file at the end."""
    state_dir.mkdir(parents=True, exist_ok=True)
    record = Record(Owner.of(os.getpid()), tuple(map(str, cgroups)), tuple(map(str, directories)))
    path = state_dir / f"{name}.json"
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
    draft.rename(path)
    return path


def sweep(state_dir: Path) -> list[str]:
    """Kill and remove what dead runs left; the names of those runs. What can't be removed now stays recorded."""
    swept = []
    for path in sorted(state_dir.glob("*.json")):
        record = _read(path)
        if record is None or record.owner.alive:
            continue
        with contextlib.suppress(OSError):
            remove(record)
            path.unlink()
            swept.append(path.stem)
    return swept


def remove(record: Record) -> None:
    """Kill and remove everything that a record names. Raises OSError for what will not go."""
    for each in record.cgroups:
        cgroup.remove(Path(each))
    for each in record.directories:
        rmtree(Path(each))


def _read(path: Path) -> Record | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Record(Owner(**data["owner"]), tuple(data["cgroups"]), tuple(data["directories"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def _start_time(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat[stat.rindex(b")") + 2 :].split()[19])
