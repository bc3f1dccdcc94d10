"""Order by cause beside vector clocks, kept naively."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.trace.order import order
from faultbox.trace.streams import Streams, effect_ns, in_order


def _clocks(flows: list[Flow], events: list[Event]) -> dict[int, dict[int, int]]:
    """By event: the latest moment of every thread that its own thread knows of."""
    streams = Streams(flows)
    known: dict[int, dict[int, int]] = {}
    sent: dict[int, dict[int, int]] = {}
    connecting: dict[str, dict[int, int]] = {}
    found: dict[int, dict[int, int]] = {}
    steps: list[tuple[int, int, Any]] = [(effect_ns(flow), number, flow) for number, flow in enumerate(flows)]
    steps += [(event.time_ns, len(flows), event) for event in events]
    steps += [(flow.began_ns, -1, flow) for flow in flows if flow.kind == "opened" and not flow.accepted]
    for time_ns, number, what in sorted(steps, key=lambda step: step[:2]):
        tid = what.tid if isinstance(what, Flow) else int(what.fields["tid"])
        clock = known.setdefault(tid, {})
        clock[tid] = time_ns
        if isinstance(what, Event):
            found[what.seq] = dict(clock)
        elif number < 0:
            connecting[what.local] = dict(clock)
        elif what.kind == "sent":
            sent[number] = dict(clock)
        elif what.accepted:
            _learn(clock, connecting[what.remote])
        elif what.kind == "forked":
            known[what.child] = dict(clock)
        elif what.kind == "received":
            for each in streams.senders[number][0]:
                _learn(clock, sent[each])
    return found


def _learn(clock: dict[int, int], told: dict[int, int]) -> None:
    for other, when in told.items():
        clock[other] = max(clock.get(other, 0), when)


@settings(deadline=None, max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    seed=st.integers(0, 1 << 30),
    api=st.sampled_from(["loop", "go", "threads"]),
    orders=st.lists(st.tuples(st.integers(0, 500_000), st.booleans()), min_size=1, max_size=6),
)
def test_it_is_the_order_of_vector_clocks(kinds: Any, seed: int, api: str, orders: list[tuple[int, bool]]) -> None:
    system = kinds.System(seed)
    make = {"loop": kinds.Scheduled, "go": kinds.Scheduled, "threads": kinds.Threaded}[api]
    service = make(system, "api", **({"threads": 3} if api == "go" else {}))
    cache, inventory = kinds.Scheduled(system, "cache"), kinds.Threaded(system, "inventory")
    for when, both in orders:
        program: tuple[Any, ...] = ("log", ("call", cache, ("log",)), "log")
        if both:
            program += (("call", inventory, ("log", ("call", cache, ("log",)))), "log")
        system.step(2_000_000 + when, service, program)
    system.run()
    events = sorted((each for each in system.events if each.type == "file"), key=lambda each: each.time_ns)
    flows = in_order(system.flows)
    clocks, known = _clocks(flows, events), order(events, system.random.sample(flows, len(flows)))
    for index, first in enumerate(events):
        for then in events[index + 1 :]:
            knows = clocks[then.seq].get(int(first.fields["tid"]), 0) >= first.time_ns
            assert (known.before(first, then) is True) == knows
            assert known.before(then, first) is False
            if knows:
                _check_path(known.path(first, then), first, then)


def _check_path(hops: Any, first: Event, then: Event) -> None:
    moments = [first.time_ns, *(moment for hop in hops for moment in (hop.left_ns, hop.arrived_ns)), then.time_ns]
    assert moments == sorted(moments)
    lanes = [first.service, *(hop.to_lane for hop in hops)]
    assert lanes[-1] == then.service
    assert [hop.from_lane for hop in hops] == lanes[:-1]


def _talk(lane: str, tid: int, kind: Any, time_ns: int, **more: Any) -> Flow:
    return Flow(time_ns, time_ns, lane, tid, tid, kind, **more)


def _event(seq: int, time_ns: int, lane: str, tid: int) -> Event:
    return Event(time_ns, "file", lane, {"tid": str(tid)}, {}, seq)


CONVERSATION = [
    _talk("api", 1, "opened", 10, end=5, local="127.0.0.1:9", remote="127.0.0.1:80"),
    _talk("db", 2, "opened", 12, end=6, local="127.0.0.1:80", remote="127.0.0.1:9", accepted=True),
    _talk("api", 1, "sent", 20, end=5, length=10, position=3),
    _talk("db", 2, "received", 30, end=6, length=4, position=(3 - 6) % 2**32),
    _talk("db", 2, "received", 40, end=6, length=6, position=3),
    _talk("cache", 3, "waits", 15),
]
"""Its bytes are numbered across the end of 32 bits."""


def test_bytes_lead_from_one_to_the_other_wherever_they_are_cut() -> None:
    sent, late, heard = _event(1, 19, "api", 1), _event(2, 21, "api", 1), _event(3, 31, "db", 2)
    known = order([sent, late, heard], CONVERSATION)
    assert known.before(sent, heard) is True
    assert known.before(late, heard) is False
    assert known.concurrent(late, heard) is True
    assert known.concurrent(sent, heard) is False


def test_an_accept_comes_after_its_connect_though_nothing_was_said_and_the_connect_had_not_returned() -> None:
    here, there = "127.0.0.1:9", "127.0.0.1:80"
    connect = Flow(30, 10, "api", 1, 1, "opened", end=5, local=here, remote=there)
    accept = Flow(22, 2, "db", 2, 2, "opened", end=6, local=there, remote=here, accepted=True)
    asked, connecting, accepted = _event(1, 9, "api", 1), _event(2, 11, "api", 1), _event(3, 21, "db", 2)
    known = order([asked, connecting, accepted], [accept, connect])
    assert known.before(asked, accepted) is True
    assert known.before(connecting, accepted) is False
    assert [(hop.left_ns, hop.arrived_ns) for hop in known.path(asked, accepted)] == [(10, 10)]


def test_who_connected_unseen_may_be_anybody() -> None:
    accept = _talk("db", 2, "opened", 22, end=6, local="127.0.0.1:80", remote="127.0.0.1:9", accepted=True)
    asked, accepted = _event(1, 9, "cache", 3), _event(2, 23, "db", 2)
    assert order([asked, accepted], [_talk("cache", 3, "waits", 5), accept]).before(asked, accepted) is None


def test_a_message_may_overtake_another_on_its_way() -> None:
    flows = [
        *CONVERSATION[:2],
        _talk("api", 1, "opened", 13, end=7, local="127.0.0.1:8", remote="127.0.0.1:80"),
        _talk("db", 2, "opened", 14, end=8, local="127.0.0.1:80", remote="127.0.0.1:8", accepted=True),
        _talk("api", 1, "sent", 20, end=5, length=4, position=4),
        _talk("api", 1, "sent", 30, end=7, length=4, position=4),
        _talk("db", 2, "received", 40, end=8, length=4, position=4),
        _talk("db", 2, "received", 90, end=6, length=4, position=4),
    ]
    sent, heard = _event(1, 19, "api", 1), _event(2, 50, "db", 2)
    known = order([sent, heard], flows)
    assert known.before(sent, heard) is True
    assert [(hop.left_ns, hop.arrived_ns) for hop in known.path(sent, heard)] == [(30, 40)]


def test_what_threads_of_one_service_tell_each_other_is_not_known() -> None:
    flows = [*CONVERSATION, _talk("api", 4, "waits", 5)]
    beside, heard, cache = _event(1, 19, "api", 4), _event(2, 31, "db", 2), _event(3, 31, "cache", 3)
    known = order([beside, heard, cache], flows)
    assert known.before(beside, heard) is None
    assert known.concurrent(beside, heard) is None
    assert known.before(beside, cache) is False


def test_where_flows_were_lost_nothing_is_said_to_be_concurrent() -> None:
    sent, late, heard = _event(1, 19, "api", 1), _event(2, 21, "api", 1), _event(3, 31, "db", 2)
    known = order([sent, late, heard], CONVERSATION, lost=1)
    assert known.before(sent, heard) is True
    assert known.before(late, heard) is None


def test_bytes_of_an_unknown_sender_may_have_come_from_anywhere() -> None:
    flows = [flow for flow in CONVERSATION if flow.kind != "sent"]
    cache, heard = _event(1, 16, "cache", 3), _event(2, 31, "db", 2)
    assert order([cache, heard], flows).before(cache, heard) is None


def test_a_number_given_again_is_another_thread() -> None:
    flows = [*CONVERSATION, _talk("api", 1, "ended", 50), _talk("cache", 3, "forked", 60, child=1)]
    old, new = _event(1, 21, "api", 1), _event(2, 61, "api", 1)
    known = order([old, new], flows)
    assert known.before(old, new) is not True
    assert known.before(_event(3, 16, "cache", 3), new) is True


def test_who_did_it_must_be_known() -> None:
    nobody, heard = Event(1, "print", "driver", {}, {}, 1), _event(2, 31, "db", 2)
    assert order([nobody, heard], CONVERSATION).before(nobody, heard) is None


def test_a_line_was_printed_when_it_was_written_not_when_it_was_read() -> None:
    """By the time that a line is read, its thread may long have answered."""
    wrote = _talk("api", 1, "wrote", 15, end=7, length=4, position=4, local="stdout")
    line = Event(35, "stdout", "api", {"raw": "abc"}, {}, 1, "pipe 7 1 4")
    heard, before = _event(2, 31, "db", 2), _event(3, 14, "api", 1)
    known = order([line, heard, before], [*CONVERSATION, wrote])
    assert known.before(line, heard) is True
    assert known.before(heard, line) is False
    assert known.before(before, line) is True


def test_a_line_of_which_nobody_knows_who_wrote_it_may_be_older_than_its_time() -> None:
    line = Event(35, "stdout", "api", {"raw": "abc"}, {}, 1, "pipe 7 1 4")
    heard = _event(2, 31, "db", 2)
    known = order([line, heard], CONVERSATION)
    assert known.before(line, heard) is None
