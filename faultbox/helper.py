"""A forked process that decides beside a world's process, as the latter sees it, and the start of such a process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NoReturn

from faultbox.link import Link
from faultbox.linux import helper, pidfd
from faultbox.model.event import Event, SourceLost

_STOP_S = 2.0

Live = Callable[[Link, Link], None]
"""A helper's whole work, given its ends of the control link and of the event link; it returns when told to stop."""
Forked = tuple[int, Link, Link]
"""A helper's pid, and the maker's ends of the control link and of the event link."""


def fork(name: str, live: Live, keep: Collection[int] = ()) -> Forked:
    """Fork a helper process, which ends when this thread does. Only while this process has one thread.

    It holds no descriptors but its links and `keep`. What it raises is sent on the event link as a frame "failed".
    """
    control, events = Link.pair(), Link.pair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(live, control[1], events[1], name=name, keep=keep, parent=parent)
    control[1].close()
    events[1].close()
    return pid, control[0], events[0]


def _live(live: Live, control: Link, events: Link, *, name: str, keep: Collection[int], parent: int) -> NoReturn:
    """The forked process's whole life."""
    try:
        helper.become(name, {control.fileno(), events.fileno(), *keep}, parent)
        live(control, events)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the world is gone, and its services with it
    except BaseException:  # noqa: BLE001 - the one place where this process can say why it ends
        with contextlib.suppress(OSError):
            events.send("failed", traceback.format_exc())
        os._exit(1)
    os._exit(0)


class Helper:
    """The maker's end of a helper process. It is also the Source of that process's events.

    Two links keep its two users apart: the log's thread reads events and asks for promises, any other thread asks for
    changes under a lock and waits for the answer. Whatever asks raises EOFError when the process is gone.

    The process answers each frame on the control link with one frame, "stop" excepted. On the event link it sends
    frames "events", and "synced" with the token of a "sync" once all before it is sent.
    """

    what = "the helper process"
    """How messages name it."""

    def __init__(self, name: str, forked: Forked) -> None:
        self.name = name
        self.pid, self._control, self._events = forked
        self.pidfd = pidfd.open(self.pid)
        self._lock = threading.Lock()
        self._asked = 0
        self._promised = 0
        self._lost = ""
        self._gone = False
        self._told = False
        self._stopped = False

    def stop(self) -> None:
        """Have it send what happened and end."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            with contextlib.suppress(OSError):
                self._control.send("stop")
        if not pidfd.wait(self.pidfd, _STOP_S * 1000):
            self._lost = f"{self.what} did not end within {_STOP_S:g} s; events may be missing"
            pidfd.send_signal(self.pidfd, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def close(self) -> None:
        """Stop, and give back every descriptor. The log must have forgotten this source."""
        self.stop()
        os.close(self.pidfd)
        self._control.close()
        self._events.close()

    def _ask(self, kind: str, body: Any = None, fds: Sequence[int] = ()) -> Any:
        with self._lock:
            return self._control.call(kind, body, fds).body

    def _read(self, records: Any) -> Iterable[Event]:
        """The events of a frame "events"."""
        raise NotImplementedError

    # -- the source

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
                events += self._read(frame.body)
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
            raise SourceLost(self.name, self._lost or f"{self.what} has died")
