"""What the kernel's programs say of one world: a source of its log, and totals."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from faultbox.linux import bpf
from faultbox.linux.timer import Timer
from faultbox.model.event import Event, EventsLost
from faultbox.model.fault import Port
from faultbox.model.observation import Observed, Watch
from faultbox.observe import beyond, calls, files, layout, lives, sockets
from faultbox.observe.begun import Begun
from faultbox.observe.flows import header
from faultbox.observe.lanes import Lanes
from faultbox.observe.peers import Peers
from faultbox.observe.programs import Programs
from faultbox.observe.ring import Ring
from faultbox.observe.writes import Writes

_QUIET_BYTES, _EVENT_BYTES, _FLOW_BYTES = 1 << 17, 1 << 23, 1 << 22
"""Sizes of rings: of events where only lives are told, of events where more is, of flows."""
_COUNTS = 4096
"""Kinds of calls by all lanes of a world."""
FLOWS_LIMIT = 64 << 20
"""How much of flows a case keeps on disk, in bytes."""
_MOST = 16_384
"""Records taken at once."""
_MANY = 64
"""More at once are a flood: then the ring is looked at every so often, not at each record."""
_PAUSE_NS, _FLOW_PAUSE_NS = 2_000_000, 20_000_000
_TRIES = 200
"""How often a record that is just being written is looked at again before the promise is put off."""
_EVENTS: Mapping[str, frozenset[str]] = {
    **{kind: frozenset((kind,)) for kind in ("syscall", "process", "socket", "file")},
    "begun": frozenset(("syscall",)),
    **dict.fromkeys(("tasks", "missed"), frozenset(("syscall", "process", "socket", "file"))),
}
"""What may be lost that would have been events, with the types of those."""


def attach(
    programs: Programs,
    lanes: Mapping[str, tuple[Path, Watch]],
    spool: Path,
    *,
    ports: Sequence[Port] = (),
    addresses: Mapping[str, str] | None = None,
) -> Observer:
    """Observe a world from now on: its lanes by name, each with its cgroup. Raises OSError.

    Call it in the world's process, once its cgroups are there and before services start. Services count from their
    first exec in their cgroup; `driver` and `edge` from when they are in theirs. `spool`: the case's directory, where
    `flows.bin` is written. `ports`, `addresses`: the interfaces of the world, and the services by the loopback address
    that they have of their own.
    """
    return Observer(programs, Lanes(programs, lanes), spool, Peers(ports, addresses))


class Observer:
    """One world's observation. The log's thread calls `drain`, `ask`, `promised` and `printed_ns`, `launching` and
    `printing` may be anybody's."""

    name = "kernel"

    def __init__(self, programs: Programs, lanes: Lanes, spool: Path, peers: Peers) -> None:
        self._programs = programs
        self._lanes = lanes
        self._began = time.monotonic_ns()
        self._missed_before = programs.missed(sockets=lanes.want_sockets)
        self._missed = 0
        self._driving_ns = float("inf")
        self._early: sockets.Counted = {}
        self._promised = 0
        self._told_lost: Mapping[str, int] = {}
        self._unseen = ""
        self._asked = False
        self._spent_ns = 0
        self._begun = Begun()
        self._writes = Writes()
        self._last = False
        self._events = Ring(_EVENT_BYTES if lanes.want_events else _QUIET_BYTES)
        self._flows = Ring(_FLOW_BYTES)
        self._peers = peers
        self._counts = bpf.create(bpf.PERCPU_HASH, layout.INDEX.size, layout.TOTAL.size, _COUNTS, bpf.NO_PREALLOC)
        self._edges, self._files = sockets.new_totals(), files.new_totals()
        self._file = os.open(spool / "flows.bin", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._kept = os.write(self._file, header(dict(enumerate(lanes.names))))
        self._not_kept = 0
        self._decoders: dict[int, calls.Decode] = {
            layout.Kind.CALL: calls.decoder(peers),
            layout.Kind.FORKED: lives.decode,
            layout.Kind.EXECED: lives.decode,
            layout.Kind.EXITED: lives.decode,
            **dict.fromkeys(sockets.KINDS, sockets.decoder(peers, lanes.names, lambda: self._driving_ns)),
            **dict.fromkeys(files.KINDS, files.decode),
        }
        self._timer, self._flow_timer = Timer(), Timer()
        self._epoll = select.epoll()
        for each in (self._events.fd, self._flows.fd, self._timer.fileno(), self._flow_timer.fileno()):
            self._epoll.register(each, select.EPOLLIN)
        totals = {"totals": self._counts, "edges": self._edges, "files": self._files}
        lanes.open(totals | {"events": self._events.fd, "flows": self._flows.fd})

    def launching(self, name: str) -> None:
        """A process of a service is about to be started: its cgroup may have been made anew. Raises OSError."""
        self._lanes.launching(name)

    def printing(self, pipe: int) -> None:
        """The lines of this pipe, by its inode's number, will be asked for their times."""
        self._writes.follow(pipe)

    def printed_ns(self, pipe: int, places: Iterable[int]) -> list[int]:
        """When these bytes of it, from 1 on, had been written; 0 where nobody knows, or the write is not over yet."""
        self._keep_flows()
        return [self._writes.time_of(pipe, byte) for byte in places]

    def driving(self) -> None:
        """Services are ready: what our own process connects to from now on is the scenario's doing."""
        self._early = sockets.counted(self._edges)
        self._driving_ns = time.monotonic_ns()

    def unfinished(self) -> list[Event]:
        """Calls that had begun when the log was asked last and were not over, as events at their beginning."""
        return [self._event(record) for record in self._begun]

    def conclude(self) -> None:
        """The log is about to be asked for the last time: calls that are not over by then become events of it."""
        self._last = True

    def totals(self) -> Observed:
        """What has been counted so far."""
        lost = self._lanes.lost()
        self._look_for_missed()
        if self._missed:
            lost["missed"] = self._missed
        if self._not_kept:
            lost["flows"] = lost.get("flows", 0) + self._not_kept
        share = (self._spent_ns + self._lanes.spent_ns()) / max(time.monotonic_ns() - self._began, 1)
        names = self._lanes.names
        return Observed(
            calls=tuple(calls.totals(self._counts, names)),
            files=tuple(files.totals(self._files, names)),
            connections=tuple(sockets.totals(self._edges, names, self._peers, self._early)),
            lost=lost,
            share=share,
        )

    def close(self) -> None:
        """Watch the world no more. The log must have forgotten this source."""
        self._lanes.close()
        self._keep_flows()
        self._epoll.close()
        for each in (self._timer, self._flow_timer, self._events, self._flows):
            each.close()
        for descriptor in (self._counts, self._edges, self._files, self._file):
            os.close(descriptor)

    # -- the source

    def fileno(self) -> int:
        return self._epoll.fileno()

    @property
    def promised(self) -> int:
        return self._promised

    def ask(self, token: int) -> None:  # noqa: ARG002 - all there is will be taken, whatever its time
        """Whoever asks drains next, and every drain promises what it can. What has flowed is on disk then, too."""
        self._asked = True

    def drain(self) -> list[Event]:
        """A record is in the ring before the call that it tells of returns: what is claimed by now is all there is."""
        began = time.thread_time_ns()
        ready = {descriptor for descriptor, _ in self._epoll.poll(0)}
        if self._asked:
            self._look_for_missed()
        asked = self._asked
        if self._asked or self._flow_timer.fileno() in ready or self._flows.fd in ready:
            self._asked = False
            self._keep_flows()
        events = self._take_events()
        if asked and self._last:
            self._last = False
            events += [replace(self._event(record), time_ns=time.monotonic_ns()) for record in self._begun.tell()]
        self._spent_ns += time.thread_time_ns() - began
        losses = [*self._more_lost(), *(self._beyond() if asked else ())]
        if losses:
            types = frozenset().union(*(types for _, types in losses))
            raise EventsLost(self.name, "; ".join(reason for reason, _ in losses), events, types)
        return events

    def _more_lost(self) -> Iterator[tuple[str, frozenset[str]]]:
        """What was lost since this was asked last: what is said of it, and the types of its events."""
        lost = {**self._lanes.lost(), "missed": self._missed}
        more = {kind: lost[kind] for kind in _EVENTS if lost.get(kind, 0) > self._told_lost.get(kind, 0)}
        self._told_lost = lost
        missed = more.pop("missed", 0)
        if more:
            types = frozenset().union(*(_EVENTS[kind] for kind in more))
            said = (
                f"{sum(more.values())} events ({', '.join(sorted(types))}) found no room on their way from the kernel"
            )
            yield said, types
        if missed:
            yield f"the kernel could not run a program of observation {missed} times", _EVENTS["missed"]

    def _beyond(self) -> Iterator[tuple[str, frozenset[str]]]:
        """What is done that no event tells of, once."""
        if not self._unseen:
            self._unseen = beyond.unseen(self._counts, self._lanes.watched)
            if self._unseen:
                yield self._unseen, beyond.TYPES

    def _look_for_missed(self) -> None:
        self._missed = self._programs.missed(sockets=self._lanes.want_sockets) - self._missed_before

    def _take_events(self) -> list[Event]:
        now, until = time.monotonic_ns(), self._events.written
        records = self._events.take(_MOST)
        for _ in range(_TRIES):
            if self._events.position >= until or len(records) >= _MOST:
                break
            records += self._events.take(_MOST - len(records))
        if self._events.position >= until:
            self._promised = now
        self._pace(behind=self._events.position < until, flood=len(records) > _MANY)
        over = self._begun.over(records) if self._lanes.want_begins else records
        return [self._event(record) for record in over]

    def _pace(self, *, behind: bool, flood: bool) -> None:
        """Where many come, look again in a while rather than at the next one; where some are left, at once."""
        self._timer.clear()
        if behind or flood:
            self._timer.start(1 if behind else _PAUSE_NS)
        self._epoll.modify(self._events.fd, 0 if behind or flood else select.EPOLLIN)

    def _event(self, record: bytes) -> Event:
        head = layout.RECORD.unpack_from(record)
        return self._decoders[head[3]](self._lanes.names[head[4]], head, record)

    def _keep_flows(self) -> None:
        """Move flows to disk as they are. They are in no hurry: while there are any, their ring is left for a while."""
        self._flow_timer.clear()
        some = False
        while records := self._flows.take(_MOST):
            some = True
            self._writes.take(records)
            self._keep(b"".join(records), len(records))
        if some:
            self._flow_timer.start(_FLOW_PAUSE_NS)
        self._epoll.modify(self._flows.fd, 0 if some else select.EPOLLIN)

    def _keep(self, data: bytes, records: int) -> None:
        """After the first that is too much nothing is kept: a file has no gap but its end."""
        if self._not_kept or self._kept + len(data) > FLOWS_LIMIT:
            self._not_kept += records
            return
        self._kept += len(data)
        done = 0
        while done < len(data):
            done += os.write(self._file, memoryview(data)[done:])
