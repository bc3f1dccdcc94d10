"""The edge process as the world's process sees it."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultbox import helper
from faultbox.link import Link
from faultbox.model.event import Event
from faultbox.model.message import Edge, MessageRuleSet
from faultbox.model.topology import Tls
from faultbox.proxy.certificates import Authority
from faultbox.proxy.counting import Report
from faultbox.proxy.edge import EdgeLoop, Settings
from faultbox.proxy.traffic import Traffic

_FAVOUR = -3
"""Of niceness. One thread does what many callers and services give it to do: unfavoured, it waits for a processor a
fifth of the time, and is preempted by whomever it wakes. From -5 on it preempts them instead, and wakes for each
message where there would have been dozens (docs/performance.md)."""


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
    secured: Mapping[Edge, Tls] | None = None,
    authority: Authority | None = None,
    captures: Mapping[Edge, Path] | None = None,
) -> EdgeProcess:
    """Fork the process of all proxies of a world, inside the world's network namespace.

    Only while this process has one thread. `counters` is shared memory: seen, matched, fired,
    unresolved of slot s as u64 from byte 32 * s. `addresses`: service to its own address, where it is
    not met at localhost. `cgroup`: where the process is to live, so that its own connections are told
    from the callers' ones. It ends when this thread does.

    At `secured` edges TLS is spoken, from the first byte or as the protocol agrees to it. It is ended here towards the
    caller, with a certificate of `authority` (one of its own where none is given), and begun anew to the service.
    `captures`: pcap files that are written of edges.
    """
    sockets = {edge: _listeners(socket.SOCK_DGRAM if edge.protocol == "udp" else socket.SOCK_STREAM) for edge in edges}
    settings = Settings(
        seed=seed,
        counters=memoryview(counters).cast("Q"),
        listeners=sockets,
        addresses=dict(addresses or {}),
        secured=dict(secured or {}),
        authority=authority,
        captures=dict(captures or {}),
    )

    def live(control: Link, events: Link) -> None:
        with contextlib.suppress(PermissionError):  # it is only slower then
            os.nice(_FAVOUR)
        if cgroup is not None:
            (cgroup / "cgroup.procs").write_text("0", encoding="ascii")
        EdgeLoop(settings, control, events).run()

    listeners = {each.fileno() for several in sockets.values() for each in several}
    process = EdgeProcess(helper.fork("fb-edge", live, listeners), sockets)
    process.wait_ready()
    return process


def _listeners(kind: socket.SocketKind) -> tuple[socket.socket, ...]:
    """Bound to one port of 127.0.0.1 and, where that can be had, the same of ::1.

    What they accept by steering has the service's port and their SO_REUSEADDR (socket(7)): without it, a service that
    ends and is started again could not bind its port as long as a connection of before is open, or in TIME_WAIT.
    """
    bound = _bound(kind)
    for each in bound if kind == socket.SOCK_STREAM else ():
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return bound


def _bound(kind: socket.SocketKind) -> tuple[socket.socket, ...]:
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


class EdgeProcess(helper.Helper):
    """All proxies of a world, and the Source of their events."""

    what = "the edge process"

    def __init__(self, forked: helper.Forked, sockets: Mapping[Edge, tuple[socket.socket, ...]]) -> None:
        super().__init__("proxies", forked)
        self._sockets = sockets

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
        super().stop()

    def close(self) -> None:
        super().close()
        self.forget_listeners()

    def _last_words(self) -> str:
        frame = self._events.receive()
        return str(frame.body) if frame is not None else "it said nothing"

    def _read(self, records: Any) -> Iterable[Event]:
        return (
            Event(time_ns, kind, service, fields, origin=origin) for time_ns, kind, service, fields, origin in records
        )
