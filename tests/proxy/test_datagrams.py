"""Datagrams through the edge process."""

from __future__ import annotations

import mmap
import os
import re
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from faultbox import proxy
from faultbox.linux import sockets
from faultbox.model.message import Edge, MessageRule, MessageRuleSet
from faultbox.proxy.playbook import a_rule

rule = partial(a_rule, protocol="udp")


class Place:
    """A service that answers every datagram in upper case, and an edge before it."""

    def __init__(self) -> None:
        self.service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.service.bind(("127.0.0.1", 0))
        self.edge = Edge("api", "db", "main", "udp", self.service.getsockname()[1])
        self.page = mmap.mmap(-1, 4096)
        self.process = proxy.serve([self.edge], seed=1, counters=self.page)
        self.heard: list[bytes] = []
        self.callers: list[socket.socket] = []
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()

    def caller(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(20)
        made.connect(("127.0.0.1", self.process.listener(self.edge).port))
        self.callers.append(made)
        return made

    def rules(self, *rules: MessageRule) -> None:
        self.process.swap(MessageRuleSet(rules, 1))

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", self.service.getsockname())
        self.thread.join(20)
        self.process.close()
        for each in (self.service, *self.callers):
            each.close()

    def _answer(self) -> None:
        while True:
            data, address = self.service.recvfrom(65536)
            if data == b"end":
                return
            self.heard.append(data)
            self.service.sendto(data.upper(), address)


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def test_every_caller_gets_its_own_answers(place: Place) -> None:
    callers = [place.caller() for _ in range(3)]
    for number, each in enumerate(callers):
        each.send(b"from %d" % number)
    assert [each.recv(100) for each in callers] == [b"FROM 0", b"FROM 1", b"FROM 2"]
    assert place.process.traffic()[place.edge].connections == 3


def test_large_and_empty_datagrams_pass_whole(place: Place) -> None:
    caller = place.caller()
    for data in (b"x" * 60_000, b""):
        caller.send(data)
        assert caller.recv(65536) == data.upper()


@pytest.mark.parametrize(
    ("action", "arguments", "heard", "answers"),
    [
        ("drop", {}, [b"last"], [b"LAST"]),
        ("response", {"body": "no"}, [b"last"], [b"no", b"LAST"]),
        ("duplicate", {}, [b"met", b"met", b"last"], [b"MET", b"MET", b"LAST"]),
        ("truncate", {"after_bytes": 2}, [b"me", b"last"], [b"ME", b"LAST"]),
        ("delay", {"delay_ms": 30}, [b"last", b"met"], [b"LAST", b"MET"]),
    ],
)
def test_what_a_rule_does(
    place: Place, action: str, arguments: dict[str, Any], heard: list[bytes], answers: list[bytes]
) -> None:
    place.rules(rule(action, match={"data": "met*"}, **arguments))
    caller = place.caller()
    caller.send(b"met")
    caller.send(b"last")
    assert [caller.recv(100) for _ in answers] == answers
    assert place.heard == heard
    with memoryview(place.page) as view, view.cast("Q") as numbers:
        assert numbers[:3].tolist() == [2, 1, 1]


def test_answers_meet_rules_of_their_side(place: Place) -> None:
    place.rules(rule("corrupt", side="response", offset=0))
    caller = place.caller()
    caller.send(b"abc")
    got = caller.recv(100)
    assert got[1:] == b"BC"
    assert got[:1] != b"A"


@pytest.mark.parametrize(
    ("data", "action", "arguments"),
    [(b"", "corrupt", {}), (b"abc", "truncate", {"after_bytes": 3}), (b"", "truncate", {})],
)
def test_what_changes_nothing_has_not_fired(place: Place, data: bytes, action: str, arguments: dict[str, Any]) -> None:
    place.rules(rule(action, **arguments))
    caller = place.caller()
    caller.send(data)
    assert caller.recv(100) == data.upper()
    with memoryview(place.page) as view, view.cast("Q") as numbers:
        assert numbers[:4].tolist() == [1, 1, 0, 1]


def burst(place: Place, count: int) -> socket.socket:
    """That many datagrams while the proxy has no time for them, and then their end."""
    caller = place.caller()
    sockets.make_room(caller, 1 << 26)
    caller.send(b"first")
    assert caller.recv(100) == b"FIRST"
    os.kill(place.process.pid, signal.SIGSTOP)
    try:
        for _ in range(count):
            caller.send(b"x" * 100)
    finally:
        os.kill(place.process.pid, signal.SIGCONT)
    return caller


def test_a_burst_is_not_lost_while_the_proxy_is_busy(place: Place) -> None:
    sockets.make_room(place.service, 1 << 26)
    caller = burst(place, 3000)
    assert [len(caller.recv(200)) for _ in range(3000)] == [100] * 3000
    assert place.process.report().distortions == ()


def test_what_is_lost_in_the_proxy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.proxy.datagrams._ROOM", 4096)
    place = Place()
    try:
        caller = burst(place, 100)
        caller.send(b"last")
        (told,) = place.process.report().distortions
        found = re.fullmatch(r"api -> db.main: (\d+) datagrams were lost, because .*", told)
        assert found is not None
        assert 0 < int(found[1]) <= 101
    finally:
        place.close()


def test_what_waits_goes_when_released(place: Place) -> None:
    place.rules(rule("delay", delay_ms=1e7))
    caller = place.caller()
    caller.send(b"one")
    deadline = time.monotonic() + 20
    while not place.process.release() and time.monotonic() < deadline:
        select.select([], [], [], 0.001)
    assert caller.recv(100) == b"ONE"
