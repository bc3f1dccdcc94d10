"""The probes of a run: compiled and attached once, in a process of the system's Python."""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faultbox.linux import bpf
from faultbox.model.frozen import frozen
from faultbox.model.topology import Probe, Service
from faultbox.model.unfit import Unfit
from faultbox.observe.probes.fields import Layout, NotReadable, layout

PYTHON = "/usr/bin/python3"
"""Which Python bcc is a package of."""
KEY = 8
"""Bytes of a cgroup's id."""
_OURS = frozenset({"name", "output"})
_PACKET = 1 << 18
_DESCRIPTORS = 253
"""How many one message may carry (unix(7), SCM_MAX_FD)."""


class NoProbes(Unfit):
    """A probe can't be had here, or not as it is written. `advice` says what to do."""


@frozen
class Attached:
    """A probe that runs. `outputs`: their names with the structs that they hold. `rings`, `lost`: maps by cgroup id.

    `programs`: the probe's functions, as descriptors.
    """

    name: str
    outputs: tuple[tuple[str, Layout], ...]
    rings: int
    lost: int
    programs: tuple[int, ...] = ()

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.rings, self.lost, *self.programs)

    def missed(self) -> int:
        """How often a function was not run, on the whole host, because its processor ran a program already (5.12)."""
        return sum(bpf.missed(each) for each in self.programs)


class Probes:
    """All of them. Worlds inherit this by fork; the programs run until the process that prepared it has ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], end: socket.socket, attached: Mapping[str, Sequence[Attached]]
    ):
        self._process = process
        self._end = end
        self._attached = attached
        self.pidfd = os.pidfd_open(process.pid)
        """Of the process that holds the programs: readable once they run no more."""

    def of(self, service: str) -> Sequence[Attached]:
        """The probes of a service, in the order of its observe=."""
        return self._attached.get(service, ())

    def forget(self, world: Path) -> None:
        """Remove what a killed world left in the maps; before its cgroups are removed."""
        ids = [each.stat().st_ino.to_bytes(KEY, "little") for each in world.glob("*/")]
        for each in (each for several in self._attached.values() for each in several):
            for cgroup in ids:
                for descriptor in (each.rings, each.lost):
                    with contextlib.suppress(OSError):
                        bpf.delete(descriptor, cgroup)

    def close(self) -> None:
        """Detach everything, in the process that prepared it."""
        self._end.close()
        self._process.kill()  # what it holds goes with it
        self._process.wait()
        os.close(self.pidfd)
        for each in (each for several in self._attached.values() for each in several):
            for descriptor in each.descriptors:
                os.close(descriptor)


def prepare(services: Sequence[Service], level: int, scratch: Path, cache: Path) -> Probes | None:
    """Compile and attach the probes of services; None where they have none. Raises NoProbes.

    `level`: how far below the root of the cgroup tree the cgroups of services lie. `scratch`, `cache`: directories of
    this user, the one removed after the run, the other kept for what is made of the running kernel's types.
    """
    wanted = [(each, one.probe) for each in services for one in each.observe if one.probe is not None]
    if not wanted:
        return None
    if os.geteuid() != 0:
        raise NoProbes("observe.probe() needs programs in the kernel, which this user may not load", "run as root")
    if not os.access(PYTHON, os.X_OK):
        raise NoProbes(f"observe.probe() needs bcc, a package of {PYTHON}, and that is not there", _install())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PACKET)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PACKET)
    process = _started(theirs, {
        "level": level,
        "cache": str(cache),
        "tree": str(scratch),
        "probes": [_request(service, probe) for service, probe in wanted],
    })  # fmt: skip
    theirs.close()
    attached: dict[str, list[Attached]] = {}
    try:
        for service, probe in wanted:
            attached.setdefault(service.name, []).append(_receive(ours, probe))
    except NoProbes:
        process.kill()
        process.wait()
        ours.close()
        raise
    return Probes(process, ours, attached)


def _started(theirs: socket.socket, request: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    loader = Path(__file__).with_name("loader.py")
    process = subprocess.Popen(
        [PYTHON, "-I", str(loader), str(theirs.fileno()), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        cwd="/",
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(json.dumps(request).encode())
    return process


def _request(service: Service, probe: Probe) -> dict[str, Any]:
    attach = [
        {"function": each.function, "kind": each.kind, "symbol": each.symbol, "binary": each.binary or service.binary}
        for each in probe.attach
    ]
    return {
        "text": probe.text,
        "origin": f"probe {probe.name!r} ({probe.origin})",
        "outputs": list(probe.outputs),
        "attach": attach,
    }


def _receive(end: socket.socket, probe: Probe) -> Attached:
    data, ancillary, _flags, _ = end.recvmsg(_PACKET, socket.CMSG_SPACE(_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC)
    if not data:
        raise NoProbes(f"probe {probe.name!r}: the process that compiles it has ended", f"try {PYTHON} -c 'import bcc'")
    answer = json.loads(data)
    if "failed" in answer:
        raise NoProbes(answer["failed"], answer["advice"])
    rings, lost, *functions = array.array("i", ancillary[0][2])
    try:
        outputs = tuple((name, layout(fields)) for name, fields in answer["fields"].items())
    except NotReadable as error:
        advice = "put out numbers, characters and arrays of them"
        raise NoProbes(f"probe {probe.name!r} ({probe.origin}): {error}", advice) from error
    _check_names(probe, outputs)
    return Attached(probe.name, outputs, rings, lost, tuple(functions))


def _check_names(probe: Probe, outputs: Sequence[tuple[str, Layout]]) -> None:
    for output, known in outputs:
        taken = _OURS & {field.name for field in known.fields}
        if taken:
            reason = f"probe {probe.name!r} ({probe.origin}): what {output} puts out has a field {min(taken)!r}"
            raise NoProbes(reason, "call it otherwise: events of probes have fields of that name")
        if not known.fields:
            reason = f"probe {probe.name!r} ({probe.origin}): nothing that is known is put into {output}"
            raise NoProbes(reason, f"put a struct out: {output}.perf_submit(ctx, &data, sizeof(data))")


def _install() -> str:
    return "install it as root: apt-get install python3-bpfcc"
