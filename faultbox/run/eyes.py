"""Observation by the kernel: which cgroups of a world are whose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from faultbox import observe
from faultbox import world as worlds
from faultbox.linux import cgroup
from faultbox.model.fault import Port
from faultbox.model.observation import DRIVER, EDGE, Watch
from faultbox.model.plan import Needs


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
