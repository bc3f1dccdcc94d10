"""The lanes of a world in the maps of a run: who is watched, and for what."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from faultbox.linux import bpf
from faultbox.model.observation import DRIVER, EDGE, Watch
from faultbox.model.syscalls import WAITS, number
from faultbox.observe import layout
from faultbox.observe.programs import Programs, machine

MOVES_IN = frozenset((DRIVER, EDGE))
"""Lanes of processes of ours: they belong there from the moment they are put there, not once they exec."""
_LOSSES = struct.Struct(f"={len(layout.LOST)}Q")
"""A world's part of the map of losses."""
_LOOK_AGAIN_S = 0.0002
"""Between looks at a map that is on its way."""
_PIDFD_THREAD = os.O_EXCL
"""Linux 6.9: a pidfd of any thread, not only of a process's first."""


class Lanes:
    """Lanes by name, with the cgroups that they are; their numbers are the places of their names."""

    def __init__(self, programs: Programs, lanes: Mapping[str, tuple[Path, Watch]]) -> None:
        self.names = tuple(lanes)
        self._maps = programs.maps
        self._programs = programs
        self._lanes = dict(lanes)
        self._keys: dict[str, int] = {}
        self.world = next(iter(lanes.values()))[0].parent.stat().st_ino
        self._slot = -1
        self._losses = mmap.mmap(self._maps["losses"], layout.WORLDS * _LOSSES.size, prot=mmap.PROT_READ)

    @property
    def watched(self) -> dict[str, Watch]:
        """What is watched of each lane, in the order of their numbers."""
        return {name: watch for name, (_, watch) in self._lanes.items()}

    @property
    def want_events(self) -> bool:
        return any(watch.calls or watch.files or watch.sockets for _, watch in self._lanes.values())

    @property
    def want_begins(self) -> bool:
        return any(watch.calls - WAITS for _, watch in self._lanes.values())

    @property
    def want_sockets(self) -> bool:
        return any(watch.sockets for _, watch in self._lanes.values())

    def open(self, maps: Mapping[str, int]) -> None:
        """Claim a slot, put the world's maps there, and begin. Raises OSError.

        What a former world left there goes first, which waits until no program runs that may still know who had the
        slot: nothing of this world's may hold a record or a count of another one.
        """
        self._slot = self._claim()
        bpf.delete(self._maps["totals"], layout.INDEX.pack(self._slot))  # does not wait where there was none
        puts = [_Put(self._maps[name], self._slot, descriptor) for name, descriptor in maps.items()]
        for each in puts:
            each.wait()
        for kind in range(len(layout.LOST)):
            index = layout.INDEX.pack(self._slot * len(layout.LOST) + kind)
            bpf.update(self._maps["losses"], index, bytes(layout.KEY.size))
        for name, (directory, _) in self._lanes.items():
            if directory.exists():
                self.launching(name)
                self._take_in(directory)

    def launching(self, name: str) -> None:
        """A process of the lane is about to start: its cgroup may be another one than before. Raises OSError."""
        key = self._lanes[name][0].stat().st_ino
        if self._keys.get(name) == key:
            return
        if name in self._keys:
            bpf.delete(self._maps["lanes"], layout.KEY.pack(self._keys[name]))
        self._keys[name] = key
        bpf.update(self._maps["lanes"], layout.KEY.pack(key), self._packed(name))

    def lost(self) -> dict[str, int]:
        """What found no room, by kind."""
        counts = _LOSSES.unpack_from(self._losses, self._slot * _LOSSES.size)
        return {name: count for name, count in zip(layout.LOST, counts, strict=True) if count}

    def spent_ns(self) -> int:
        """How long the programs took of the lanes' time, from a sample of their runs."""
        values = (
            bpf.lookup(self._maps["lanes"], layout.KEY.pack(key), layout.LANE.size) for key in self._keys.values()
        )
        return sum(layout.LANE.unpack(value)[5] for value in values if value is not None)

    def close(self) -> None:
        """Nothing is told of the world any more."""
        self._programs.release(self.world)
        self._losses.close()

    def _packed(self, name: str) -> bytes:
        watch = self._lanes[name][1]
        wants = layout.Wants.FLOWS
        wants |= layout.Wants.CALLS if watch.calls else 0
        wants |= layout.Wants.FILES if watch.files else 0
        wants |= layout.Wants.SOCKETS if watch.sockets else 0
        begins = watch.calls - WAITS
        wants |= layout.Wants.BEGINS if begins else 0
        place = self.names.index(name)
        calls = _bits(watch.calls), _bits(begins)
        return layout.LANE.pack(self.world, self._slot, place, wants, name in MOVES_IN, 0, *calls)

    def _claim(self) -> int:
        """The first slot that no world has: as many keep maps as worlds ever lived at once."""
        for slot in range(layout.WORLDS):
            with contextlib.suppress(FileExistsError):
                bpf.update(self._maps["slots"], layout.INDEX.pack(slot), layout.KEY.pack(self.world), bpf.NOEXIST)
                return slot
        raise OSError(errno.ENOSPC, f"{layout.WORLDS} worlds are observed already")

    def _take_in(self, directory: Path) -> None:
        """Those who are in a cgroup already belong to its lane; the calls that they are in don't."""
        lane = directory.stat().st_ino
        for pid in (directory / "cgroup.procs").read_text(encoding="ascii").split():
            for tid in _threads(int(pid)):
                with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it ended before its pidfd, or after
                    self._join(lane, int(pid), tid)

    def _join(self, lane: int, pid: int, tid: int) -> None:
        handle = _pidfd(pid, tid)
        if handle is None:
            return
        try:
            call = layout.CALL.pack(lane, 0, 0, 0, 0, *([0] * 6), 0, 0, pid, tid, 0, 1, 0)
            bpf.update(self._maps["tasks"], layout.INDEX.pack(handle), call)
        finally:
            os.close(handle)


class _Put(threading.Thread):
    """A map on its way into its place in a map of maps.

    The kernel puts it there, then waits until no program runs that may still use the map which was there before
    (maybe_wait_bpf_programs() in kernel/bpf/syscall.c): some 15 ms that nobody else need wait for.
    """

    def __init__(self, outer: int, slot: int, inner: int) -> None:
        super().__init__(daemon=True)
        self._outer, self._slot, self._inner = outer, layout.INDEX.pack(slot), inner
        self._failed: OSError | None = None
        self.start()

    def run(self) -> None:
        try:
            bpf.update(self._outer, self._slot, layout.INDEX.pack(self._inner))
        except OSError as error:
            self._failed = error

    def wait(self) -> None:
        """Until it is in its place. Raises OSError."""
        identity = layout.INDEX.pack(bpf.identity(self._inner))
        while self.is_alive() and bpf.lookup(self._outer, self._slot, layout.INDEX.size) != identity:
            time.sleep(_LOOK_AGAIN_S)
        if self._failed is not None:
            raise self._failed


def _pidfd(pid: int, tid: int) -> int | None:
    """A pidfd of a thread; None where this kernel has them of a process's first thread only."""
    try:
        return os.pidfd_open(tid, 0 if tid == pid else _PIDFD_THREAD)
    except OSError as error:
        if tid != pid and error.errno == errno.EINVAL:
            return None
        raise


def _threads(pid: int) -> Iterable[int]:
    try:
        return [int(each) for each in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def _bits(calls: Iterable[str]) -> bytes:
    """A bit for each number, in words of the machine."""
    wanted = 0
    for name in calls:
        nr = number(name, machine())
        if nr is not None and nr < layout.CALLS:
            wanted |= 1 << nr
    return wanted.to_bytes(layout.CALLS // 8, "little")
