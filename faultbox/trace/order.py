"""Which of two events came before the other one by cause, not only by the clock.

The relation is that of vector clocks over threads: a thread's own events are in order, and what somebody received comes
after what was sent, an accept after its connect, a child after its making. A proxied connection counts as a thread of
its own. Instead of a clock at every event (which costs events times threads), the messages between each two threads are
kept in order; a question then is a search over pairs of threads that talk: O(pairs * log(messages)), whatever the
length of the case.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.model.frozen import frozen
from faultbox.model.observation import EDGE
from faultbox.trace.places import Places
from faultbox.trace.streams import End, Streams, effect_ns, in_order

Unit = tuple[str | int, int]
"""Who does one thing after the other: a tid in its nth life, ("pair", number); or what is taken for one: (lane, 0)."""


_Place = tuple[Unit, int]
"""Who did something, and when."""


@frozen
class Hop:
    """A message on a causal path: it left one lane and arrived in another, in ns of CLOCK_MONOTONIC."""

    from_lane: str
    to_lane: str
    left_ns: int
    arrived_ns: int


class HappensBefore:
    """Answers are True, False, or None where it isn't known."""

    def __init__(self, events: Sequence[Event], flows: Sequence[Flow], *, complete: bool) -> None:
        self._complete = complete
        self._streams = Streams(flows)
        self._places = Places(events, self._streams)
        self._lives: dict[int, list[int]] = {}
        self._lanes: dict[Unit, str] = {}
        self._exact = _Messages()
        self._coarse = _Messages()
        self._unknown: list[int] = []
        """When bytes or connections arrived of which nobody knows who sent them."""
        for number, flow in enumerate(flows):
            self._take(number, flow)
        for number, flow in enumerate(flows):  # whose connect may have returned after their accept
            if flow.kind == "opened" and flow.accepted:
                self._accepted(flow, self._streams.end_of[number])
        self._exact.settle()
        self._coarse.settle()

    def before(self, a: Event, b: Event) -> bool | None:
        """Whether a caused b, or could have: a chain of messages leads from one to the other.

        None: no chain is seen, but one could be there: through the memory that threads of one service share, or
        through what was not seen.
        """
        if a is b:
            return False
        begin, end = self._place(a), self._place(b)
        if begin is None or end is None:
            late = a.origin.startswith("pipe")  # read some time after it was written
            return False if a.time_ns > b.time_ns and not late else None
        (source, since), (target, until) = begin, end
        if since > until:
            return False
        if self._exact.arrival(source, since, target) <= until:
            return True
        return None if self._may_be(begin, end) else False

    def concurrent(self, a: Event, b: Event) -> bool | None:
        """Whether neither can have caused the other."""
        first, second = (a, b) if a.time_ns <= b.time_ns else (b, a)
        before = self.before(first, second)
        return None if before is None else not before

    def path(self, a: Event, b: Event) -> list[Hop]:
        """The messages through which b came after a soonest; [] where there are none or none are known."""
        begin, end = self._place(a), self._place(b)
        if begin is None or end is None or not self.before(a, b):
            return []
        hops = self._exact.path(*begin, end[0])
        return [Hop(self._lanes[source], self._lanes[target], left, came) for source, left, target, came in hops]

    def _may_be(self, begin: _Place, end: _Place) -> bool:
        """Whether a chain could be there when all threads of a service are taken for one."""
        (source, since), (target, until) = begin, end
        if not self._complete or bisect_left(self._unknown, since) < bisect_right(self._unknown, until):
            return True
        return self._coarse.arrival(self._group(source), since, self._group(target)) <= until

    def _place(self, event: Event) -> _Place | None:
        """Who did it, and when: a line was printed when it was written, which is before we read it."""
        act = self._places.act(event)
        if act is not None:
            unit: Unit = ("pair", act.pair) if act.pair else self._thread(act.tid, event.time_ns)
            return (unit, event.time_ns) if unit in self._lanes else None
        written = [self._streams.flows[each] for each in self._places.printed(event)]
        writers = {self._thread(flow.tid, effect_ns(flow)) for flow in written}
        return (next(iter(writers)), max(map(effect_ns, written))) if len(writers) == 1 else None

    def _group(self, unit: Unit) -> Unit:
        return unit if unit[0] == "pair" else (self._lanes[unit], 0)

    def _thread(self, tid: int, time_ns: int) -> Unit:
        """A number may be given to a new thread once the old one has gone."""
        return tid, bisect_right(self._lives.get(tid, []), time_ns)

    def _unit(self, number: int, flow: Flow) -> Unit:
        if flow.lane != EDGE:
            return self._thread(flow.tid, effect_ns(flow))
        end = self._streams.end_of.get(number)
        pair = self._places.pairs.get(end, 0) if end is not None else 0
        return ("pair", pair) if pair else ("end", flow.end)

    def _take(self, number: int, flow: Flow) -> None:
        if flow.kind == "forked":
            self._lives.setdefault(flow.child, []).append(flow.time_ns)
        unit = self._unit(number, flow)
        self._lanes.setdefault(unit, flow.lane)
        if flow.kind == "forked":
            child = self._thread(flow.child, flow.time_ns)
            self._lanes[child] = flow.lane
            self._link(unit, flow.time_ns, child, flow.time_ns)
        elif flow.kind == "came" and flow.local == "datagram":
            self._unknown.append(flow.time_ns)
        elif flow.kind == "received" and flow.length:
            self._received(number, flow, unit)
        elif flow.kind == "received":
            self._heard_end(flow, self._streams.end_of[number].peer, unit)

    def _accepted(self, flow: Flow, end: End) -> None:
        """An accept comes after its connect, whether anything has been said yet or not.

        Who waits in accept(2) does nothing else, so what it learns it knows from the later beginning of the two calls
        on: that is before its event, which the kernel tells while the call ends.
        """
        unit = self._unit(end.opened, flow)
        if end.peer is None or end.peer.opened < 0:
            self._unknown.append(flow.time_ns)
            return
        caller = self._streams.flows[end.peer.opened]
        source = self._unit(end.peer.opened, caller)
        if "end" in (unit[0], source[0]):
            self._unknown.append(flow.time_ns)
        self._link(source, caller.began_ns, unit, max(caller.began_ns, flow.began_ns))

    def _heard_end(self, flow: Flow, peer: End | None, unit: Unit) -> None:
        """That the other one has finished may come of anything it did until then; which thread did it isn't seen."""
        if peer is None or peer.opened < 0:
            self._unknown.append(flow.time_ns)
            return
        opened = self._streams.flows[peer.opened]
        source = self._unit(peer.opened, opened)
        self._lanes.setdefault(source, opened.lane)
        if self._group(source) != self._group(unit):
            self._coarse.add(self._group(source), flow.time_ns, self._group(unit), flow.time_ns)

    def _received(self, number: int, flow: Flow, unit: Unit) -> None:
        senders, whole = self._streams.senders.get(number, ([], False))
        if not whole or unit[0] == "end":
            self._unknown.append(flow.time_ns)
        for each in senders:
            sent = self._streams.flows[each]
            self._link(self._unit(each, sent), effect_ns(sent), unit, flow.time_ns)

    def _link(self, source: Unit, left_ns: int, target: Unit, came_ns: int) -> None:
        if source != target:
            self._exact.add(source, left_ns, target, came_ns)
        if self._group(source) != self._group(target):
            self._coarse.add(self._group(source), left_ns, self._group(target), came_ns)


