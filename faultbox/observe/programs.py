"""The kernel's programs of observation, loaded and attached once a run."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from faultbox.link import Link
from faultbox.linux import bpf, helper
from faultbox.model.arguments import Shape, shapes
from faultbox.model.frozen import frozen
from faultbox.model.syscalls import Arch, number
from faultbox.model.unfit import Unfit
from faultbox.observe import layout

_RAW = {"observe_victim": "mark_victim"}
"""Programs of raw tracepoints, which don't know theirs."""
_OF_SOCKETS = frozenset(("observe_state", "observe_destroyed", "observe_reset", "observe_retransmit"))
_MAKES = {"open": 1, "openat": 1, "openat2": 1, "creat": 1, "chdir": 2, "chroot": 3, "execve": 4, "execveat": 4}
"""What a path becomes where a call succeeds: a descriptor, the working directory, the root, the program."""
_PART = 16
"""Descriptors in one frame of a link."""
_ARCH: Mapping[str, Arch] = {"x86_64": "x86_64", "aarch64": "aarch64"}


class NoObservation(Unfit):
    """This host or user can't watch services from the kernel; all else works. `advice` says what to do."""

    about = "no observation by the kernel: "


@frozen
class Programs:
    """What was loaded and attached. The links live while a process holds them: worlds inherit them by fork."""

    programs: Mapping[str, int]
    maps: Mapping[str, int]
    links: tuple[int, ...]

    def slots(self) -> Iterator[tuple[int, int]]:
        """The places that worlds have in the maps of rings and totals, with the worlds' cgroup ids."""
        for key in bpf.keys(self.maps["slots"], layout.INDEX.size):
            world = bpf.lookup(self.maps["slots"], key, layout.KEY.size)
            if world is not None:
                yield layout.INDEX.unpack(key)[0], layout.KEY.unpack(world)[0]

    def forget(self, world: Path) -> None:
        """`release` for a world that was killed, by its cgroup; before that is removed. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self.release(world.stat().st_ino)

    def release(self, world: int) -> None:
        """Nothing is told of a world any more, by its cgroup's id; another one may have its slot.

        Its own maps stay in the slot until then: to take them out would wait for all processors to pass by
        (maybe_wait_bpf_programs() in kernel/bpf/syscall.c), some 15 ms for each.
        """
        lanes = self.maps["lanes"]
        for key in bpf.keys(lanes, layout.KEY.size):
            lane = bpf.lookup(lanes, key, layout.LANE.size)
            if lane is not None and layout.LANE.unpack(lane)[0] == world:
                bpf.delete(lanes, key)
        for slot in [slot for slot, owner in self.slots() if owner == world]:
            bpf.delete(self.maps["slots"], layout.INDEX.pack(slot))

    def missed(self, *, sockets: bool = True) -> int:
        """How often a program was not run because it was running on that processor already, on the whole host.

        A connection's state may change in an interrupt of another one's. `sockets`: count those too.
        """
        return sum(bpf.missed(each) for name, each in self.programs.items() if sockets or name not in _OF_SOCKETS)

    def close(self) -> None:
        """Let go of all of it; what other processes hold lives on."""
        for descriptor in (*self.links, *self.programs.values(), *self.maps.values()):
            os.close(descriptor)


class Pending:
    """Programs that another process is loading meanwhile: reading the kernel's types takes most of the 80 ms."""

    def __init__(self, link: Link, pid: int) -> None:
        self._link = link
        self._pid = pid

    def result(self) -> Programs:
        """Wait for them, once. Raises NoObservation."""
        try:
            return self._receive()
        finally:
            self._link.close()
            os.waitpid(self._pid, 0)

    def _receive(self) -> Programs:
        descriptors: list[int] = []
        while (frame := self._link.receive()) is not None:
            descriptors += frame.fds
            if frame.kind == "failed":
                raise NoObservation(*frame.body)
            if frame.kind == "loaded":
                programs, maps, links = frame.body
                each = iter(descriptors)
                return Programs(
                    dict(zip(programs, each, strict=False)),
                    dict(zip(maps, each, strict=False)),
                    tuple(next(each) for _ in range(links)),
                )
        raise NoObservation("the process that loads the programs was killed", "run again; see what kills processes")


