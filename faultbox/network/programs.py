"""The kernel programs of the network, loaded once for all worlds of a run."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from faultbox.linux import bpf

END = struct.Struct("=QIHH")
"""struct end of bpf/faultbox.h: the caller's cgroup id, address, port, kind."""
_WORLD_FIRST = struct.Struct("=Q")
"""What every value that belongs to a world begins with: the world's cgroup id."""

_OBJECTS = ("steer",)
_BY_WORLD = {("steer", "edges"): (END.size, 16), ("steer", "slots"): (4, 8)}
"""Maps that keep what a killed world left in them: size of a key and of a value."""


class NoNetworkFaults(Exception):
    """This host or user can't have faults on edges; nothing was started. `advice` says what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        self.reason = reason
        self.advice = advice
        super().__init__(f"faults on the network can't be had here: {reason}: {advice}")


@dataclass(frozen=True, slots=True)
class Programs:
    """What was loaded, by the name of the object. Descriptors: forked worlds inherit them, exec'ed programs don't."""

    objects: dict[str, bpf.Loaded]

    def map(self, object_: str, name: str) -> int:
        return self.objects[object_].maps[name]

    def program(self, object_: str, name: str) -> int:
        return self.objects[object_].programs[name]

    def forget(self, world_cgroup: Path) -> None:
        """Remove what a world that was killed had in the shared maps. Before its cgroup is removed; raises OSError."""
        try:
            world = cgroup_id(world_cgroup)
        except FileNotFoundError:
            return
        for (object_, name), (key_size, value_size) in _BY_WORLD.items():
            map_ = self.map(object_, name)
            for key in bpf.keys(map_, key_size):
                value = bpf.lookup(map_, key, value_size)
                if value is not None and _WORLD_FIRST.unpack_from(value)[0] == world:
                    bpf.delete(map_, key)


def prepare() -> Programs:
    """Load the programs, in the runner and before it enters a user namespace. Raises NoNetworkFaults."""
    try:
        return Programs({name: bpf.load(name) for name in _OBJECTS})
    except bpf.NoBpf as error:
        raise NoNetworkFaults(error.reason, error.advice) from error


def cgroup_id(directory: Path) -> int:
    """What the kernel calls a cgroup: the number of its directory's inode (kernfs, Linux 5.5 on 64-bit machines)."""
    return directory.stat().st_ino
