"""Connections as their two ends saw them: who sent the bytes that somebody received, and in which turn.

A turn is one exchange: what the caller says until it has heard something, and what the callee answers until it is
asked again. Turns are only what they seem where the two ends agree on them and the callee says nothing unasked: a
connection on which somebody was seen to speak out of turn (pipelining, streams, pushes) is one turn as a whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from faultbox.model.flow import Flow

_ROUND = 1 << 32


@dataclass(eq=False, slots=True)
class Turn:
    """An exchange on a connection. Times in ns, 0 for what did not happen; `threads` of either side, by pid."""

    connection: Connection
    asked_ns: int
    arrived_ns: int = 0
    answered_ns: int = 0
    heard_ns: int = 0
    last_answer: int = -1
    threads: dict[int, set[int]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class End:
    """One end of a connection. `sent`: ranges of positions in order, each with the number of its flow. `pid`: of the
    process that used it last. `opened`: the flow by which it came to be, -1 where that was not seen."""

    number: int
    lane: str
    pid: int
    began_ns: int
    accepted: bool = False
    local: str = ""
    remote: str = ""
    peer: End | None = None
    connection: Connection | None = None
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    near: int = -1
    closed_ns: int = 0
    opened: int = -1

    def stretch(self, flow: Flow) -> tuple[int, int]:
        """The positions (first, after the last) of what a flow moved in this end's direction, without the wrapping."""
        if self.near < 0:
            self.near = flow.position + _ROUND
        self.near += (flow.position - self.near + _ROUND // 2) % _ROUND - _ROUND // 2
        return self.near + 1 - flow.length, self.near + 1

    def senders(self, first: int, after: int) -> tuple[list[int], bool]:
        """The flows that sent these positions, and whether they are all of them."""
        at = max(0, bisect_right(self.sent, (first, _ROUND * _ROUND, 0)) - 1)
        found, covered = [], first
        for begin, stop, number in self.sent[at : bisect_left(self.sent, (after,))]:
            if stop > first:
                found.append(number)
                covered = stop if begin <= covered < stop else covered
        return found, covered >= after


@dataclass(eq=False, slots=True)
class Connection:
    """A caller's end and the one that accepted it. `whole` is its only turn where turns can't be told apart."""

    caller: End
    callee: End
    turns: list[Turn] = field(default_factory=list)
    whole: Turn | None = None
    serving: Turn | None = None
    strict: bool = True
    heard: bool = True
    heard_to: int = 0
    said: bool = True
    under_way: bool = False
    """A question has been asked of which nothing has arrived yet."""


OVERLAPPING = frozenset(("http2", "grpc", "kafka", "nats", "mongodb", "cassandra", "amqp"))
"""Protocols in which a connection carries several questions at once, so that turns tell nothing."""


class Streams:
    """What a case's flows tell of its connections, read in order of effect (`in_order`).

    `overlapping`: ports at which such protocols are spoken.
    """

    def __init__(self, flows: Sequence[Flow], overlapping: Collection[int] = ()) -> None:
        self.flows = flows
        self._overlapping = frozenset(map(str, overlapping))
        self.ends: dict[int, End] = {}
        self.end_of: dict[int, End] = {}
        """By flow: the end it is about."""
        self.senders: dict[int, tuple[list[int], bool]] = {}
        """By flow that received: who sent it, and whether that is known of every byte."""
        self.pipes: dict[int, End] = {}
        """What services print goes into these, by their inode numbers."""
        self._turns: dict[int, Turn] = {}
        self._alone: dict[tuple[str, str], End] = {}
        self.connections: list[Connection] = []
        for number, flow in enumerate(flows):
            self._take(number, flow)
        for connection in self.connections:
            _settle(connection)

    def turn(self, number: int) -> Turn | None:
        """The turn in which a flow sent or received."""
        turn = self._turns.get(number)
        return turn if turn is None else turn.connection.whole or turn

    @property
    def turns(self) -> list[Turn]:
        """Every turn there was, in the order asked."""
        found = (turn for each in self.connections for turn in ([each.whole] if each.whole else each.turns))
        return sorted(found, key=lambda turn: turn.asked_ns)

    def _take(self, number: int, flow: Flow) -> None:
        kind = flow.kind
        if kind == "opened":
            mine = self.end_of[number] = self._open(flow)
            mine.opened = number
            return
        if kind == "wrote":
            pipe = self.pipes.setdefault(flow.end, End(flow.end, flow.lane, flow.pid, flow.began_ns))
            insort(pipe.sent, (*pipe.stretch(flow), number))
            return
        if kind not in ("sent", "received", "closed"):
            return
        end = self.ends.get(flow.end) or self._meet(flow)
        self.end_of[number] = end
        end.pid = flow.pid or end.pid
        if kind == "sent":
            self._send(number, flow, end)
        elif kind == "received":
            self._receive(number, flow, end)
        else:
            end.closed_ns = flow.time_ns
            self.ends.pop(flow.end)

    def _meet(self, flow: Flow) -> End:
        """An end that was not seen to be opened: a pipe is its own other end."""
        end = self.ends[flow.end] = End(flow.end, flow.lane, flow.pid, flow.began_ns)
        if flow.local == "pipe":
            end.peer = end
        return end

    def _open(self, flow: Flow) -> End:
        known = self.ends.get(flow.end)
        fresh = known is None or known.peer is not None or known.accepted
        end = End(flow.end, flow.lane, flow.pid, flow.began_ns or flow.time_ns) if fresh or known is None else known
        end.accepted, end.local, end.remote = flow.accepted, flow.local, flow.remote
        self.ends[flow.end] = end
        other = self.ends.get(flow.peer) if flow.peer else self._alone.pop((flow.remote, flow.local), None)
        if other is None or other.peer is not None:
            if flow.local and flow.remote:
                self._alone[flow.local, flow.remote] = end
            return end
        end.peer, other.peer = other, end
        if end.accepted != other.accepted:
            caller, callee = (other, end) if end.accepted else (end, other)
            turns = callee.local.rpartition(":")[2] not in self._overlapping
            end.connection = other.connection = Connection(caller, callee, strict=turns)
            self.connections.append(end.connection)
            self._catch_up(caller)
        return end

    def _catch_up(self, caller: End) -> None:
        """What a caller said before anybody had accepted it."""
        for _, _, number in caller.sent:
            self._told(number, self.flows[number], caller)

    def _send(self, number: int, flow: Flow, end: End) -> None:
        if flow.position:
            first, after = end.stretch(flow)
            insort(end.sent, (first, after, number))
        self._told(number, flow, end)

    def _told(self, number: int, flow: Flow, end: End) -> None:
        known = end.connection
        if known is None:
            return
        if end is known.callee:
            self._answered(number, flow, known)
            return
        if known.heard or not known.turns:
            known.strict &= bool(flow.position) and (not known.turns or _over(known))
            known.heard, known.under_way = False, True
            known.turns.append(Turn(known, flow.began_ns or flow.time_ns))
        self._took_part(known.turns[-1], number, flow)

    def _answered(self, number: int, flow: Flow, known: Connection) -> None:
        known.said = True
        if known.under_way:
            known.strict = False  # to an earlier question, or unasked
        turn = known.serving
        if turn is not None:
            turn.answered_ns = max(turn.answered_ns, flow.time_ns)
            turn.last_answer = number
            self._took_part(turn, number, flow)

    def _receive(self, number: int, flow: Flow, end: End) -> None:
        sender = end.peer
        if flow.length == 0 or sender is None or not flow.position:
            self.senders[number] = [], flow.length == 0
            return
        first, after = sender.stretch(flow)
        found, whole = self.senders[number] = sender.senders(first, after)
        known = end.connection
        if known is None or not found:
            return
        turn = self._turns.get(found[-1])
        if not whole or any(self._turns.get(each) is not turn for each in found):
            known.strict = False
        if end is known.callee:
            known.said = known.under_way = False
            known.serving = turn
        else:
            known.heard, known.heard_to = True, after
        if turn is not None:
            self._arrived(turn, number, flow, known, end)

    def _arrived(self, turn: Turn, number: int, flow: Flow, known: Connection, end: End) -> None:
        if end is known.callee:
            turn.arrived_ns = turn.arrived_ns or flow.time_ns
        else:
            turn.heard_ns = flow.time_ns
        self._took_part(turn, number, flow)

    def _took_part(self, turn: Turn, number: int, flow: Flow) -> None:
        self._turns[number] = turn
        turn.threads.setdefault(flow.pid, set()).add(flow.tid)


def in_order(flows: Iterable[Flow]) -> list[Flow]:
    """Flows by when they took effect: bytes may be received before the call that sent them has returned."""
    return sorted(flows, key=effect_ns)


def effect_ns(flow: Flow) -> int:
    """From when on others may know of it. `began_ns` is 0 where the beginning of a call was not seen."""
    return flow.began_ns or flow.time_ns if flow.kind in ("sent", "wrote") else flow.time_ns


def _over(known: Connection) -> bool:
    """Whether the last question was answered, and all that was said so far has been heard."""
    sent = known.callee.sent
    return known.said and (not sent or sent[-1][1] == known.heard_to)


def _settle(known: Connection) -> None:
    """Make one turn of all where they can't be told apart."""
    if known.strict or not known.turns:
        return
    whole = known.whole = Turn(known, known.turns[0].asked_ns)
    for turn in known.turns:
        whole.arrived_ns = whole.arrived_ns or turn.arrived_ns
        whole.answered_ns = max(whole.answered_ns, turn.answered_ns)
        whole.heard_ns = max(whole.heard_ns, turn.heard_ns)
        whole.last_answer = max(whole.last_answer, turn.last_answer)
        for pid, tids in turn.threads.items():
            whole.threads.setdefault(pid, set()).update(tids)
