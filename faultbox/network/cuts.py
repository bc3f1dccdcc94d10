"""Partitions and loss between a caller and the ports of services."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from faultbox.linux import bpf
from faultbox.model.frozen import frozen
from faultbox.network import hooks
from faultbox.network.handle import Handle
from faultbox.network.programs import END, Programs, cgroup_id

Direction = Literal["both", "out", "in"]
"""Which packets: of the caller to the port (out), from the port to the caller (in)."""

_CUT = struct.Struct("=QQQQQ")
"""struct cut of bpf/cut.bpf.c."""
_FROM_CALLER, _TO_CALLER = 0, 1
_KINDS: Final[dict[Direction, tuple[int, ...]]] = {
    "both": (_FROM_CALLER, _TO_CALLER),
    "out": (_FROM_CALLER,),
    "in": (_TO_CALLER,),
}
_HOOKS = {"cut_egress": "egress", "cut_ingress": "ingress"}


@frozen(eq=False)
class Cut:
    """See Network.cut. `caller`: None for everyone in the world. `address`: as a number. `ppm`: lost of a million."""

    caller: Path | None
    ports: frozenset[int]
    direction: Direction
    address: int
    ppm: int
    seed: int


class Loss(Handle):
    """A cut that holds until it is closed."""

    def __init__(self, end: Callable[[], object], count: Callable[[], int]) -> None:
        super().__init__(end)
        self._count = count

    @property
    def packets(self) -> int:
        """How many packets have been lost to it. Those that several cuts met count for each."""
        return self._count()


class Held:
    """What is known of a cut while it holds, and its last count afterwards."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self.since: dict[bytes, int] = {}
        """What had been lost at each of its ends when it began there."""
        self.lost: int | None = None


class Cuts:
    """The cuts of one world. The hooks, which every packet passes, are there while there is a cut."""

    def __init__(self, programs: Programs, world: Path, stand_ins: Callable[[Path | None, int], Iterable[int]]) -> None:
        self._programs = programs
        self._world = world
        self._stand_ins = stand_ins
        self._held: list[Held] = []
        self._entered: dict[bytes, tuple[int, int]] = {}
        self._past: Counter[bytes] = Counter()
        """What was lost at an end under entries that are gone."""
        self._hooks: Handle | None = None

    def hold(self, cut: Cut) -> Loss:
        """Lose what the cut says until the handle is closed. Raises OSError."""
        held = Held(cut)
        self._held.append(held)
        handle = Loss(lambda: self._end(held), lambda: self._lost(held))
        try:
            self.refresh()
        except OSError:
            handle.close()
            raise
        return handle

    def refresh(self) -> None:
        """Bring the kernel's map to what is held. Where several cuts meet, the one that loses most holds."""
        wanted: dict[bytes, tuple[int, int]] = {}
        for held in self._held:
            cut = held.cut
            for key in self._keys(cut):
                wanted[key] = max(wanted.get(key, (0, 0)), (cut.ppm, cut.seed))
                held.since.setdefault(key, self._lost_at(key))
        if wanted and self._hooks is None:
            programs = self._programs.of("cut").programs
            self._hooks = hooks.on_cgroup(self._world, {hook: programs[name] for name, hook in _HOOKS.items()})
        self._enter(wanted)
        if not wanted and self._hooks is not None:
            self._hooks.close()
            self._hooks = None

    def _enter(self, wanted: dict[bytes, tuple[int, int]]) -> None:
        """What stays as it was keeps its count of packets."""
        if not wanted and not self._entered:
            return
        cuts = self._programs.of("cut").maps["cuts"]
        for key in self._entered.keys() - wanted.keys():
            self._past[key] = self._lost_at(key)
            bpf.delete(cuts, key)
            del self._entered[key]
        for key, (ppm, seed) in wanted.items():
            if self._entered.get(key) != (ppm, seed):
                self._past[key] = self._lost_at(key)
                bpf.update(cuts, key, _CUT.pack(cgroup_id(self._world), seed, 0, ppm, 0))
                self._entered[key] = (ppm, seed)

    def _end(self, held: Held) -> None:
        held.lost = self._lost(held)
        self._held.remove(held)
        self.refresh()

    def _lost(self, held: Held) -> int:
        if held.lost is not None:
            return held.lost
        return sum(self._lost_at(key) - before for key, before in held.since.items())

    def _lost_at(self, key: bytes) -> int:
        """How many packets have been lost at an end in this world's life."""
        if key not in self._entered:
            return self._past[key]
        entry = bpf.lookup(self._programs.of("cut").maps["cuts"], key, _CUT.size)
        return self._past[key] + (int(_CUT.unpack(entry)[4]) if entry is not None else 0)

    def _keys(self, cut: Cut) -> Iterator[bytes]:
        caller = cgroup_id(cut.caller or self._world)
        for port in cut.ports:
            ends = [(cut.address, port), *((0, other) for other in self._stand_ins(cut.caller, port))]
            for address, at in ends:
                for kind in _KINDS[cut.direction]:
                    yield END.pack(caller, address, at, kind)