def begin(depth: int) -> Pending:
    """`prepare` in a process of its own, for a caller that has something else to do. It must have one thread."""
    ours, theirs = Link.pair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            helper.become("fb-observe", {theirs.fileno()}, parent)
            _serve(depth, theirs)
        finally:
            os._exit(0)
    theirs.close()
    return Pending(ours, pid)


def _serve(depth: int, link: Link) -> None:
    try:
        loaded = prepare(depth)
    except NoObservation as error:
        link.send("failed", (error.reason, error.advice))
        return
    descriptors = (*loaded.programs.values(), *loaded.maps.values(), *loaded.links)
    for start in range(0, len(descriptors), _PART):
        link.send("part", None, descriptors[start : start + _PART])
    link.send("loaded", (tuple(loaded.programs), tuple(loaded.maps), len(loaded.links)))


def prepare(depth: int) -> Programs:
    """Load the programs and attach them, as root or with CAP_BPF and CAP_PERFMON of the host. Raises NoObservation.

    `depth`: how far below the root of the cgroup tree the cgroups of services lie. From here on every system call on
    this host takes 0.1 us more, those of services 0.3, until the last process that has inherited this has ended.
    """
    if os.uname().machine not in _ARCH:
        raise NoObservation(f"it is not made for {os.uname().machine}", "use an x86-64 or arm64 machine")
    try:
        loaded = bpf.load("observe")
    except bpf.NoBpf as error:
        raise NoObservation(error.reason, error.advice) from error
    _check(loaded.maps)
    bpf.update(loaded.maps["depth"], layout.INDEX.pack(0), layout.INDEX.pack(depth))
    _describe_calls(loaded.maps["shapes"])
    try:
        links = tuple(bpf.attach_tracing(each, _RAW.get(name, "")) for name, each in loaded.programs.items())
    except OSError as error:
        advice = "use Linux 5.15 or newer with CONFIG_BPF_EVENTS and CONFIG_FTRACE_SYSCALLS"
        raise NoObservation(f"tracepoints can't be attached to ({error.strerror})", advice) from error
    return Programs(loaded.programs, loaded.maps, links)


def _check(maps: Mapping[str, int]) -> None:
    """A structure that was changed in one place only would be read wrong in silence."""
    expected = {"lanes": layout.LANE.size, "tasks": layout.CALL.size, "shapes": layout.SHAPE.size}
    if {name: bpf.sizes(maps[name])[1] for name in expected} != expected:
        raise _other_version()


def _other_version() -> NoObservation:
    return NoObservation("observe.bpf.o was built from another version", "build it again: `make bpf`")


def machine() -> Arch:
    """The table of calls of this machine."""
    return _ARCH[os.uname().machine]


def _describe_calls(table: int) -> None:
    """Tell the programs which arguments of each call are what."""
    nothing = layout.SHAPE.pack(-1, -1, -1, -1, -1, -1, -1, 0)
    try:
        elements = mmap.mmap(table, layout.CALLS * layout.SHAPE.size)
    except OSError as error:
        raise _other_version() from error
    with elements:
        elements[:] = nothing * layout.CALLS
        for name, shape in shapes().items():
            nr = number(name, machine())
            if nr is not None and nr < layout.CALLS:
                layout.SHAPE.pack_into(elements, nr * layout.SHAPE.size, *_packed(name, shape))


def _packed(name: str, shape: Shape) -> Iterator[int]:
    def index(argument: int | None) -> int:
        return -1 if argument is None else argument

    first, second = (*shape.paths, None, None)[:2]
    yield index(shape.fd)
    for each in (first, second):
        yield index(None if each is None else each.dirfd)
        yield index(None if each is None else each.path)
    yield index(shape.address)
    yield index(shape.size)
    yield _MAKES.get(name, 0)
