"""The edge process as the world's process sees it."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import threading
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from faultbox.link import Link
from faultbox.linux import helper, pidfd
from faultbox.model.event import Event, SourceLost
from faultbox.model.message import Edge, MessageRuleSet
from faultbox.proxy.certificates import Authority
from faultbox.proxy.counting import Report
from faultbox.proxy.edge import EdgeLoop, Settings
from faultbox.proxy.traffic import Traffic

_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Where an edge is listened at: a port on 127.0.0.1, and on ::1 where this host has one (`fd6` is -1 otherwise)."""

    port: int
    fd4: int
    fd6: int = -1


def serve(
    edges: Sequence[Edge],
    *,
    seed: int,
    counters: mmap.mmap,
    addresses: Mapping[str, str] | None = None,
    cgroup: Path | None = None,
    secured: Collection[Edge] = (),
    authority: Authority | None = None,
    captures: Mapping[Edge, Path] | None = None,
) -> EdgeProcess:
    """Fork the process of all proxies of a world, inside the world's network namespace.

    Only while this process has one thread. `counters` is shared memory: seen, matched, fired,
    unresolved of slot s as u64 from byte 32 * s. `addresses`: service to its own address, where it is
    not met at localhost. `cgroup`: where the process is to live, so that its own connections are told
    from the callers' ones. It ends when this thread does.

    Connections of `secured` edges begin with TLS, which is ended here towards the caller, with a
    certificate of `authority` (one of its own where none is given), and begun anew to the service.
    `captures`: pcap files that are written of edges (TCP).
    """
    control, events = Link.pair(), Link.pair()
    sockets = {edge: _listeners(socket.SOCK_DGRAM if edge.protocol == "udp" else socket.SOCK_STREAM) for edge in edges}
    settings = Settings(
        seed=seed,
        counters=memoryview(counters).cast("Q"),
        listeners=sockets,
        addresses=dict(addresses or {}),
        secured=frozenset(secured),
        authority=authority,
        captures=dict(captures or {}),
    )
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _serve(settings, control[1], events[1], parent, cgroup)
    control[1].close()
    events[1].close()
    process = EdgeProcess(pid, control[0], events[0], sockets)
    process.wait_ready()
    return process


def _listeners(kind: socket.SocketKind) -> tuple[socket.socket, ...]:
    """Bound to one port of 127.0.0.1 and, where that can be had, the same of ::1."""
    with contextlib.suppress(OSError):
        for _ in range(64):
            four = socket.socket(socket.AF_INET, kind)
            six = socket.socket(socket.AF_INET6, kind)
            try:
                four.bind(("127.0.0.1", 0))
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                six.bind(("::1", four.getsockname()[1]))
            except OSError:
                four.close()
                six.close()
            else:
                return four, six
    four = socket.socket(socket.AF_INET, kind)
    four.bind(("127.0.0.1", 0))
    return (four,)


class EdgeProcess:
    """All proxies of a world. It is also the Source of their events.

    Two links keep its two users apart: the log's thread reads events and asks for promises, any
    other thread asks for changes under a lock and waits for the answer. Whatever asks raises
    EOFError when the process is gone.
    """

    name = "proxies"

    def __init__(
        self, pid: int, control: Link, events: Link, sockets: Mapping[Edge, tuple[socket.socket, ...]]
    ) -> None:
        self.pid = pid
        self.pidfd = pidfd.open(pid)
        self._control = control
        self._events = events
        self._sockets = sockets
        self._lock = threading.Lock()
        self._asked = 0
        self._promised = 0
        self._lost = ""
        self._gone = False
        self._told = False
        self._stopped = False

    def wait_ready(self) -> None:
        """Until it listens. Raises EOFError when it could not."""
        if self._control.receive() is None:
            raise EOFError("the edge process ended before it listened: " + self._last_words())

    def listener(self, edge: Edge) -> Listener:
        """Where an edge is listened at. The descriptors are there until `forget_listeners`."""
        four, *six = self._sockets[edge]
        return Listener(four.getsockname()[1], four.fileno(), six[0].fileno() if six else -1)

    def forget_listeners(self) -> None:
        """Let go of the listeners once they are steered to: from then on they end with their process."""
        for each in (listener for listeners in self._sockets.values() for listener in listeners):
            each.close()

    def swap(self, ruleset: MessageRuleSet) -> None:
        """Put the world's message rules in force; returns when every later message is decided by them.

        What waits under a rule that is no longer there keeps its time.
        """
        self._ask("swap", ruleset)

    def release(self, *, final: bool = False) -> int:
        """Let go of every message that waits; gives on how many connections there were any.

        `final`: no rule will stand here again, so that from now on bytes are only pumped.
        """
        count: int = self._ask("release", final)
        return count

    def report(self) -> Report:
        """What it can say about rules beyond their counters."""
        report: Report = self._ask("report")[0]
        return report

    def traffic(self) -> Mapping[Edge, Traffic]:
        """What has gone through each edge."""
        traffic: Mapping[Edge, Traffic] = self._ask("report")[1]
        return traffic

    def stop(self) -> None:
        """Send what happened, end. All its connections end with it."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            with contextlib.suppress(OSError):
                self._control.send("stop")
        if not pidfd.wait(self.pidfd, _STOP_S * 1000):
            pidfd.send_signal(self.pidfd, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def close(self) -> None:
        """Stop, and give back every descriptor. The log must have forgotten this source."""
        self.stop()
        self.forget_listeners()
        os.close(self.pidfd)
        self._control.close()
        self._events.close()

    def _ask(self, kind: str, body: Any = None) -> Any:
        with self._lock:
            return self._control.call(kind, body).body

    def _last_words(self) -> str:
        frame = self._events.receive()
        return str(frame.body) if frame is not None else "it said nothing"

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
                events += [Event(time_ns, "proxy", service, fields) for time_ns, service, fields in frame.body]
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
            raise SourceLost(self.name, self._lost or "the edge process has died")


def _serve(settings: Settings, control: Link, events: Link, parent: int, cgroup: Path | None) -> NoReturn:
    """The forked process's whole life."""
    try:
        listeners = {each.fileno() for sockets in settings.listeners.values() for each in sockets}
        helper.become("fb-edge", {control.fileno(), events.fileno(), *listeners}, parent)
        if cgroup is not None:
            (cgroup / "cgroup.procs").write_text("0", encoding="ascii")
        EdgeLoop(settings, control, events).run()
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the world is gone, and its services with it
    except BaseException:  # noqa: BLE001 - the one place where this process can say why it ends
        with contextlib.suppress(OSError):
            events.send("failed", traceback.format_exc())
        os._exit(1)
    os._exit(0)
