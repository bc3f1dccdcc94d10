"""The edge process between real sockets."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from faultbox import proxy
from faultbox.linux import pidfd
from faultbox.model.event import Event, SourceLost
from faultbox.model.message import Edge, MessageRule, MessageRuleSet
from faultbox.proxy.playbook import a_rule

rule = partial(a_rule, protocol="tcp")
Handle = Callable[[socket.socket], None]


class Place:
    """A service on a real port, and an edge process before it."""

    def __init__(self, handle: Handle, *callers: str) -> None:
        self.service = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.edges = [Edge(each, "db", "main", "tcp", self.service.getsockname()[1]) for each in callers]
        self.page = mmap.mmap(-1, 4096)
        self.process = proxy.serve(self.edges, seed=1, counters=self.page)
        self._epoch = 0
        self._threads: list[threading.Thread] = []
        self._accepted: list[socket.socket] = []
        self._handle = handle
        threading.Thread(target=self._accept, daemon=True).start()

    def connect(self, which: int = 0) -> socket.socket:
        port = self.process.listener(self.edges[which]).port
        made = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._accepted.append(made)
        return made

    def rules(self, *rules: MessageRule) -> None:
        self._epoch += 1
        self.process.swap(MessageRuleSet(rules, self._epoch))

    def counts(self, slot: int = 0) -> list[int]:
        with memoryview(self.page) as view, view.cast("Q") as numbers:
            return numbers[slot * 4 : slot * 4 + 3].tolist()

    def events(self, kind: str = "proxy") -> list[Event]:
        """All events of a type so far: the source promises."""
        token = time.monotonic_ns()
        self.process.ask(token)
        events: list[Event] = []
        while self.process.promised < token:
            select.select([self.process.fileno()], [], [], 20)
            events += self.process.drain()
        return [event for event in events if event.type == kind]

    def close(self) -> None:
        self.process.close()
        with contextlib.suppress(OSError):
            self.service.shutdown(socket.SHUT_RDWR)
        self.service.close()
        for each in self._accepted:
            each.close()
        for each in self._threads:
            each.join(20)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.service.accept()
            except OSError:
                return
            self._accepted.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            self._handle(connection)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


@pytest.fixture
def place() -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(handle: Handle = echo, *callers: str) -> Place:
        made.append(Place(handle, *(callers or ("api",))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def exactly(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        got += connection.recv(size - len(got)) or pytest.fail(f"ended after {got!r}")
    return got


def ends(connection: socket.socket) -> str:
    try:
        return "closed" if connection.recv(1) == b"" else "data"
    except ConnectionResetError:
        return "reset"


def until(holds: Callable[[], bool], *, every_s: float = 0.002) -> None:
    """Look again and again, for at most 20 s."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        select.select([], [], [], every_s)


def attempt(there: Place) -> str:
    """How a new connection ends; a reset may come before connect(2) has returned."""
    try:
        return ends(there.connect())
    except ConnectionResetError:
        return "reset"


def test_bytes_and_half_closes_pass(place: Any) -> None:
    def reply_at_end(connection: socket.socket) -> None:
        got = b""
        while data := connection.recv(100):
            got += data
        connection.sendall(b"got " + got)

    client = place(reply_at_end).connect()
    client.sendall(b"all of it")
    client.shutdown(socket.SHUT_WR)
    assert exactly(client, 13) == b"got all of it"
    assert ends(client) == "closed"


def test_a_service_may_speak_first_and_close_first(place: Any) -> None:
    client = place(lambda connection: connection.sendall(b"hello")).connect()
    assert exactly(client, 5) == b"hello"
    assert ends(client) == "closed"


def test_a_reset_of_the_service_is_one_for_the_caller(place: Any) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    client = place(reset).connect()
    client.sendall(b"x")
    assert ends(client) == "reset"


def test_a_reset_of_the_caller_is_one_for_the_service(place: Any) -> None:
    heard = threading.Event()

    def listen(connection: socket.socket) -> None:
        connection.sendall(b"x")
        if ends(connection) == "reset":
            heard.set()

    client = place(listen).connect()
    assert exactly(client, 1) == b"x"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert heard.wait(20)


def test_nobody_listens_behind_it(place: Any) -> None:
    there = place()
    there.service.shutdown(socket.SHUT_RDWR)
    assert attempt(there) == "reset"
    assert [each.fields["decision"] for each in there.events()] == ["unreachable"]


