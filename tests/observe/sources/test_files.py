"""Events of files by the globs of observe.files()."""

from __future__ import annotations

import pytest

from faultbox.model.event import Event, EventsLost
from faultbox.model.observation import Watch
from faultbox.observe.sources.files import FileSource


class Kernel:
    """A source that gives what it is told."""

    name = "kernel"
    promised = 7

    def __init__(self, events: list[Event], *, lost: bool = False) -> None:
        self.events = events
        self.lost = lost
        self.asked = 0

    def fileno(self) -> int:
        return 3

    def ask(self, token: int) -> None:
        self.asked = token

    def drain(self) -> list[Event]:
        if self.lost:
            raise EventsLost(self.name, "some", self.events)
        return self.events


def opened(path: str, service: str = "db", **more: str) -> Event:
    return Event(1, "file", service, {"op": "open", "path": path, **more})


EVENTS = [
    opened("/data/wal"),
    opened("/etc/passwd"),
    opened("/tmp/x", to="/data/x"),
    opened("(unresolved)"),
    opened("/etc/passwd", service="api"),
    Event(1, "socket", "db", {"op": "accept"}),
]
MEANT = [EVENTS[0], EVENTS[2], EVENTS[4], EVENTS[5]]
WATCHED = {"db": Watch(files=True, globs=("/data/**", "*.pem")), "api": Watch(files=True)}


def test_only_files_that_a_glob_means_are_told_of() -> None:
    source = FileSource(Kernel(EVENTS), WATCHED)
    assert source.drain() == MEANT


def test_of_lost_events_too() -> None:
    with pytest.raises(EventsLost) as caught:
        FileSource(Kernel(EVENTS, lost=True), WATCHED).drain()
    assert caught.value.events == MEANT


def test_all_else_is_the_kernels() -> None:
    kernel = Kernel([])
    source = FileSource(kernel, WATCHED)
    source.ask(5)
    assert (source.name, source.fileno(), source.promised, kernel.asked) == ("kernel", 3, 7, 5)
