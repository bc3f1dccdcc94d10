"""What a probe puts out in one world, as events."""

from __future__ import annotations

import contextlib
import select
import struct
import time
from pathlib import Path
from typing import Any

from faultbox.linux import bpf, pidfd
from faultbox.model.event import Event, EventsLost, SourceLost
from faultbox.observe.probes.programs import KEY, Attached, Probes
from faultbox.observe.ring import Ring

RING_BYTES = 1 << 20
_HEAD = struct.Struct("=QIIII")
"""struct faultbox_head (prelude.h): time, pid, tid, output, size."""
_MOST = 8_192
_TRIES = 200
_TYPES = frozenset(("probe",))
"""How often a record that is just being written is looked at again before the promise is put off."""


class ProbeSource:
    """Events of type `probe`: fields `name`, `output`, `pid`, `tid` (of the host) and those of the C struct.

    Programs write into this world's ring before the call that they watch goes on, so what has been claimed in the ring
    is all that has happened. Raises OSError.
    """

    def __init__(self, service: str, attached: Attached, probes: Probes, cgroup: Path) -> None:
        self._service = service
        self._attached = attached
        self._probes = probes
        self._cgroup = cgroup
        self._ids: set[bytes] = set()
        self._lost = 0
        self._missed = attached.missed()
        self._promised = 0
        self._ring = Ring(RING_BYTES)
        self._epoll = select.epoll()
        for descriptor in (self._ring.fd, self._probes.pidfd):
            self._epoll.register(descriptor, select.EPOLLIN)

    @property
    def name(self) -> str:
        return f"probe {self._attached.name} of {self._service}"

    def launching(self) -> None:
        """The service is about to be started, in a cgroup that may have been made anew."""
        cgroup = self._cgroup.stat().st_ino.to_bytes(KEY, "little")
        self._ids.add(cgroup)
        bpf.update(self._attached.rings, cgroup, self._ring.fd.to_bytes(4, "little"))

    def fileno(self) -> int:
        return self._epoll.fileno()

    @property
    def promised(self) -> int:
        return self._promised

    def ask(self, token: int) -> None:
        """Whoever asks drains next, and every drain promises what it can."""

    def drain(self) -> list[Event]:
        """What was put out. Raises EventsLost where some found no room, SourceLost when no program runs any more."""
        now, until = time.monotonic_ns(), self._ring.written
        events: list[Event] = []
        for _ in range(_TRIES):
            events += [self._event(each) for each in self._ring.take(_MOST)]
            if self._ring.position >= until:
                self._promised = now
                break
        if pidfd.wait(self._probes.pidfd, 0):
            raise SourceLost(self.name, "the process that holds its programs has ended")
        self._tell_lost(events)
        return events

    def _tell_lost(self, events: list[Event]) -> None:
        lost, missed = self._count_lost(), self._attached.missed()
        if lost > self._lost:
            fresh, self._lost = lost - self._lost, lost
            raise EventsLost(self.name, f"{fresh} events found no room on their way from the kernel", events, _TYPES)
        if missed > self._missed:
            fresh, self._missed = missed - self._missed, missed
            reason = f"its program was not run {fresh} times, because that processor was running one already"
            raise EventsLost(self.name, reason, events, _TYPES)

    def close(self) -> None:
        """Take nothing more from the programs, which run on for other worlds."""
        for each in self._ids:
            for descriptor in (self._attached.rings, self._attached.lost):
                with contextlib.suppress(OSError):
                    bpf.delete(descriptor, each)
        self._epoll.close()
        self._ring.close()

    def _event(self, record: bytes) -> Event:
        time_ns, pid, tid, output, size = _HEAD.unpack_from(record)
        name, known = self._attached.outputs[output - 1]
        data = record[_HEAD.size : _HEAD.size + size]
        if len(data) < known.size:
            reason = f"{name} put out {size} bytes, and its struct has {known.size}: it may not be packed"
            raise SourceLost(self.name, reason)
        values = {"name": self._attached.name, "output": name, "pid": pid, "tid": tid, **known.values(data)}
        fields = {key: _shown(value) for key, value in values.items()}
        # A program may be put off between its look at the clock and its claim of room, and a promise fall in between.
        return Event(max(time_ns, self._promised), "probe", self._service, fields, values)

    def _count_lost(self) -> int:
        found = (bpf.lookup(self._attached.lost, each, 8) for each in self._ids)
        return sum(int.from_bytes(each, "little") for each in found if each is not None)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