def test_rules_meet_old_connections_of_their_caller_alone(place: Any) -> None:
    there = place(echo, "api", "driver")
    api, driver = there.connect(0), there.connect(1)
    for each in (api, driver):
        each.sendall(b"one")
        assert exactly(each, 3) == b"one"
    there.rules(rule("response", body="no", source="api"))
    api.sendall(b"two")
    driver.sendall(b"two")
    assert exactly(api, 2) == b"no"
    assert exactly(driver, 3) == b"two"
    assert there.counts() == [1, 1, 1]
    (event,) = there.events()
    assert (event.type, event.service, event.fields["caller"]) == ("proxy", "db", "api")
    assert event.fields["decision"] == "response"


def test_both_connections_of_a_pair_are_told_of(place: Any) -> None:
    there = place()
    clients = [there.connect() for _ in range(2)]
    for each in clients:
        each.sendall(b"one")
        assert exactly(each, 3) == b"one"
    first, second = there.events("proxy_opened")
    callers = [f"127.0.0.1:{each.getsockname()[1]}" for each in clients]
    assert [each.fields["from"] for each in (first, second)] == callers
    assert [each.origin for each in (first, second)] == ["connection 1", "connection 2"]
    assert len({first.fields["to"], second.fields["to"], *callers}) == 4


def test_what_waits_goes_when_released(place: Any) -> None:
    there = place()
    there.rules(rule("delay", delay_ms=1e7))
    client = there.connect()
    client.sendall(b"one")
    until(lambda: there.counts() == [1, 1, 1])
    there.rules()
    assert there.process.release() == 1
    assert exactly(client, 3) == b"one"


def test_a_delay_ends_with_its_caller(place: Any) -> None:
    there = place()
    there.rules(rule("delay", delay_ms=1e7))
    client = there.connect()
    client.sendall(b"one")
    until(lambda: there.counts() == [1, 1, 1])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    until(lambda: not there.process.traffic()[there.edges[0]].open)


def test_refused_connections_old_and_new(place: Any) -> None:
    there = place()
    old = there.connect()
    old.sendall(b"one")
    assert exactly(old, 3) == b"one"
    there.rules(rule("drop", refuse=True))
    assert ends(old) == "reset"
    assert attempt(there) == "reset"
    there.rules()
    new = there.connect()
    new.sendall(b"two")
    assert exactly(new, 3) == b"two"


def test_a_slow_reader_is_not_read_for(place: Any) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(None)
        while sent < 1 << 28:
            sent += connection.send(b"x" * 65536)

    there = place(pour)
    client = there.connect()
    before = -1

    def settled() -> bool:
        nonlocal before
        before, now = sent, before
        return 0 < now == before

    until(settled, every_s=0.2)
    assert sent < 1 << 26
    client.close()


def test_two_thousand_connections_at_once(place: Any) -> None:
    there = place(lambda connection: connection.close())
    there.rules(rule("response", body="no"))
    clients = [there.connect() for _ in range(2000)]
    for each in clients:
        with contextlib.suppress(OSError):
            each.sendall(b"x")
    for each in clients:
        with contextlib.suppress(OSError):
            each.recv(10)
        each.close()
    until(lambda: not there.process.traffic()[there.edges[0]].open)
    assert there.process.traffic()[there.edges[0]].connections == 2000


@pytest.mark.slow
def test_a_gigabyte_goes_through_in_little_memory(place: Any) -> None:
    size, piece = 1 << 30, b"x" * (1 << 20)

    def pour(connection: socket.socket) -> None:
        connection.recv(1)
        for _ in range(size // len(piece)):
            connection.sendall(piece)

    there = place(pour)
    there.rules(rule("error", side="response", match={"data": "never"}))
    client = there.connect()
    client.sendall(b"x")
    before = resident_mb(there.process.pid)
    got = most = 0
    while got < size:
        got += len(client.recv(1 << 20)) or pytest.fail("it ended early")
        if got % (1 << 26) < 1 << 20:
            most = max(most, resident_mb(there.process.pid))
    assert there.counts()[:2] == [1, 0]
    assert most - before < 40


def resident_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10


@pytest.mark.root
def test_it_is_favoured_over_those_that_it_stands_between(place: Any) -> None:
    nice = partial(os.getpriority, os.PRIO_PROCESS)
    assert nice(place().process.pid) == nice(os.getpid()) - 3


def test_a_dead_process_is_a_lost_source_and_no_way_through(place: Any) -> None:
    there = place()
    port = there.process.listener(there.edges[0]).port
    there.process.forget_listeners()
    os.kill(there.process.pid, signal.SIGKILL)
    select.select([there.process.fileno()], [], [], 20)
    with pytest.raises(SourceLost):
        there.process.drain()
    assert pidfd.wait(there.process.pidfd, 20_000)  # it ends its link a moment before its listeners
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with pytest.raises(EOFError):
        there.rules()
