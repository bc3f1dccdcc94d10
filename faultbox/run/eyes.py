"""Observation by the kernel: whether a run has any, and which cgroups of a world are whose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from faultbox import observe
from faultbox import world as worlds
from faultbox.linux import cgroup
from faultbox.model.fault import Port
from faultbox.model.frozen import frozen
from faultbox.model.observation import DRIVER, EDGE, Watch
from faultbox.model.plan import Needs

_BELOW = 2
"""A service's cgroup lies below its world's, and that below the run's."""


@frozen
class Eyes:
    """The programs of a run; where there are none, `blind` says why, and what to do."""

    programs: observe.Programs | None = None
    blind: str = ""


def level_of_services(group: Path | None) -> int | None:
    """How far below the root of the cgroup tree the cgroups of a run's services lie; None where it has none."""
    top = cgroup.mountpoint()
    return None if group is None or top is None else len(group.relative_to(top).parts) + _BELOW


class Opening:
    """The programs on their way: another process loads them while the spec is evaluated."""

    def __init__(self, group: Path | None) -> None:
        """Only while this process has one thread. `group`: the run's cgroup."""
        level = level_of_services(group)
        self._pending = observe.begin(level) if level is not None else None

    def result(self) -> Eyes:
        """Wait for them, once."""
        if self._pending is None:
            return Eyes(blind="services are told apart by cgroups, and this user may make none: run as root")
        try:
            return Eyes(self._pending.result())
        except observe.NoObservation as error:
            return Eyes(blind=f"{error.reason}: {error.advice}")


def watch(
    programs: observe.Programs,
    world: worlds.World,
    needs: Needs,
    place: Path,
    *,
    ports: Sequence[Port],
    addresses: dict[str, str],
    edge: int | None,
) -> observe.Observer:
    """Observe a world that has been opened and in which nothing has been launched. Raises OSError.

    `place`: the case's directory. `edge`: the process of its proxies. This process becomes the driver.
    """
    assert world.cgroup is not None
    enter(world.cgroup / DRIVER, os.getpid())
    lanes = {name: (cgroup_of(world, name), needs.watched.get(name, Watch())) for name in needs.services}
    lanes[DRIVER] = (world.cgroup / DRIVER, Watch())
    if edge is not None:
        enter(world.cgroup / "edge", edge)
        lanes[EDGE] = (world.cgroup / "edge", Watch())
    return observe.attach(programs, lanes, place, ports=ports, addresses=addresses)


def enter(group: Path, pid: int) -> None:
    """Put a process into a cgroup, which is made where it is not there."""
    (cgroup.create(group) / "cgroup.procs").write_text(str(pid), encoding="ascii")


def cgroup_of(world: worlds.World, service: str) -> Path:
    """The cgroup of a service, there before its first process."""
    return cgroup.create(world.members_of.directory(service))
