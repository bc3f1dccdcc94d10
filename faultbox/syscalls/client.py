"""A supervisor as the world's process sees it."""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import select
import signal
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from faultbox.link import Link
from faultbox.linux import helper, pidfd
from faultbox.model.event import Event, SourceLost
from faultbox.model.fault import Port, RuleSet
from faultbox.syscalls import supervisor
from faultbox.syscalls.evidence import Report

_STOP_S = 2.0


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
    control, events = Link.pair(), Link.pair()
    settings = supervisor.Settings(
        service, seed, memoryview(counters).cast("Q"), tuple(ports), dict(addresses or {}), block_io_uring
    )
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _serve(settings, control[1], events[1], parent)
    control[1].close()
    events[1].close()
    return Supervisor(service, pid, control[0], events[0])


class Supervisor:
    """One service's supervisor. It is also the Source of that service's syscall events.

    Two links keep its two users apart: the log's thread reads events and asks for promises, any
    other thread asks for changes under a lock and waits for the answer. Whatever asks raises
    EOFError when the process is gone.
    """

    def __init__(self, service: str, pid: int, control: Link, events: Link) -> None:
        self.service = service
        self.pid = pid
        self.pidfd = pidfd.open(pid)
        self._control = control
        self._events = events
        self._lock = threading.Lock()
        self._listeners: list[int] = []
        self._asked = 0
        self._promised = 0
        self._lost = ""
        self._gone = False
        self._told = False
        self._stopped = False

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
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            with contextlib.suppress(OSError):
                self._control.send("stop")
        if not pidfd.wait(self.pidfd, _STOP_S * 1000):
            self._lost = f"the supervisor did not end within {_STOP_S:g} s; events may be missing"
            pidfd.send_signal(self.pidfd, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def close(self) -> None:
        """Stop, and give back every descriptor. The log must have forgotten this source."""
        self.stop()
        for fd in (*self._listeners, self.pidfd):
            os.close(fd)
        self._listeners = []
        self._control.close()
        self._events.close()

    def _ask(self, kind: str, body: Any = None) -> Any:
        with self._lock:
            return self._control.call(kind, body).body

    # -- the source

    @property
    def name(self) -> str:
        return f"syscalls of {self.service}"

    def fileno(self) -> int:
        """-1 once the process is gone: its link would poll readable for ever."""
        return -1 if self._gone else self._events.fileno()

    @property
    def promised(self) -> int:
        return self._promised

    def ask(self, token: int) -> None:
        self._asked = max(self._asked, token)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._events.send("sync", token)

    def drain(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._events.pending():
            if frame is None:
                self._ended(events)
            elif frame.kind == "events":
                events += [Event(time_ns, "syscall", self.service, fields) for time_ns, fields in frame.body]
            elif frame.kind == "synced":
                self._promised = frame.body
            else:
                self._lost = frame.body
        return events

    def _ended(self, events: Sequence[Event]) -> None:
        """It is gone: after `stop` all was sent before, else what it knew is lost."""
        self._gone = True
        if self._stopped and not self._lost:
            self._promised = self._asked
        elif not events and not self._told:
            self._told = True
            raise SourceLost(self.name, self._lost or "the supervisor has died")


def _is_over(listener: int) -> bool:
    """Whether all tasks under a filter have ended."""
    poll = select.poll()
    poll.register(listener, 0)
    return bool(poll.poll(0))


def _serve(settings: supervisor.Settings, control: Link, events: Link, parent: int) -> NoReturn:
    """The forked process's whole life."""
    try:
        helper.become(f"fb-calls {settings.service}", {control.fileno(), events.fileno()}, parent)
        gc.disable()
        supervisor.Supervisor(settings, control, events).run()
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the world is gone, and its services with it
    except BaseException:  # noqa: BLE001 - the one place where this process can say why it ends
        with contextlib.suppress(OSError):
            events.send("failed", traceback.format_exc())
        os._exit(1)
    os._exit(0)
