"""What each step of the driver caused: requests, what was done for them, and what may have been."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.model.observation import EDGE
from faultbox.trace.activity import Activity
from faultbox.trace.attribution import Attribution
from faultbox.trace.places import Places
from faultbox.trace.streams import Streams, Turn, in_order
from faultbox.trace.suspects import Answers, Step, Suspect


@dataclass(eq=False, slots=True)
class Request:
    """A request, or a step: what was done for it. Times in ns.

    `service` has answered it, asked by `caller`; both are "" where they are not known. `asked_ns` to `heard_ns`: as
    its caller saw it; `arrived_ns` to `answered_ns`: as the service did; 0 for what did not happen. `proxied`: it went
    through the edge process; where that answered by itself, `service` is `edge`. `merged`: it is all that was asked on
    a connection where requests can't be told apart. `step`: the event that began it, and whether it `failed`.
    `possible` are requests, and `possible_events` events, of which it isn't known whether they were for this one or
    another.
    """

    service: str
    caller: str
    asked_ns: int
    heard_ns: int = 0
    arrived_ns: int = 0
    answered_ns: int = 0
    proxied: bool = False
    merged: bool = False
    step: Event | None = None
    failed: bool = False
    requests: list[Request] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    possible: list[Request] = field(default_factory=list)
    possible_events: list[Event] = field(default_factory=list)

    @property
    def total_ns(self) -> int:
        """As long as its caller waited; 0 where no answer came."""
        return max(0, self.heard_ns - self.asked_ns)

    @property
    def service_ns(self) -> int:
        """As long as the service had it, 0 where it never answered."""
        return max(0, self.answered_ns - self.arrived_ns)

    @property
    def waiting_ns(self) -> int:
        """How much of that at least one request of its own was on its way or being answered."""
        spans = sorted((each.asked_ns, each.heard_ns or self.answered_ns) for each in self.requests)
        waited, until = 0, self.arrived_ns
        for begin, end in spans:
            end = min(end, self.answered_ns)  # noqa: PLW2901
            waited += max(0, end - max(begin, until))
            until = max(until, end)
        return waited

    @property
    def between_ns(self) -> int:
        """Time on the way: the network, the proxy, and waiting to be read; 0 where that is not known."""
        return max(0, self.total_ns - self.service_ns) if self.arrived_ns and self.heard_ns else 0


class Causes:
    """`steps`: one tree for each step of the driver, in their order."""

    def __init__(self, steps: list[Request], done_for: dict[int, Request], open_for: dict[int, list[Request]]) -> None:
        self.steps = steps
        self._done_for = done_for
        self._open_for = open_for

    def of(self, event: Event) -> Request | None:
        """The request, or step, for which this happened; None where that isn't known, or nobody asked for it."""
        return self._done_for.get(event.seq)

    def candidates(self, event: Event) -> list[Request]:
        """For which it may have happened, where that isn't known."""
        return self._open_for.get(event.seq, [])

    def step_of(self, event: Event) -> Request | None:
        """The tree that this belongs to for certain."""
        return next((step for step in self.steps if _holds(step, event)), None)


def causes(
    events: Sequence[Event], flows: Iterable[Flow], *, lost: int = 0, overlapping: Collection[int] = ()
) -> Causes:
    """What caused what in a case, from its events and flows in any order.

    `lost`: how many flows found no room. One of them could have been another request, so nothing is known then.
    `overlapping`: ports at which a connection carries several requests at once (streams.OVERLAPPING).
    """
    return _Builder(events, Streams(in_order(flows), overlapping), known=not lost).build()


