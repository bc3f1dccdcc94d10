"""The end of services: graceful, then certain, and never waiting for longer than they take."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from faultbox.linux import cgroup, pidfd
from faultbox.world.processes import Members

_CERTAIN_MS = 5_000
"""How long the kernel may take over a SIGKILL: a process in a call that can't be interrupted."""


class WillNotEnd(Exception):
    """Processes are left after SIGKILL: they hang in the kernel."""


@dataclass(slots=True)
class _Ending:
    """A service on its way out. `told`: processes that got its signal and live, by pid, with their pidfds."""

    service: str
    number: int
    deadline: float
    told: dict[int, int]


def stop(members: Members, mains: Mapping[str, int], services: Mapping[str, tuple[int, float]]) -> list[str]:
    """Signal each service's main process (pidfd in `mains`), then whoever outlives it; SIGKILL after the timeout.

    All at once. Returns the services that had to be killed.
    """
    now = time.monotonic()
    under_way = [_Ending(name, number, now + timeout_ms / 1000, {}) for name, (number, timeout_ms) in services.items()]
    for each in under_way:
        main = mains.get(each.service)
        if main is not None and pidfd.send_signal(main, each.number):
            each.told[pidfd.pid_of(main)] = os.dup(main)
    killed = []
    try:
        while under_way:
            under_way = [each for each in under_way if _step(members, each)]
            late = [each for each in under_way if each.deadline <= time.monotonic()]
            for each in late:
                killed.append(each.service)
                kill(members, each.service)
                under_way.remove(each)
                _forget(each)
            _wait_any(under_way)
    finally:
        for each in under_way:
            _forget(each)
    return killed


def kill(members: Members, service: str) -> None:
    """SIGKILL every process of a service and wait until none is left. Raises WillNotEnd."""
    if members.in_cgroups:
        directory = members.directory(service)
        cgroup.kill(directory)
        if not cgroup.wait_empty(directory, _CERTAIN_MS):
            raise WillNotEnd(f"service {service!r}: processes {members(service)} are left after SIGKILL")
        # Some kernels (6.14 to 6.18 at least) kill what clone3 puts into a cgroup that was ever killed: take a new one.
        cgroup.remove(directory)
        return
    deadline = time.monotonic() + _CERTAIN_MS / 1000
    while left := members(service):
        if time.monotonic() > deadline:
            raise WillNotEnd(f"service {service!r}: processes {left} are left after SIGKILL")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                descriptor = pidfd.open(pid)
                pidfd.send_signal(descriptor, signal.SIGKILL)
                pidfd.wait(descriptor, 1_000)
                os.close(descriptor)


def _step(members: Members, ending: _Ending) -> bool:
    """Signal those that are left once everyone told has gone; whether somebody is left."""
    for pid, descriptor in list(ending.told.items()):
        if pidfd.wait(descriptor, 0):
            os.close(ending.told.pop(pid))
    if ending.told:
        return True
    for pid in members(ending.service):
        with contextlib.suppress(ProcessLookupError):
            ending.told[pid] = pidfd.open(pid)
            pidfd.send_signal(ending.told[pid], ending.number)
    return bool(ending.told)


def _wait_any(under_way: list[_Ending]) -> None:
    """Until one of those that were told has ended, or a deadline has passed."""
    if not under_way:
        return
    poll = select.poll()
    for each in under_way:
        for descriptor in each.told.values():
            poll.register(descriptor, select.POLLIN)
    left = min(each.deadline for each in under_way) - time.monotonic()
    poll.poll(max(0.0, left * 1000))


def _forget(ending: _Ending) -> None:
    for descriptor in ending.told.values():
        os.close(descriptor)
    ending.told.clear()
