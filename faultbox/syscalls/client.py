"""A supervisor as the world's process sees it."""

from __future__ import annotations

import gc
import mmap
import os
import select
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faultbox import helper
from faultbox.link import Link
from faultbox.model.event import Event
from faultbox.model.fault import Port, RuleSet
from faultbox.syscalls import supervisor
from faultbox.syscalls.evidence import Report


def supervise(
    service: str,
    *,
    seed: int,
    counters: mmap.mmap,
    ports: Sequence[Port] = (),
    addresses: Mapping[str, str] | None = None,
    block_io_uring: bool = False,
) -> Supervisor:
    """Fork the process that decides the system calls of a service.

    Only while this process has one thread, and in the pid namespace from which the service's pids
    are to be read. `counters` is shared memory: seen, matched, fired, unresolved of slot s as u64
    from byte 32 * s. `block_io_uring` makes io_uring_setup fail with ENOSYS, where its filter
    notifies it. It ends when this thread does.
    """
    settings = supervisor.Settings(
        service, seed, memoryview(counters).cast("Q"), tuple(ports), dict(addresses or {}), block_io_uring
    )

    def live(control: Link, events: Link) -> None:
        gc.disable()
        supervisor.Supervisor(settings, control, events).run()

    return Supervisor(service, helper.fork(f"fb-calls {service}", live))


class Supervisor(helper.Helper):
    """One service's supervisor, and the Source of that service's syscall events."""

    what = "the supervisor"

    def __init__(self, service: str, forked: helper.Forked) -> None:
        super().__init__(f"syscalls of {service}", forked)
        self.service = service
        self._listeners: list[int] = []

    def attach(self, listener: int, *, running: bool = False) -> None:
        """Let it serve a launch of the service; the descriptor stays the caller's.

        Until that launch's first execve its calls are its launcher's, which no rule meets;
        `running` says that it has had it.
        """
        with self._lock:
            over = {held for held in self._listeners if _is_over(held)}
            self._listeners = [*(held for held in self._listeners if held not in over), os.dup(listener)]
            for held in over:
                os.close(held)
            self._control.call("listener", running, [listener])

    def swap(self, ruleset: RuleSet) -> None:
        """Put a rule set in force; returns when every later call is decided by it.

        Calls that wait under a rule that is no longer there keep their time.
        """
        self._ask("swap", ruleset)

    def release(self) -> int:
        """Answer every call that is held up, as decided but now; gives how many there were.

        A held call hears no signal but death: release before services are asked to end.
        """
        count: int = self._ask("release")
        return count

    def report(self) -> Report:
        """What it can say about rules beyond their counters."""
        report: Report = self._ask("report")
        return report

    def stop(self) -> None:
        """Release what is held, send what happened, end. Later notified calls hang until their caller is killed."""
        super().stop()

    def close(self) -> None:
        super().close()
        for fd in self._listeners:
            os.close(fd)
        self._listeners = []

    def _read(self, records: Any) -> Iterable[Event]:
        return (Event(time_ns, "syscall", self.service, fields) for time_ns, fields in records)


def _is_over(listener: int) -> bool:
    """Whether all tasks under a filter have ended."""
    poll = select.poll()
    poll.register(listener, 0)
    return bool(poll.poll(0))
