"""Systems whose every doing is known: they give flows and events as the kernel would, and the truth beside them.

Time goes on in a heap of things to happen. A thread that runs does so at once in the model, and every step of it takes
a little time; what it sends arrives later.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.flow import Flow, FlowKind

FOR_EVER = (1 << 32) - 1
Program = tuple[Any, ...]
"""What a request does: "log", ("call", service, program), ("sleep", ns), ("late",): answer, and go on after it."""


@dataclass
class Ask:
    """A request, or a step: `parent` is what truly caused it."""

    parent: Ask | None
    program: Program
    asked_ns: int = 0
    answered: bool = False
    resume: Callable[[int], None] | None = None


@dataclass
class Conn:
    """A connection of two ends, maybe with a proxy between. `inbox`: what has arrived at either side, unread."""

    a: int
    b: int
    caller: Any
    callee: Service
    addresses: tuple[str, str]
    accepted: bool = False
    said: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    inbox: dict[int, deque[tuple[int, int, Ask]]] = field(default_factory=dict)
    proxy: tuple[int, int] | None = None


class System:
    """The heap, what was seen, and the truth: `truth` of requests by the time they were asked, `did` of events."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.flows: list[Flow] = []
        self.events: list[Event] = []
        self.asks: list[Ask] = []
        self.did: dict[int, Ask | None] = {}
        self.now = 1_000_000
        self._heap: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(100)
        self._steps = itertools.count(1)
        self.steps: list[Ask] = []

    def number(self) -> int:
        return next(self._numbers)

    def at(self, time_ns: int, what: Callable[[int], None]) -> None:
        heapq.heappush(self._heap, (time_ns, next(self._order), what))

    def run(self) -> None:
        while self._heap:
            self.now, _, what = heapq.heappop(self._heap)
            what(self.now)

    def little(self) -> int:
        return self.random.randrange(1_000, 30_000)

    def flow(self, kind: FlowKind, began: int, time: int, who: tuple[str, int, int], **more: Any) -> None:
        self.flows.append(Flow(time, began, who[0], who[1], who[2], kind, **more))

    def event(self, time: int, kind: str, service: str, ask: Ask | None, **fields: str) -> Event:
        event = Event(time, kind, service, fields, seq=len(self.events) + 1)
        self.events.append(event)
        self.did[event.seq] = ask
        return event

    # -- connections

    def connect(self, caller: Any, callee: Service, who: tuple[str, int, int], time: int) -> Conn:
        port = 20_000 + self.number()
        conn = Conn(self.number(), self.number(), caller, callee, (f"127.0.0.1:{port}", callee.address))
        local, remote = conn.addresses
        self.flow("opened", time, time + 500, who, end=conn.a, local=local, remote=remote)
        if callee.proxied:
            self._interpose(conn, time)
        return conn

    def _interpose(self, conn: Conn, time: int) -> None:
        near, far = conn.proxy = self.number(), self.number()
        local, remote = conn.addresses
        own = f"127.0.0.1:{20_000 + self.number()}"
        edge = ("(edge)", 9, 9)
        self.flow("opened", time + 600, time + 900, edge, end=near, local=remote, remote=local, accepted=True)
        self.flow("opened", time + 1000, time + 1500, edge, end=far, local=own, remote=remote)
        self.event(time + 1600, "proxy_opened", conn.callee.lane, None, **{"from": local, "to": own})
        number = len(self.events)
        last = self.events[-1]
        self.events[-1] = Event(
            last.time_ns, last.type, last.service, last.fields, {}, last.seq, f"connection {number}"
        )
        conn.addresses = (own, remote)

    def accept(self, conn: Conn, who: tuple[str, int, int], time: int, began: int = 0) -> int:
        if not conn.accepted:
            conn.accepted = True
            local, remote = conn.addresses
            self.flow("opened", began or time, time + 300, who, end=conn.b, local=remote, remote=local, accepted=True)
        return time + 400

    def send(self, conn: Conn, end: int, ask: Ask, who: tuple[str, int, int], time: int) -> int:
        """One message, maybe in two pieces; it arrives a little later. Gives the time afterwards."""
        size = self.random.randrange(2, 400)
        cut = self.random.choice((0, size // 2))
        other = conn.b if end == conn.a else conn.a
        for piece in [each for each in (cut, size - cut) if each]:
            time += self.little()
            position = self._told(conn, end, piece, who, time)
            at, sender = time + self.little(), position
            if conn.proxy:
                at, sender = self._pass_on(conn, end, piece, position, at)
            at = conn.last[end] = max(at, conn.last.get(end, 0) + 1)
            arrival = (sender, piece, ask)
            self.at(at, lambda now, arrival=arrival: self._arrive(conn, other, arrival, now))  # type: ignore[misc]
            time += self.random.choice((500, 60_000))  # the call may return after the bytes have been read
        return time

    def _told(self, conn: Conn, end: int, size: int, who: tuple[str, int, int], time: int) -> int:
        start = (end * 0x9E3779B1) % 2**32
        conn.said[end] = conn.said.get(end, 0) + size
        position = (start + conn.said[end]) % 2**32
        late = self.random.choice((500, 60_000))
        self.flow("sent", time, time + late, who, end=end, length=size, position=position)
        return position

    def _pass_on(self, conn: Conn, end: int, size: int, position: int, time: int) -> tuple[int, int]:
        assert conn.proxy is not None
        time = max(time, conn.last.get(end, 0))
        taken, given = conn.proxy if end == conn.a else conn.proxy[::-1]
        edge = ("(edge)", 9, 9)
        self.flow("received", time, time + 300, edge, end=taken, length=size, position=position)
        return time + 9_000, self._told(conn, given, size, edge, time + 600)

    def _arrive(self, conn: Conn, end: int, arrival: tuple[int, int, Ask], now: int) -> None:
        conn.inbox.setdefault(end, deque()).append(arrival)
        (conn.callee if end == conn.b else conn.caller).comes(conn, now)

    def receive(self, conn: Conn, end: int, who: tuple[str, int, int], began: int, time: int) -> tuple[int, Ask | None]:
        """Read all that is there; the request or answer, once it is whole."""
        ask, size, position = None, 0, 0
        box = conn.inbox.get(end, deque())
        while box:
            position, piece, ask = box.popleft()
            size += piece
        time = conn.last[-end] = max(time, conn.last.get(-end, 0)) + self.little()
        self.flow("received", began, time, who, end=end, length=size, position=position)
        near, far = conn.proxy or (conn.b, conn.a)
        conn.read[end] = conn.read.get(end, 0) + size
        return time, ask if conn.read[end] == conn.said[far if end == conn.b else near] else None

    # -- the driver

    def step(self, time: int, service: Service, program: Program) -> None:
        """A step in a thread of its own."""
        self.at(time, lambda now: self._step(now, service, program))

    def _step(self, now: int, service: Service, program: Program) -> None:
        number, tid = next(self._steps), self.number()
        who = ("driver", 1, tid)
        sent = self.event(now, "step_send", "driver", None, step=str(number))
        self.events[-1] = Event(now, "step_send", "driver", sent.fields, {}, sent.seq, f"thread {tid}")
        step = Ask(None, (), asked_ns=now)
        self.steps.append(step)
        conn = self.connect(_Driver(self, who, number, tid), service, who, now + 1_000)
        self.asks.append(ask := Ask(step, program))
        ask.asked_ns = len(self.flows)
        begun = len(self.flows)
        self.send(conn, conn.a, ask, who, now + 2_000)
        ask.asked_ns = _first_sent(self.flows, begun, conn.a)


def _first_sent(flows: Sequence[Flow], begun: int, end: int) -> int:
    return next(each.began_ns for each in flows[begun:] if each.kind == "sent" and each.end == end)


@dataclass
class _Driver:
    system: System
    who: tuple[str, int, int]
    number: int
    tid: int

    def comes(self, conn: Conn, now: int) -> None:
        _, ask = self.system.receive(conn, conn.a, self.who, now - 500, now)
        if ask is not None and self.number:
            sent = self.system.event(now + 99_000, "step_recv", "driver", None, step=str(self.number), ok="true")
            self.system.events[-1] = Event(
                sent.time_ns, "step_recv", "driver", sent.fields, {}, sent.seq, f"thread {self.tid}"
            )


class Service:
    """What all services share: their connections to others."""

    def __init__(self, system: System, lane: str, *, proxied: bool = False, limit: int = 1000) -> None:
        self.system, self.lane, self.proxied, self.limit = system, lane, proxied, limit
        self.pid = system.number()
        self.address = f"127.0.0.1:{system.number()}"
        self._free: dict[Service, list[Conn]] = {}
        self._count: dict[Service, int] = {}
        self._queue: dict[Service, deque[Callable[[Conn, tuple[str, int, int], int], int]]] = {}

    def comes(self, conn: Conn, now: int) -> None:
        raise NotImplementedError

    def ask(self, conn: Conn, parent: Ask, program: Program, who: tuple[str, int, int], time: int) -> tuple[int, Ask]:
        self.system.asks.append(ask := Ask(parent, program))
        begun = len(self.system.flows)
        time = self.system.send(conn, conn.a, ask, who, time)
        ask.asked_ns = _first_sent(self.system.flows, begun, conn.a)
        return time, ask


class Scheduled(Service):
    """Tasks on a few threads that look for what is ready: one is an event loop, several are Go's scheduler."""

    def __init__(self, system: System, lane: str, *, threads: int = 1, **more: Any) -> None:
        super().__init__(system, lane, **more)
        self.tids = [system.number() for _ in range(threads)]
        self._idle = dict.fromkeys(self.tids, system.now)
        self._ready: deque[tuple[int, int, Callable[[tuple[str, int, int], int], int]]] = deque()
        self._coming: list[Conn] = []
        self._timers: list[int] = []
        self._runs: set[int] = set()

    def comes(self, conn: Conn, now: int) -> None:
        if conn not in self._coming:
            self._coming.append(conn)
        self._wake(now)

    def _wake(self, now: int) -> None:
        free = [tid for tid in self.tids if tid not in self._runs]
        if free and (self._coming or self._ready):
            tid = self.system.random.choice(free)
            self._runs.add(tid)
            self.system.at(now + self.system.little(), lambda at: self._turn(tid, at))

    def _turn(self, tid: int, now: int) -> None:
        """A thread wakes up, takes what is ready, runs tasks, and waits again."""
        system, who = self.system, (self.lane, self.pid, tid)
        coming, self._coming = self._coming, []
        epoll = bool(coming) or any(due for due, *_ in self._ready) or len(self.tids) == 1
        idle = self._idle[tid]
        due = min((each for each in self._timers if each > idle), default=0)
        limit = ((due - idle) // 1_000_000 + 1) * 1000 if due and epoll else FOR_EVER
        length = len(coming) if epoll else 1
        if any(0 < due <= idle for due, *_ in self._ready) and epoll:
            limit = 0  # it was due before the thread would have waited
        system.flow("waits", idle, now, who, local="epoll" if epoll else "futex", length=length, position=limit)
        for conn in coming:
            self._ready.append((0, now, self._reader(conn)))
        time = now + 100
        if len(self.tids) > 1:
            self._wake(time)
        while self._ready:
            _, since, task = self._ready.popleft()
            time = task(who, max(time, since)) + 200
            if len(self.tids) > 1 and system.random.random() < 0.5:
                break
        self._idle[tid] = time
        system.at(time, lambda at: self._rest(tid, at))

    def _rest(self, tid: int, now: int) -> None:
        self._runs.discard(tid)
        self._wake(now)

    def _reader(self, conn: Conn) -> Callable[[tuple[str, int, int], int], int]:
        def read(who: tuple[str, int, int], time: int) -> int:
            serving = conn.callee is self
            if serving:
                time = self.system.accept(conn, who, time)
            time, ask = self.system.receive(conn, conn.b if serving else conn.a, who, time, time)
            if ask is None:
                return time
            if serving:
                return self._go_on(ask, conn, 0, who, time)
            return self._answered(ask, conn, who, time)

        return read

    def _answered(self, ask: Ask, conn: Conn, who: tuple[str, int, int], time: int) -> int:
        queue = self._queue.setdefault(conn.callee, deque())
        if queue:
            use = queue.popleft()
            self._ready.append((0, time, lambda who, time: use(conn, who, time)))
        else:
            free = self._free.setdefault(conn.callee, [])
            self.system.at(time + 1, lambda _: free.append(conn))
        assert ask.resume is not None
        resume = ask.resume
        self._ready.append((0, time, lambda who, time: self._resume(resume, who, time)))
        return time

    def _resume(self, resume: Callable[..., Any], who: tuple[str, int, int], time: int) -> int:
        return int(resume((who, time)))

    def _go_on(self, ask: Ask, conn: Conn, at: int, who: tuple[str, int, int], time: int) -> int:
        """Run a request's program from there until it waits or has answered."""
        system = self.system
        for index in range(at, len(ask.program)):
            op = ask.program[index]
            time += system.little()
            if op == "log":
                system.event(time, "file", self.lane, ask, tid=str(who[2]), pid=str(self.pid))
            elif op[0] == "call":
                return self._call(ask, conn, index, who, time)
            elif op[0] == "sleep":
                self._sleep(op[1], ask, conn, index + 1, time)
                return time
            elif op[0] == "late":
                time = system.send(conn, conn.b, ask, who, time)
                ask.answered = True
        return time if ask.answered else system.send(conn, conn.b, ask, who, time)

    def _sleep(self, length: int, ask: Ask, conn: Conn, index: int, time: int) -> None:
        def due(now: int) -> None:
            self._ready.append((now, now, lambda who, at: self._go_on(ask, conn, index, who, at)))
            self._wake(now)

        self._timers.append(time + length)
        self.system.at(time + length, due)

    def _call(self, ask: Ask, conn: Conn, index: int, who: tuple[str, int, int], time: int) -> int:
        _, target, program = ask.program[index]

        def use(other: Conn, who: tuple[str, int, int], when: int) -> int:
            when, asked = self.ask(other, ask, program, who, when)
            asked.resume = lambda came: self._go_on(ask, conn, index + 1, *came)  # type: ignore[assignment, misc]
            return when

        free = self._free.setdefault(target, [])
        if free:
            return use(free.pop(), who, time)
        if self._count.get(target, 0) >= self.limit:
            self._queue.setdefault(target, deque()).append(use)
            return time
        self._count[target] = self._count.get(target, 0) + 1
        return use(self.system.connect(self, target, who, time), who, time + 1_000)


class Threaded(Service):
    """A thread for every connection, held up in its reads."""

    def __init__(self, system: System, lane: str, **more: Any) -> None:
        super().__init__(system, lane, **more)
        self.main = system.number()
        self._since = system.now
        self._threads: dict[int, tuple[int, int]] = {}

    def comes(self, conn: Conn, now: int) -> None:
        system = self.system
        if conn.callee is not self:
            return
        if conn.b not in self._threads:
            tid = system.number()
            system.flow(
                "waits", self._since, now, (self.lane, self.pid, self.main), local="poll", length=1, position=500_000
            )
            begun = system.accept(conn, (self.lane, self.pid, self.main), now)
            system.flow("forked", begun, begun + 200, (self.lane, self.pid, self.main), child=tid)
            self._since = begun + 500
            self._threads[conn.b] = tid, begun + 300
        tid, free = self._threads[conn.b]
        system.at(max(free + 1_000, now + system.little()), lambda at: self._serve(conn, at))

    def _serve(self, conn: Conn, now: int) -> None:
        if not conn.inbox.get(conn.b):
            return
        tid, since = self._threads[conn.b]
        who = (self.lane, self.pid, tid)
        time, ask = self.system.receive(conn, conn.b, who, since, max(now, since + 300))
        self._threads[conn.b] = tid, time
        if ask is not None:
            self._go_on(ask, conn, 0, who, time)

    def _go_on(self, ask: Ask, conn: Conn, at: int, who: tuple[str, int, int], time: int) -> None:
        system = self.system
        for index in range(at, len(ask.program)):
            op = ask.program[index]
            time += system.little()
            if op == "log":
                system.event(time, "file", self.lane, ask, tid=str(who[2]), pid=str(self.pid))
            elif op[0] == "call":
                self._call(ask, conn, index, who, time)
                return
            elif op[0] == "sleep":
                system.flow("waits", time, time + op[1], who, local="sleep", position=op[1] // 1000)
                system.at(time + op[1], lambda now, index=index: self._go_on(ask, conn, index + 1, who, now))  # type: ignore[misc]
                return
            elif op[0] == "late":
                time = system.send(conn, conn.b, ask, who, time)
                ask.answered = True
        if not ask.answered:
            time = system.send(conn, conn.b, ask, who, time)
        self._threads[conn.b] = who[2], time

    def _call(self, ask: Ask, conn: Conn, index: int, who: tuple[str, int, int], time: int) -> None:
        _, target, program = ask.program[index]
        free = self._free.setdefault(target, [])
        other = free.pop() if free else self.system.connect(_Blocked(self), target, who, time)
        since, _ = self.ask(other, ask, program, who, time + 1_000)

        def heard(now: int) -> None:
            nonlocal since
            ended, answer = self.system.receive(other, other.a, who, since, max(now, since + 500))
            since = ended + 100
            if answer is not None:
                self.system.at(ended + 1, lambda _: free.append(other))
                self._go_on(ask, conn, index + 1, who, ended)

        other.caller.heard[other.a] = heard


@dataclass
class _Blocked:
    service: Service
    heard: dict[int, Callable[[int], None]] = field(default_factory=dict)

    def comes(self, conn: Conn, now: int) -> None:
        self.heard[conn.a](now)


@dataclass(frozen=True)
class Kinds:
    """The model's classes, for tests, which can't import them from here."""

    System: type[System] = System
    Scheduled: type[Scheduled] = Scheduled
    Threaded: type[Threaded] = Threaded


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return Kinds()


@pytest.fixture
def story(module_at: Callable[[Path], ModuleType]) -> Any:
    """A `Story` of story.py."""
    return module_at(Path(__file__).with_name("story.py")).Story()