_NEVER = 1 << 63


class _Messages:
    """Between each two units: when messages left, in order, and when the first of these and all later ones came."""

    def __init__(self) -> None:
        self._by_pair: dict[Unit, dict[Unit, list[tuple[int, int]]]] = {}
        self._left: dict[Unit, dict[Unit, tuple[list[int], list[tuple[int, int]]]]] = {}

    def add(self, source: Unit, left_ns: int, target: Unit, came_ns: int) -> None:
        self._by_pair.setdefault(source, {}).setdefault(target, []).append((left_ns, came_ns))

    def settle(self) -> None:
        """To be called once all have been added."""
        for source, targets in self._by_pair.items():
            for target, messages in targets.items():
                messages.sort()
                soonest = [(came, left) for left, came in messages]
                for index in range(len(soonest) - 2, -1, -1):
                    soonest[index] = min(soonest[index], soonest[index + 1])
                self._left.setdefault(source, {})[target] = [left for left, _ in messages], soonest
        self._by_pair.clear()

    def arrival(self, source: Unit, time_ns: int, target: Unit) -> int:
        """When something that is known to `source` at a time is known to `target` at the soonest."""
        return next((when for unit, when, _ in self._spread(source, time_ns) if unit == target), _NEVER)

    def path(self, source: Unit, time_ns: int, target: Unit) -> list[tuple[Unit, int, Unit, int]]:
        """The messages through which it gets there soonest."""
        by: dict[Unit, tuple[Unit, int, Unit, int]] = {}
        for unit, _, hop in self._spread(source, time_ns):
            if hop is not None:
                by[unit] = hop
            if unit == target:
                break
        hops: list[tuple[Unit, int, Unit, int]] = []
        while target in by:
            hops.insert(0, by[target])
            target = by[target][0]
        return hops

    def _spread(self, source: Unit, time_ns: int) -> Iterator[tuple[Unit, int, tuple[Unit, int, Unit, int] | None]]:
        """Every unit that gets to know it, soonest first, with the message by which it does (Dijkstra's search)."""
        known: set[Unit] = set()
        order = itertools.count()
        waiting: list[tuple[int, int, Unit, tuple[Unit, int, Unit, int] | None]] = [
            (time_ns, next(order), source, None)
        ]
        while waiting:
            when, _, unit, hop = heapq.heappop(waiting)
            if unit in known:
                continue
            known.add(unit)
            yield unit, when, hop
            for target, (left, soonest) in self._left.get(unit, {}).items():
                at = bisect_left(left, when)
                if target not in known and at < len(left):
                    came, gone = soonest[at]
                    heapq.heappush(waiting, (came, next(order), target, (unit, gone, target, came)))


def order(events: Sequence[Event], flows: Iterable[Flow], *, lost: int = 0) -> HappensBefore:
    """Events and flows of a case, in any order; `lost`: how many flows found no room."""
    return HappensBefore(events, in_order(flows), complete=not lost)
