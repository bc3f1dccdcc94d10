"""Threads that run one thing after the other, told from those of event loops and schedulers."""

from __future__ import annotations

from faultbox.trace.activity import Activity
from faultbox.trace.streams import Streams, Turn


def plain_threads(streams: Streams, activity: Activity) -> frozenset[int]:
    """Those that were seen to be held up in their own reads, or were made for one connection; that never took a
    request while they had another; in processes where no two threads took part in one exchange.

    Schedulers that run many tasks on a few threads (Go's, the virtual threads of Java) move a task to another thread
    whenever it has waited, and don't let the kernel hold up a thread in a read.
    """
    shared = {pid for turn in streams.turns for pid, tids in turn.threads.items() if len(tids) > 1}
    looks = {flow.tid for flow in streams.flows if flow.kind == "waits" and flow.local in ("epoll", "select")}
    looping = {flow.pid for flow in streams.flows if flow.kind in ("sent", "received") and flow.tid in looks}
    proven = {
        flow.tid
        for number, flow in enumerate(streams.flows)
        if flow.kind == "received" and flow.pid in activity.processes and activity.blocked(number, flow)
    }
    made = {tid for tid in _made_for_one(streams) if activity.pids.get(tid) not in looping}
    juggling = _juggling(streams)
    return frozenset(tid for tid in (proven | made) - looks - juggling if activity.pids.get(tid) not in shared)


def _juggling(streams: Streams) -> frozenset[int]:
    """Threads that took a request while they had not answered another one."""
    serving: dict[int, Turn] = {}
    found: set[int] = set()
    for number, flow in enumerate(streams.flows):
        end, turn = streams.end_of.get(number), streams.turn(number)
        if flow.kind == "received" and end is not None and end.accepted and turn is not None:
            before = serving.get(flow.tid, turn)
            over = before.answered_ns or before.connection.callee.closed_ns
            if before is not turn and not 0 < over <= flow.time_ns:
                found.add(flow.tid)
            serving[flow.tid] = turn
    return frozenset(found)


def _made_for_one(streams: Streams) -> frozenset[int]:
    """Threads whose maker had just accepted a connection, and that served no other one."""
    accepted: dict[int, int] = {}
    made: dict[int, int] = {}
    served: dict[int, set[int]] = {}
    for number, flow in enumerate(streams.flows):
        end = streams.end_of.get(number)
        if flow.kind == "opened" and flow.accepted:
            accepted[flow.tid] = flow.end
        elif flow.kind == "forked" and flow.tid in accepted:
            made[flow.child] = accepted.pop(flow.tid)
        elif flow.kind in ("sent", "received") and end is not None and end.accepted:
            served.setdefault(flow.tid, set()).add(flow.end)
    return frozenset(tid for tid, end in made.items() if served.get(tid) == {end})
