"""The kernel programs of the network, loaded once for all worlds of a run."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from faultbox.linux import bpf
from faultbox.model.frozen import frozen
from faultbox.model.unfit import Unfit

Part = Literal["steer", "cut", "datagrams", "addresses"]
"""What can be loaded: TCP edges (always), partitions and loss, UDP edges, addresses of their own for services."""

END: Final = struct.Struct("=QIHH")
"""struct end of bpf/faultbox.h, the key of what belongs to a world: a cgroup id, an address, a port, a kind."""

_WORLD = struct.Struct("=Q")
"""What every value that belongs to a world begins with: the world's cgroup id."""
_OF_WORLDS: Final[dict[Part, dict[str, tuple[int, int]]]] = {
    "steer": {"edges": (END.size, 16), "slots": (4, 8)},
    "cut": {"cuts": (END.size, 40)},
    "datagrams": {"edges": (END.size, 16)},
    "addresses": {"addresses": (END.size, 16)},
}
"""Maps that keep what a killed world left in them: size of a key and of a value."""


class NoNetworkFaults(Unfit):
    """This host or user can't have faults on edges; nothing was started. `advice` says what to do."""

    about = "no faults on the network here: "


@frozen
class Programs:
    """What was loaded. Descriptors: worlds inherit them by fork, exec'ed programs don't."""

    parts: dict[Part, bpf.Loaded]

    def of(self, part: Part) -> bpf.Loaded:
        """Raises RuntimeError where the plan didn't ask for it."""
        try:
            return self.parts[part]
        except KeyError:
            raise RuntimeError(f"the network's programs were loaded without {part!r}") from None

    def forget(self, world: Path) -> None:
        """Remove what a killed world had in the shared maps; before its cgroup is removed. Raises OSError."""
        try:
            owner = cgroup_id(world)
        except FileNotFoundError:
            return
        for part, loaded in self.parts.items():
            for name, (key_size, value_size) in _OF_WORLDS[part].items():
                for key in bpf.keys(loaded.maps[name], key_size):
                    value = bpf.lookup(loaded.maps[name], key, value_size)
                    if value is not None and _WORLD.unpack_from(value)[0] == owner:
                        bpf.delete(loaded.maps[name], key)


def prepare(parts: Collection[Part] = ("cut", "datagrams")) -> Programs:
    """Load the programs, in the runner and before it enters a user namespace. Raises NoNetworkFaults.

    5 ms a part; 60 for "addresses", for which the kernel's own types are read.
    """
    if "cut" in parts and os.geteuid() != 0:
        # Hooks on a cgroup's packets are checked when they are attached too (kernel/bpf/syscall.c), in user namespaces.
        raise NoNetworkFaults("partitions and loss are for root alone", "run as root")
    try:
        return Programs({part: bpf.load(part) for part in dict.fromkeys(("steer", *parts))})
    except bpf.NoBpf as error:
        raise NoNetworkFaults(error.reason, error.advice) from error


def cgroup_id(directory: Path) -> int:
    """What the kernel calls a cgroup: its directory's inode (kernfs; Linux 5.5, 64-bit machines)."""
    return directory.stat().st_ino
