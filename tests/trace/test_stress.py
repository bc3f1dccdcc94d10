"""A log beside producers in other processes: what supervisors will be."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultbox.link import Link
from faultbox.model.event import Event, SourceLost
from faultbox.trace import Log


class LinkSource:
    """Events of another process that answers "sync" frames."""

    def __init__(self, name: str, link: Link) -> None:
        self.name = name
        self.promised = 0
        self._link = link

    def fileno(self) -> int:
        return self._link.fileno()

    def drain(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._link.pending():
            if frame is None:
                raise SourceLost(self.name, "its process is gone")
            if frame.kind == "events":
                events += frame.body
            else:
                self.promised = frame.body
        return events

    def ask(self, token: int) -> None:
        self._link.send("sync", token)


def produce(name: str, link: Link, count: int) -> None:
    """Give `count` events, then only answer, until the other end goes."""
    poll = select.poll()
    poll.register(link.fileno(), select.POLLIN)
    given = 0
    while True:
        for _ in range(7):
            if given < count:
                link.send("events", [Event(time.monotonic_ns(), "syscall", name, {"n": str(given)})])
                given += 1
        if poll.poll(0 if given < count else None):
            frame = link.receive()
            if frame is None:
                os._exit(0)
            link.send("promise", frame.body)


@pytest.fixture
def producers() -> Iterator[list[tuple[int, LinkSource, Link]]]:
    made = []
    for name in ("a", "b"):
        near, far = Link.pair()
        pid = os.fork()
        if pid == 0:
            near.close()
            for _, _, earlier in made:
                earlier.close()
            try:
                produce(name, far, 3000)
            finally:
                os._exit(1)
        far.close()
        made.append((pid, LinkSource(name, near), near))
    yield made
    for pid, _, link in made:
        link.close()
        os.waitpid(pid, 0)


def test_complete_and_ordered_beside_busy_producers(
    tmp_path: Path, producers: list[tuple[int, LinkSource, Link]]
) -> None:
    log = Log(tmp_path / "events.jsonl")
    for _, source, _ in producers:
        log.add(source)
    watched: list[Event] = []
    log.watch(watched.append)
    log.start()
    for number in range(300):
        log.append("step_send", "driver", {"n": str(number)})
        log.sync()
        assert log.query(lambda event: event.service == "driver")[-1].fields["n"] == str(number)
    deadline = time.monotonic_ns() + 60_000_000_000
    for name in ("a", "b"):
        assert log.await_event(lambda e, name=name: e.service == name and e.fields["n"] == "2999", deadline)
    log.stop()
    assert log.lost == ()
    events = log.query()
    assert [event.seq for event in events] == list(range(1, 6301))
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)
    for lane, count in (("a", 3000), ("b", 3000), ("driver", 300)):
        assert [event.fields["n"] for event in events if event.service == lane] == [str(n) for n in range(count)]
    assert watched == events
