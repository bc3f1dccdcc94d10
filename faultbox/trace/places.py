"""Where events stand among the flows: who did them, and what printed them."""

from __future__ import annotations

from collections.abc import Iterable

from faultbox.model.event import Event
from faultbox.model.observation import EDGE
from faultbox.trace.attribution import Act
from faultbox.trace.streams import End, Streams

_ROUND = 1 << 32


class Places:
    """`pairs`: the number of the proxied connection that an end of the edge process belongs to."""

    def __init__(self, events: Iterable[Event], streams: Streams) -> None:
        self.pairs: dict[End, int] = {}
        self._streams = streams
        self._pids = {flow.tid: flow.pid for flow in streams.flows}
        ends = _ends_of_edge(streams)
        for event in events:
            word, *rest = event.origin.split() or [""]
            if event.type == "proxy_opened" and word == "connection":
                for address, accepted in ((event.fields.get("from", ""), True), (event.fields.get("to", ""), False)):
                    end = _newest(ends.get((address, accepted), ()), event.time_ns)
                    if end is not None:
                        self.pairs[end] = int(rest[0])

    def act(self, event: Event) -> Act | None:
        """Who did what an event tells of; None where nothing says it."""
        word, _, rest = event.origin.partition(" ")
        if word == "connection":
            return Act(event, pair=int(rest))
        text = rest if word == "thread" else event.fields.get("tid") or event.fields.get("pid", "")
        if not text.isdecimal() or event.type.startswith("service_"):
            return None
        tid = int(text)
        pid = event.fields.get("pid", "")
        return Act(event, pid=self._pids.get(tid) or int(pid if pid.isdecimal() else text), tid=tid)

    def printed(self, event: Event) -> list[int]:
        """The flows that wrote a line into its pipe; [] where not all of them are known."""
        word, *rest = event.origin.split() or [""]
        pipe = self._streams.pipes.get(int(rest[0])) if word == "pipe" else None
        if pipe is None:
            return []
        first, last = int(rest[1]), int(rest[2])
        start = pipe.near - (pipe.near - first) % _ROUND
        found, whole = pipe.senders(start, start + last - first + 1)
        return found if whole else []


def _ends_of_edge(streams: Streams) -> dict[tuple[str, bool], list[tuple[int, End]]]:
    """The edge process's ends by the address that tells them apart: their caller's, or their own."""
    found: dict[tuple[str, bool], list[tuple[int, End]]] = {}
    for number, flow in enumerate(streams.flows):
        if flow.kind == "opened" and flow.lane == EDGE:
            address = flow.remote if flow.accepted else flow.local
            found.setdefault((address, flow.accepted), []).append((flow.time_ns, streams.end_of[number]))
    return found


def _newest(ends: Iterable[tuple[int, End]], time_ns: int) -> End | None:
    return max((each for each in ends if each[0] <= time_ns), key=lambda each: each[0], default=(0, None))[1]
