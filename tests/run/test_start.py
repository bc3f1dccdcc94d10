"""Services start as early as their dependencies allow, and a failed start ends the wait of all."""

from __future__ import annotations

import threading

import pytest

from faultbox.model.source import Position
from faultbox.model.topology import Service
from faultbox.run.start import StartFailed, start_all

AT = Position("x.star", 1)


def service(name: str, *after: str) -> Service:
    return Service(name, "/bin/true", AT, depends_on=after)


class Stage:
    """Remembers what happened; a service in `broken` never becomes ready."""

    def __init__(self, *broken: str) -> None:
        self.did: list[str] = []
        self._broken = broken
        self._lock = threading.Lock()

    def _note(self, what: str) -> None:
        with self._lock:
            self.did.append(what)

    def launch(self, service: Service) -> None:
        self._note(f"launch {service.name}")

    def wait_ready(self, service: Service, *, given_up: threading.Event) -> None:
        if service.name in self._broken:
            raise RuntimeError(f"service {service.name!r} is not ready")
        self._note(f"ready {service.name}")


def test_in_the_order_of_dependencies() -> None:
    stage = Stage()
    start_all(stage, [service("api", "db", "cache"), service("db"), service("cache")])
    assert stage.did.index("launch api") > max(stage.did.index("ready db"), stage.did.index("ready cache"))
    assert len(stage.did) == 6


def test_independent_services_start_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=20)

    class Meets(Stage):
        def wait_ready(self, service: Service, *, given_up: threading.Event) -> None:
            meeting.wait()  # only both together get through

    start_all(Meets(), [service("a"), service("b")])


def test_the_first_failure_is_told_and_what_depends_on_it_never_starts() -> None:
    stage = Stage("db")
    with pytest.raises(StartFailed, match="service 'db' is not ready") as failure:
        start_all(stage, [service("db"), service("api", "db")])
    assert failure.value.service == "db"
    assert stage.did == ["launch db"]


def test_others_learn_that_the_start_is_given_up() -> None:
    class Waits(Stage):
        def wait_ready(self, service: Service, *, given_up: threading.Event) -> None:
            if service.name == "slow":
                assert given_up.wait(20)
                raise RuntimeError("slow never came up")
            raise RuntimeError("db is broken")

    with pytest.raises(StartFailed, match="db is broken"):
        start_all(Waits(), [service("slow"), service("db")])