class _Builder:
    def __init__(self, events: Sequence[Event], streams: Streams, *, known: bool) -> None:
        self._events = events
        self._known = known
        self._streams = streams
        self._places = Places(events, self._streams)
        acts = [act for act in map(self._places.act, events) if act is not None]
        self._steps = {each.sent.seq: each for each in _steps(events)}
        activity = Activity(self._streams, [(act.event.time_ns, act.pid, act.tid) for act in acts if act.tid])
        given = self._streams, activity, acts, self._places.pairs, self._steps.values()
        self._found = Attribution(*given)
        late = self._found.latecomers()
        if late:
            self._found = Attribution(*given, late=late)
        self._nodes: dict[Step | Turn, Request] = {}
        self._resolved: dict[Turn, frozenset[Suspect]] = {}
        self._done_for: dict[int, Request] = {}
        self._open_for: dict[int, list[Request]] = {}

    def build(self) -> Causes:
        for step in self._steps.values():
            self._nodes[step] = _step_node(step)
        turns = self._streams.turns
        for turn in turns:
            self._nodes[turn] = self._node(turn)
        for turn in turns:
            self._hang(turn)
        for event in self._events:
            self._place(event)
        steps = [self._nodes[step] for step in self._steps.values()]
        self._join_proxied()
        return Causes(steps, self._done_for, self._open_for)

    def _join_proxied(self) -> None:
        """A request to a proxy and the one that it passed on are one."""
        inner = {id(each.requests[0]): each for each in self._nodes.values() if _passed_on(each)}
        for node in self._nodes.values():
            if _passed_on(node):
                _join(node, node.requests[0])
        self._done_for = {seq: inner.get(id(node), node) for seq, node in self._done_for.items()}
        self._open_for = {seq: [inner.get(id(each), each) for each in among] for seq, among in self._open_for.items()}

    def _node(self, turn: Turn) -> Request:
        known = turn.connection
        return Request(
            service=known.callee.lane,
            caller=known.caller.lane,
            asked_ns=turn.asked_ns,
            heard_ns=turn.heard_ns,
            arrived_ns=turn.arrived_ns,
            answered_ns=turn.answered_ns,
            merged=known.whole is not None,
        )

    def _hang(self, turn: Turn) -> None:
        node = self._nodes[turn]
        suspects = self._resolve(turn)
        only, among = self._verdict(suspects)
        if only is not None:
            only.requests.append(node)
        for each in among:
            each.possible.append(node)

    def _place(self, event: Event) -> None:
        suspects = self._found.done_for.get(event.seq)
        if suspects is None:
            printed = self._places.printed(event)
            parts = [self._found.wrote.get(each, frozenset()) for each in printed]
            suspects = frozenset().union(*parts) if parts and all(parts) else None
        if suspects is None or event.type in ("step_send", "step_recv"):
            return
        only, among = self._verdict(self._expand(suspects))
        if only is not None:
            only.events.append(event)
            self._done_for[event.seq] = only
        elif among:
            self._open_for[event.seq] = among
            for each in among:
                each.possible_events.append(event)

    def _verdict(self, suspects: Iterable[Suspect]) -> tuple[Request | None, list[Request]]:
        """The one for which something was done, or all those for which it may have been."""
        suspects = list(suspects)
        nodes = [self._nodes[each] for each in suspects if isinstance(each, Turn | Step)]
        if self._known and len(nodes) == len(suspects) == 1:
            return nodes[0], []
        return None, sorted(nodes, key=lambda node: node.asked_ns)

    def _resolve(self, turn: Turn) -> frozenset[Suspect]:
        if turn not in self._resolved:
            self._resolved[turn] = self._expand(self._found.asked_by.get(turn, frozenset()))
        return self._resolved[turn]

    def _expand(self, suspects: Iterable[Suspect]) -> frozenset[Suspect]:
        """Without Answers: with what had asked on those connections instead."""
        found: set[Suspect] = set()
        met: set[Turn] = set()
        waiting = list(suspects)
        while waiting:
            each = waiting.pop()
            if not isinstance(each, Answers):
                found.add(each)
            elif each.turn not in met:
                met.add(each.turn)
                waiting += self._found.asked_by.get(each.turn, ())
        return frozenset(found)


def _steps(events: Iterable[Event]) -> list[Step]:
    found: dict[str, Step] = {}
    for event in events:
        if event.type == "step_send":
            found[event.fields.get("step", "")] = Step(event)
        elif event.type == "step_recv" and event.fields.get("step", "") in found:
            found[event.fields["step"]].received = event
    return list(found.values())


def _step_node(step: Step) -> Request:
    ended = step.received.time_ns if step.received is not None else 0
    began = step.sent.time_ns
    failed = step.received is None or step.received.fields.get("ok") == "false"
    return Request("driver", "", began, ended, arrived_ns=began, answered_ns=ended, step=step.sent, failed=failed)


def _passed_on(node: Request) -> bool:
    return node.service == EDGE and len(node.requests) == 1


def _join(node: Request, inner: Request) -> None:
    node.service, node.proxied, node.merged = inner.service, True, node.merged or inner.merged
    node.arrived_ns, node.answered_ns = inner.arrived_ns, inner.answered_ns
    node.events = sorted([*node.events, *inner.events], key=lambda event: event.seq)
    node.requests = inner.requests
    node.possible += inner.possible
    node.possible_events += inner.possible_events


def _holds(node: Request, event: Event) -> bool:
    return event in node.events or any(_holds(each, event) for each in node.requests)
