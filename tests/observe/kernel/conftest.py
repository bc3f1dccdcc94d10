"""Places to be seen by the kernel's programs: a world's cgroups, with lanes in them, and what is observed there."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultbox import observe
from faultbox.linux import cgroup
from faultbox.model.event import Event, EventsLost
from faultbox.model.flow import Flow
from faultbox.model.observation import CallTotals, Observed, Watch

SOON_S = 20.0
"""How long anything that must happen may take on a busy machine."""
_JOIN = 'echo 0 > "$0/cgroup.procs" && exec "$@"'
"""A shell that goes into a cgroup and becomes a program there."""


class Seen:
    """A world of lanes without anything else of a world."""

    def __init__(
        self, programs: observe.Programs, directory: Path, place: Path, lanes: Mapping[str, Watch], **how: Any
    ):
        self.directory = directory
        self.place = place
        for name in lanes:
            cgroup.create(directory / name)
        cgroups = {name: (directory / name, watch) for name, watch in lanes.items()}
        self.observer = observe.attach(programs, cgroups, place, **how)
        self.events: list[Event] = []
        self.lost = 0
        self._left = False

    def start(self, lane: str, *command: str, under: Sequence[str] = (), **how: Any) -> subprocess.Popen[bytes]:
        """A program of a lane, from its first instruction; `under` is one that starts it and isn't of the lane."""
        how.setdefault("stdout", subprocess.DEVNULL)
        return subprocess.Popen((*under, "/bin/sh", "-c", _JOIN, str(self.directory / lane), *command), **how)

    def run(self, lane: str, *command: str, **how: Any) -> int:
        """The exit status of a program of a lane."""
        with self.start(lane, *command, **how) as process:
            return process.wait(SOON_S)

    def look(self) -> list[Event]:
        """All events so far, those since the last look included."""
        while True:
            try:
                more = self.observer.drain()
            except EventsLost as lost:
                self.lost += 1
                more = lost.events
            self.events += more
            if not more:
                return self.events

    def of(self, kind: str, **fields: str) -> list[Event]:
        """The events of a type that have these fields."""
        return [
            event
            for event in self.look()
            if event.type == kind and all(event.fields.get(name) == value for name, value in fields.items())
        ]

    def totals(self) -> Observed:
        return self.observer.totals()

    def calls(self, lane: str) -> dict[str, CallTotals]:
        """The totals of a lane by call."""
        return {each.syscall: each for each in self.totals().calls if each.service == lane}

    def leave(self) -> None:
        """Observe it no more, though its programs run on."""
        if not self._left:
            self._left = True
            self.observer.close()

    def close(self) -> None:
        self.leave()
        cgroup.remove(self.directory)


@pytest.fixture(scope="session")
def eye() -> Iterator[observe.Programs]:
    """Loaded and attached once, as in a run."""
    loaded = observe.prepare(3)
    yield loaded
    loaded.close()


@pytest.fixture
def world_of(eye: observe.Programs, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Seen]]:
    """Make worlds by their lanes and what is watched of them."""
    top = cgroup.mountpoint()
    assert top is not None
    made: list[Seen] = []
    parent = cgroup.create(top / f"faultbox-observe-{os.getpid()}")

    def make(lanes: Mapping[str, Watch] | Sequence[str] = ("svc",), **how: Any) -> Seen:
        watched = lanes if isinstance(lanes, Mapping) else dict.fromkeys(lanes, Watch())
        place = tmp_path / f"case-{len(made)}"
        place.mkdir()
        made.append(Seen(eye, parent / f"world-{len(made)}", place, watched, **how))
        return made[-1]

    yield make
    for world in made:
        world.close()
    cgroup.remove(parent)


@pytest.fixture
def until() -> Callable[[Callable[[], Any], str], Any]:
    """Ask again and again, ever slower, until the answer is true; gives it."""

    def wait(question: Callable[[], Any], what: str) -> Any:
        deadline, pause = time.monotonic() + SOON_S, 0.001
        while not (answer := question()):
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return answer

    return wait


@pytest.fixture
def flows_of() -> Callable[[Seen], list[Flow]]:
    """All flows of a world, once it is closed."""

    def read(world: Seen) -> list[Flow]:
        world.close()
        return list(observe.flows(world.place / "flows.bin"))

    return read
