"""Ends of services, in whatever order they are heard of."""

from __future__ import annotations

from typing import Any

import pytest

from faultbox.model.host import ExitStatus
from faultbox.run.exits import Exits
from faultbox.world.world import Exit, Process


class Notices:
    """What a world's init has told so far."""

    lost = False

    def __init__(self) -> None:
        self.ends: list[Exit] = []

    def drain(self) -> list[Exit]:
        ends, self.ends = self.ends, []
        return ends


class World:
    """A world in which some services live."""

    def __init__(self, *living: str) -> None:
        self.notices = Notices()
        self.living = set(living)

    def alive(self, service: str) -> bool:
        return service in self.living


GONE = 1 << 23
"""A pid that no process has: above pid_max's limit (proc(5))."""


@pytest.mark.parametrize("early", [True, False])
def test_an_end_counts_whether_it_is_told_before_or_after_the_start(early: bool) -> None:
    world: Any = World()
    told: list[str] = []
    exits = Exits(world, told.append)
    end, process = Exit("db", GONE, ExitStatus(3, None)), Process("db", GONE, -1, -1, -1)
    exits.ask(1)
    if not early:
        exits.started(process)
        assert exits.drain() == []
        assert exits.promised == 0
    world.notices.ends.append(end)
    (event,) = exits.drain()
    if early:
        exits.started(process)
        assert exits.drain() == []
    assert (event.type, event.service, event.fields["code"]) == ("service_exited", "db", "3")
    assert exits.ended == {"db": ExitStatus(3, None)}
    assert (exits.promised, told) == (1, ["db"])


def test_a_daemon_ends_with_the_last_of_its_processes() -> None:
    world: Any = World("db")
    told: list[str] = []
    exits = Exits(world, told.append)
    exits.started(Process("db", GONE, -1, -1, -1))
    worker = Exit("", 0, ExitStatus(None, 11))
    for end, living, wanted in (
        (Exit("db", GONE, ExitStatus(0, None)), {"db"}, ["service_detached"]),
        (worker, {"db"}, []),
        (worker, set(), ["service_exited"]),
        (worker, set(), []),
    ):
        world.notices.ends.append(end)
        world.living = living
        assert [event.type for event in exits.drain()] == wanted
    assert exits.ended == {"db": ExitStatus(None, 11)}
    assert told == ["db"]
