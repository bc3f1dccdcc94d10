"""Sources and clocks whose every move a test scripts."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faultbox.model.event import Event, SourceLost
from faultbox.trace import Log


class ScriptedSource:
    """Gives what a test puts in, and promises when the test lets it (at once by default)."""

    def __init__(self, name: str, *, prompt: bool = True) -> None:
        self.name = name
        self.prompt = prompt
        self.asked: list[int] = []
        self.promised = 0
        self._given: deque[Event | SourceLost] = deque()
        self._ended = False
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        return self._fd

    def put(self, *items: Event | SourceLost) -> None:
        self._given.extend(items)
        os.eventfd_write(self._fd, 1)

    def answer(self, token: int | None = None) -> None:
        self.promised = self.asked[-1] if token is None else token
        os.eventfd_write(self._fd, 1)

    def drain(self) -> list[Event]:
        if self._fd >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._fd)
        events = []
        while self._given:
            item = self._given.popleft()
            if isinstance(item, SourceLost):
                raise item
            events.append(item)
        if self._ended:
            self.close()
        return events

    def ask(self, token: int) -> None:
        self.asked.append(token)
        if self.prompt and not self._ended:
            self.promised = token

    def end(self) -> None:
        """Nothing more will come: the next drain is the last."""
        self._ended = True
        self.promised = 1 << 63
        os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = 1_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def source() -> Iterator[Callable[..., ScriptedSource]]:
    made: list[ScriptedSource] = []

    def make(name: str, *, prompt: bool = True) -> ScriptedSource:
        made.append(ScriptedSource(name, prompt=prompt))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def log(tmp_path: Path, clock: ManualClock) -> Iterator[Log]:
    """A log without a thread: the test's calls do its work, one after the other."""
    made = Log(tmp_path / "events.jsonl", clock=clock)
    yield made
    made.stop(timeout_s=0)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Log]:
    """A log with its thread and the real clock."""
    made = Log(tmp_path / "events.jsonl")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def happened() -> Callable[..., Event]:
    def make(time_ns: int, service: str = "db", type: str = "syscall", **fields: str) -> Event:  # noqa: A002
        return Event(time_ns, type, service, fields)

    return make


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Look again and again until something holds."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline
            os.sched_yield()

    return wait


@pytest.fixture
def read() -> Callable[[Path], list[Event]]:
    """The events of a spool."""

    def events(path: Path) -> list[Event]:
        return [Event(**{"data": {}, **json.loads(line)}) for line in path.read_text().splitlines()]

    return events
