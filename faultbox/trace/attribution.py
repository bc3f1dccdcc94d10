"""Which request each thing was done for, as far as that follows from what was seen.

What a process does in a burst goes back to what came to it in that burst, to a request that it has and that waits for
nothing we can see (a lock, a queue and a timer of its own process can set it going any time), or to a timer. Only
where one request is left is it known. A thread that was seen to be held up in its reads runs one thing after the
other: what it does is for what it has read last, whatever the rest of its process does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.model.observation import EDGE
from faultbox.trace.activity import Activity
from faultbox.trace.answering import SetGoing
from faultbox.trace.plain import plain_threads
from faultbox.trace.state import State
from faultbox.trace.streams import End, Streams, Turn, effect_ns
from faultbox.trace.suspects import UNSEEN, Answers, Step, Suspect

_ROUNDING_NS = 1_000_000
"""Loops round the time to their next timer up to a millisecond."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be attributed: an event, and the thread or the proxied connection that did it."""

    event: Event
    pid: int = 0
    tid: int = 0
    pair: int = 0


class Attribution:
    """Goes through flows and acts in their order. `asked_by`: of each turn, `done_for`: of each act, the suspects."""

    def __init__(
        self,
        streams: Streams,
        activity: Activity,
        acts: Sequence[Act],
        pairs: Mapping[End, int],
        steps: Iterable[Step],
        *,
        late: frozenset[int] = frozenset(),
    ) -> None:
        """`late`: processes that go on with requests which they have answered, so that none of theirs is ever over."""
        self.asked_by: dict[Turn, set[Suspect]] = {}
        self.done_for: dict[int, frozenset[Suspect]] = {}
        self.wrote: dict[int, frozenset[Suspect]] = {}
        """By flow: what was behind something that a service printed."""
        self._streams, self._activity, self._pairs, self._late = streams, activity, pairs, late
        self._plain = plain_threads(streams, activity)
        self._own: dict[int, frozenset[Suspect]] = {}
        self._states: dict[int, State] = {}
        self._paired: dict[int, dict[Turn, None]] = {}
        self._stepping: dict[int, Step] = {}
        self._opened: dict[End, frozenset[Suspect]] = {}
        """What was behind a connection's being made."""
        self._passed: dict[int, frozenset[Suspect]] = {}
        self._serving: dict[int, Turn] = {}
        """By plain thread: the request that it has read last."""
        self._set_going = SetGoing()
        self._left_behind: set[int] = set()
        self._inherited: dict[int, frozenset[Suspect]] = {}
        """What was behind a process's being made."""
        self._made_for: dict[int, frozenset[Suspect]] = {}
        """What was behind a thread's being made."""
        self._awaiting: dict[Turn, Turn] = {}
        self._steps = {step.sent.seq: step for step in steps}
        self._go_through(sorted(acts, key=lambda act: act.event.time_ns))

    def latecomers(self) -> frozenset[int]:
        """Processes that asked others something, or did it elsewhere, for a request which they had answered."""
        found = set(self._left_behind)
        for turn, suspects in self.asked_by.items():
            only = next(iter(suspects)) if len(suspects) == 1 else None
            if isinstance(only, Turn) and 0 < only.answered_ns <= turn.asked_ns:
                found.add(turn.connection.caller.pid)
        return frozenset(found)

    def _go_through(self, acts: Sequence[Act]) -> None:
        at = 0
        for number, flow in enumerate(self._streams.flows):
            while at < len(acts) and acts[at].event.time_ns < effect_ns(flow):
                self._act(acts[at])
                at += 1
            self._flow(number, flow)
        for act in acts[at:]:
            self._act(act)

    # -- who did it

    def _suspects(self, lane: str, pid: int, tid: int, time_ns: int) -> frozenset[Suspect]:
        if lane == "driver":
            step = self._stepping.get(tid)
            return frozenset((UNSEEN if step is None else step,))
        own = self._own.get(tid)
        if own is not None and tid in self._serving:
            return own
        process = self._activity.processes.get(pid)
        burst = process.burst_at(time_ns) if process is not None else None
        if burst is None:
            return frozenset((UNSEEN,)) if own is None else own
        state = self._state(pid)
        state.enter(burst)
        if own is None:
            return state.now(time_ns)
        return own | state.queued()  # it may have been handed something else meanwhile

    def _state(self, pid: int) -> State:
        state = self._states.get(pid)
        if state is None:
            state = self._states[pid] = State(before=self._inherited.get(pid, frozenset()))
        return state

    def _paired_suspects(self, pair: int) -> frozenset[Suspect]:
        return frozenset(self._paired.get(pair, {})) or frozenset((UNSEEN,))

    def _behind(self, flow: Flow, end: End | None) -> frozenset[Suspect]:
        if flow.lane == EDGE:
            return self._paired_suspects(self._pairs.get(end, 0)) if end is not None else frozenset((UNSEEN,))
        return self._suspects(flow.lane, flow.pid, flow.tid, effect_ns(flow))

    def _act(self, act: Act) -> None:
        event = act.event
        if event.type == "step_send":
            self._stepping[act.tid] = self._steps[event.seq]
        elif event.type == "step_recv":
            self._stepping.pop(act.tid, None)
        elif act.pair:
            self.done_for[event.seq] = self._paired_suspects(act.pair)
        else:
            self.done_for[event.seq] = self._suspects(event.service, act.pid, act.tid, event.time_ns)
            self._look_behind(self.done_for[event.seq], act.pid, act.tid, event.time_ns)

    def _look_behind(self, suspects: frozenset[Suspect], pid: int, tid: int, time_ns: int) -> None:
        """Note a process that works on for a request which it has answered, in another thread or another burst: what
        it does next may be for that one still."""
        only = next(iter(suspects)) if len(suspects) == 1 and tid not in self._serving else None
        if not isinstance(only, Turn) or only.connection.callee.pid != pid or not 0 < only.answered_ns <= time_ns:
            return
        burst = self._activity.processes[pid].burst_at(time_ns) if pid in self._activity.processes else None
        if tid not in only.threads.get(pid, ()) or not self._set_going.answered_in(only, burst):
            self._left_behind.add(pid)

    # -- what comes and goes

    def _flow(self, number: int, flow: Flow) -> None:
        end = self._streams.end_of.get(number)
        if flow.kind == "sent" and end is not None:
            self._sent(number, flow, end)
        elif flow.kind == "wrote":
            self.wrote[number] = self._behind(flow, end)
            self._look_behind(self.wrote[number], flow.pid, flow.tid, effect_ns(flow))
        elif flow.kind == "forked":
            pid = self._activity.pids.get(flow.child, flow.child)
            made, child = (self._made_for, flow.child) if pid == flow.pid else (self._inherited, pid)
            made[child] = self._behind(flow, end)
        if flow.lane == "driver":
            return
        if flow.kind == "received" and end is not None:
            self._received(number, flow, end)
        elif flow.kind == "opened" and end is not None:
            if flow.accepted:
                self._comes(flow, {end})
            else:
                self._opened[end] = self._behind(flow, end)
        elif flow.kind == "closed" and end is not None:
            self._closed(flow, end)
        elif flow.kind == "waits":
            self._waited(number, flow)
        elif flow.kind == "came":
            self._took_besides(flow, {UNSEEN})

    def _comes(self, flow: Flow, suspects: Iterable[Suspect]) -> None:
        """Something has come to a process, which sets it going."""
        process = self._activity.processes.get(flow.pid)
        if process is not None:
            state = self._state(flow.pid)
            state.enter(process.burst_at(flow.time_ns))
            state.suspects.update(suspects)

    def _sent(self, number: int, flow: Flow, end: End) -> None:
        known = end.connection
        turn = self._streams.turn(number)
        if known is None or turn is None:
            self._passed[number] = self._behind(flow, end)
        elif end is known.caller:
            self._asked(turn, flow, end)
        elif not known.whole:
            self._answers(turn, flow, end)
            if number == turn.last_answer and flow.pid not in self._late:
                self._requests(flow.pid, end).pop(turn, None)

    def _answers(self, turn: Turn, flow: Flow, end: End) -> None:
        """Note what set a service going to answer."""
        process = self._activity.processes.get(flow.pid)
        if end in self._pairs or process is None:
            return
        state = self._state(flow.pid)
        state.enter(process.burst_at(effect_ns(flow)))
        came = self._own.get(flow.tid) or frozenset(state.suspects) or state.before
        self._set_going.answered(turn, came or frozenset((UNSEEN,)), state.burst)

    def _asked(self, turn: Turn, flow: Flow, end: End) -> None:
        suspects = self._behind(flow, end)
        first = turn not in self.asked_by
        self.asked_by.setdefault(turn, set()).update(suspects)
        if first and len(suspects) == 1 and not turn.connection.whole:
            (only,) = suspects
            waiting = self._states[flow.pid].open if flow.pid in self._states else {}
            if isinstance(only, Turn) and only in waiting:
                waiting[only] += 1
                self._awaiting[turn] = only

    def _requests(self, pid: int, end: End) -> dict[Turn, int] | dict[Turn, None]:
        """The requests that a process, or a proxied connection, has and has not answered."""
        return self._paired.setdefault(self._pairs[end], {}) if end in self._pairs else self._state(pid).open

    def _received(self, number: int, flow: Flow, end: End) -> None:
        turn, known = self._streams.turn(number), end.connection
        if flow.length == 0:
            self._ended(flow, end)
        elif turn is None or known is None:
            self._took_besides(flow, self._passed_on(number))
        elif end is known.caller:
            self._settled(turn)
            self._took(flow, {Answers(turn)} if known.whole else self._behind_answer(turn, flow, end))
        else:
            self._request(turn, flow, end)

    def _behind_answer(self, turn: Turn, flow: Flow, end: End) -> Iterable[Suspect]:
        """What goes on because of an answer: what has asked, or what set the other service going.

        A thread that has a request and asks for it goes on with that. What was begun for a request, and is still
        asking when that has been answered, or in a thread of its own, may not work for that request any more.
        """
        asked = self.asked_by.get(turn, {UNSEEN})
        has = self._has(flow)
        if has is not None and has in asked:
            return asked
        if end in self._pairs:
            self._set_going.passed_on(turn, asked)
        made_for = self._made_for.get(flow.tid, frozenset())
        late = any(isinstance(each, Turn) and 0 < each.answered_ns <= flow.time_ns for each in asked)
        found = self._set_going.behind(turn, asked, strict=late or not made_for.isdisjoint(asked))
        return found if has is None else found | {has}

    def _has(self, flow: Flow) -> Turn | None:
        """The request that a plain thread has read and not answered."""
        turn = self._serving.get(flow.tid)
        return turn if turn is not None and not 0 < turn.answered_ns <= flow.time_ns else None

    def _passed_on(self, number: int) -> set[Suspect]:
        """What was behind bytes on a channel that has no caller: they bring with them what they were sent for."""
        senders, whole = self._streams.senders.get(number, ([], False))
        found: set[Suspect] = set() if whole else {UNSEEN}
        return found.union(*(self._passed.get(each, frozenset((UNSEEN,))) for each in senders))

    def _request(self, turn: Turn, flow: Flow, end: End) -> None:
        if end in self._pairs:
            self._paired.setdefault(self._pairs[end], {})[turn] = None
            return
        process = self._activity.processes.get(flow.pid)
        if process is None:
            return
        if flow.tid in self._plain:
            self._serving[flow.tid] = turn
        self._took(flow, {turn})
        state = self._state(flow.pid)
        self._set_going.asked(turn, state.burst)
        state.suspects.discard(end)
        state.open.setdefault(turn, 0)

    def _took(self, flow: Flow, suspects: Iterable[Suspect]) -> None:
        self._comes(flow, suspects)
        if flow.tid in self._plain:
            self._own[flow.tid] = frozenset(suspects)

    def _took_besides(self, flow: Flow, suspects: Iterable[Suspect]) -> None:
        """The same of what is no request and no answer: a thread that has a request goes on with that."""
        has = self._has(flow)
        self._comes(flow, suspects)
        if flow.tid in self._plain and has is None:
            self._own[flow.tid] = frozenset(suspects)

    def _ended(self, flow: Flow, end: End) -> None:
        """The other one has finished: who had a question open meets that, else nobody knows who minds."""
        known = end.connection
        last = known.turns[-1] if known is not None and known.turns else None
        if known is None or last is None or known.whole:
            self._comes(flow, {UNSEEN})
        elif end is known.callee:
            self._comes(flow, {last} if last in self._state(flow.pid).open else {UNSEEN})
        else:
            self._comes(flow, {UNSEEN} if last.heard_ns else self.asked_by.get(last, {UNSEEN}))

    def _closed(self, flow: Flow, end: End) -> None:
        known = end.connection
        if known is None:
            return
        if end is known.callee and end.pid not in self._late:
            requests = self._requests(end.pid, end)
            for turn in [turn for turn in requests if turn.connection is known]:
                requests.pop(turn)
        elif end is known.caller and known.turns and not known.turns[-1].heard_ns:
            last = known.whole or known.turns[-1]
            self._settled(last)
            self._comes(flow, {Answers(last)} if known.whole else self.asked_by.get(last, {UNSEEN}))

    def _settled(self, turn: Turn) -> None:
        """Nobody waits for this turn's answer any more."""
        asker = self._awaiting.pop(turn, None)
        if asker is not None:
            for state in self._states.values():
                if asker in state.open:
                    state.open[asker] -= 1

    def _waited(self, number: int, flow: Flow) -> None:
        process = self._activity.processes.get(flow.pid)
        if process is None:
            return
        state = self._state(flow.pid)
        state.enter(process.burst_at(flow.time_ns))
        look = self._activity.looks.get(number)
        if look is not None and look.ready > len(look.came):
            state.suspects.update(*(self._opened.get(end, {UNSEEN}) for end in look.made))
            if not look.accounted:
                state.suspects.add(UNSEEN)
        if self._activity.woken_by_another(flow):
            state.before |= {UNSEEN}
        if self._activity.timer_only(flow):
            state.suspects.add(UNSEEN)
        elif 0 < flow.position < (1 << 32) - 1 and flow.local in ("epoll", "poll", "select"):
            due = flow.began_ns + flow.position * 1000 - _ROUNDING_NS
            state.timer_ns = min(state.timer_ns or due, due)
        own = self._own.get(flow.tid, ())
        if all(isinstance(each, Turn) and 0 < each.answered_ns <= flow.began_ns for each in own):
            self._own.pop(flow.tid, None)
