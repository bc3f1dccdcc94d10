"""When the processes of a case were at work, and whether what set them to work was seen.

A *burst* of a process is a time in which at least one of its threads has something to do, between two in which all
wait. Whatever a process does in a burst goes back to what came to it in that burst, whichever way its threads hand
work to each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from faultbox.model.flow import Flow
from faultbox.model.observation import DRIVER, EDGE
from faultbox.trace.streams import End, Streams, effect_ns

_LOOKS = ("epoll", "poll", "select")
"""Waits for several ends at once; a thread that waits otherwise goes on where it was."""
_LOCK_US = 10_000
"""Locks are waited for in short turns (CPython's GIL: 5 ms); what works by a clock waits longer."""
_ACTS = frozenset(("opened", "sent", "received", "wrote", "forked", "came"))
_HELD_UP_NS = 1_000_000
"""No read of what is there already takes as long, and no end of one's own doing: it waited."""


@dataclass(slots=True)
class Look:
    """What was found ready, and what came thereupon. `made`: connections that had been asked for, and were not used
    yet: that they are there may be what was ready."""

    count: int = 0
    ready: int = 0
    came: set[object] = field(default_factory=set)
    fresh: set[object] = field(default_factory=set)
    made: set[End] = field(default_factory=set)

    @property
    def accounted(self) -> bool:
        """Whether everything that was ready has been seen to come."""
        return self.ready <= len(self.came) + len(self.made)


@dataclass(eq=False, slots=True)
class Burst:
    """`looks`: what was found ready, and what came thereupon; one for all where not one thread does it all."""

    began_ns: int
    ended_ns: int
    looks: list[Look] = field(default_factory=list)


@dataclass(eq=False)
class Process:
    """One process: its threads, and its bursts in order."""

    pid: int
    lane: str
    tids: set[int] = field(default_factory=set)
    bursts: list[Burst] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def burst_at(self, time_ns: int) -> Burst | None:
        """The burst in which something happened then; None while all waited."""
        at = bisect_right(self.starts, time_ns) - 1
        return self.bursts[at] if at >= 0 and time_ns <= self.bursts[at].ended_ns else None


@dataclass(slots=True)
class _Thread:
    pid: int
    born_ns: int
    seen_ns: int
    busy: list[tuple[int, int]] = field(default_factory=list)

    def idle(self, began_ns: int, until_ns: int) -> None:
        if began_ns >= self.born_ns:
            self.busy.append((self.born_ns, began_ns))
        self.born_ns = until_ns


class Activity:
    """All processes of a case's services. `acts`: (time, pid, tid) of what threads were seen to do besides flows."""

    def __init__(self, streams: Streams, acts: Iterable[tuple[int, int, int]] = ()) -> None:
        self.processes: dict[int, Process] = {}
        self.pids: dict[int, int] = {}
        """The process of every thread that has flows."""
        self.actors: set[int] = set()
        """Threads that were seen to do more than to wait."""
        self.looks: dict[int, Look] = {}
        """By flow: what was found ready."""
        self._connecting: dict[int, dict[End, None]] = {}
        self._streams = streams
        self._threads: dict[int, _Thread] = {}
        self._gone: list[_Thread] = []
        """Threads whose numbers others have now."""
        acts = list(acts)
        for flow in streams.flows:
            if flow.pid and flow.lane not in (DRIVER, EDGE):
                self._know(flow)
        self.actors.update(tid for _, _, tid in acts)
        for number, flow in enumerate(streams.flows):
            if flow.pid in self.processes:
                self._follow(number, flow)
        for time_ns, pid, tid in acts:
            self._seen(time_ns, pid, tid)
        self._gather()
        alone = self._alone()
        for number, flow in enumerate(streams.flows):
            if flow.pid in self.processes:
                self._account(number, flow, alone=flow.pid in alone)

    def waited(self, number: int, flow: Flow) -> bool:
        """Whether a thread had nothing to do from the beginning of this to its end."""
        if flow.kind == "waits":
            alone = len(self.processes[flow.pid].tids) == 1
            return flow.position > 0 and not (alone and flow.local in ("futex", "sleep"))
        if flow.kind in ("came", "ended"):  # an end in the middle of a call: it was killed there
            return flow.time_ns - flow.began_ns > _HELD_UP_NS
        return self.blocked(number, flow)

    def woken_by_another(self, flow: Flow) -> bool:
        """Whether a process of one thread waited for a lock, which only another process can have let go of."""
        return flow.local == "futex" and flow.length > 0 and len(self.processes[flow.pid].tids) == 1

    def blocked(self, number: int, flow: Flow) -> bool:
        """Whether a call waited in the kernel: it had begun before there was anything to get.

        Only a thread that runs one thing after the other does that: whoever has a loop or a scheduler never lets the
        kernel hold it up in a read.
        """
        end = self._streams.end_of.get(number)
        if not flow.began_ns or end is None or end.peer is None:
            return False
        if flow.kind == "opened":
            return flow.accepted and end.peer.began_ns > flow.began_ns
        if flow.kind != "received":
            return False
        senders, _ = self._streams.senders.get(number, ([], False))
        if not senders:
            return flow.length == 0 and end.peer.closed_ns > flow.began_ns
        flows = self._streams.flows
        return min(flows[each].began_ns for each in senders) > flow.began_ns

    def timer_only(self, flow: Flow) -> bool:
        """Whether a wait ended because its time was over, in a thread whose doings can be seen."""
        lock = flow.local == "futex" and flow.position <= _LOCK_US
        return flow.kind == "waits" and flow.position > 0 and not flow.length and not lock and flow.tid in self.actors

    def _know(self, flow: Flow) -> None:
        process = self.processes.get(flow.pid)
        if process is None:
            process = self.processes[flow.pid] = Process(flow.pid, flow.lane)
        process.tids.add(flow.tid)
        self.pids[flow.tid] = flow.pid
        if flow.kind in _ACTS:
            self.actors.add(flow.tid)

    def _seen(self, time_ns: int, pid: int, tid: int) -> _Thread | None:
        process = self.processes.get(pid)
        if process is None:
            return None
        thread = self._threads.get(tid)
        if thread is None or thread.pid != pid:
            process.tids.add(tid)
            if thread is not None:
                self._gone.append(thread)
            thread = self._threads[tid] = _Thread(pid, time_ns, time_ns)
        thread.seen_ns = max(thread.seen_ns, time_ns)
        return thread

    def _follow(self, number: int, flow: Flow) -> None:
        known = flow.tid in self._threads
        thread = self._seen(flow.time_ns, flow.pid, flow.tid)
        assert thread is not None
        if not known and self.waited(number, flow):
            thread.born_ns = flow.began_ns
        if self.waited(number, flow):
            thread.idle(flow.began_ns, flow.time_ns)
        elif not known and flow.began_ns:
            thread.born_ns = min(thread.born_ns, effect_ns(flow))
        if flow.kind == "forked" and flow.child not in self._threads and self.pids.get(flow.child) == flow.pid:
            self._threads[flow.child] = _Thread(flow.pid, flow.time_ns, flow.time_ns)

    def _gather(self) -> None:
        """Bursts: where the busy times of a process's threads touch, they are one."""
        busy: dict[int, list[tuple[int, int]]] = {pid: [] for pid in self.processes}
        for thread in (*self._gone, *self._threads.values()):
            busy[thread.pid] += thread.busy
            busy[thread.pid].append((thread.born_ns, max(thread.born_ns, thread.seen_ns)))
        for pid, spans in busy.items():
            process = self.processes[pid]
            for began, ended in sorted(spans):
                if process.bursts and began <= process.bursts[-1].ended_ns:
                    process.bursts[-1].ended_ns = max(process.bursts[-1].ended_ns, ended)
                else:
                    process.bursts.append(Burst(began, ended))
            process.starts = [burst.began_ns for burst in process.bursts]

    def _account(self, number: int, flow: Flow, *, alone: bool) -> None:
        """Note what was ready, and what came: look by look where one thread does it all, else of the whole burst."""
        burst = self.processes[flow.pid].burst_at(effect_ns(flow))
        if burst is None:
            return
        looks = flow.kind == "waits" and flow.local in _LOOKS
        if not burst.looks or (looks and alone):
            burst.looks.append(Look())
        look = burst.looks[-1]
        connecting = self._connecting.setdefault(flow.pid, {})
        if looks:
            look.ready += flow.length
            look.count += 1
            look.made |= set(connecting)
            self.looks[number] = look
            return
        end = self._streams.end_of.get(number)
        if end is not None and flow.kind == "opened" and not flow.accepted:
            connecting[end] = None
        elif end is not None:
            connecting.pop(end, None)
        if flow.kind == "opened" and flow.accepted:
            look.came.add(("listener", flow.local))
            look.fresh.add(end)
        elif flow.kind == "received" or (flow.kind == "closed" and end is not None and _broke(end)):
            look.came.add(end if alone else (end, flow.tid, look.count))
        if alone:
            look.came -= look.fresh  # what was read right after it was accepted, unasked whether it was ready

    def _alone(self) -> frozenset[int]:
        """Processes of which one thread both looks for what is ready and takes it."""
        takers: dict[int, set[int]] = {}
        for flow in self._streams.flows:
            if flow.kind in ("received", "opened") or (flow.kind == "waits" and flow.local in _LOOKS):
                takers.setdefault(flow.pid, set()).add(flow.tid)
        return frozenset(pid for pid, tids in takers.items() if len(tids) == 1)


def _broke(end: End) -> bool:
    """Whether an end was closed by a caller that got no answer: what it was ready for was bad news."""
    known = end.connection
    return known is not None and end is known.caller and bool(known.turns) and not known.turns[-1].heard_ns
