"""A service that keeps ending is brought up ever more slowly; one that can't be is never passed over."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from faultbox import world as worlds
from faultbox.model.source import Position
from faultbox.model.topology import Service
from faultbox.run.restarts import Restarts

DB = Service("db", "/bin/db", Position("x.star", 1))
DEADLINE_S = 10


class Launches:
    """Where restarts come to: `errors` are raised in turn, then launches succeed."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.events: list[tuple[str, str, dict[str, str]]] = []
        self.told = threading.Semaphore(0)
        self.restarts = Restarts(self.launch, self.tell)

    def launch(self, service: Service) -> None:
        if self.errors:
            error = self.errors.pop(0)
            self.told.release()
            raise error

    def tell(self, kind: str, service: str, fields: dict[str, str]) -> None:
        self.events.append((kind, service, fields))
        self.told.release()

    def wait(self) -> None:
        assert self.told.acquire(timeout=DEADLINE_S)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited, without waiting; the clock stands still."""
    waited: list[float] = []
    monkeypatch.setattr("faultbox.run.restarts.time.monotonic", lambda: 100.0)
    monkeypatch.setattr(threading.Event, "wait", _recorded(threading.Event.wait, waited))
    return waited


def _recorded(
    wait: Callable[[threading.Event, float | None], bool], waited: list[float]
) -> Callable[[threading.Event, float | None], bool]:
    def instead(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread().name == "restart-db":
            waited.append(timeout or 0.0)
            return event.is_set()
        return wait(event, timeout)

    return instead


def test_pauses_grow_to_a_limit(pauses: list[float]) -> None:
    launches = Launches()
    for _ in range(8):
        launches.restarts.ended(DB)
        launches.wait()
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert launches.events == [("service_restarted", "db", {})] * 8


def test_what_can_not_be_launched_is_told_and_kept() -> None:
    launches = Launches(worlds.WorldError("no such program"))
    launches.restarts.ended(DB)
    launches.wait()
    launches.wait()
    assert launches.events == [("service_restart_failed", "db", {"reason": "no such program"})]
    assert launches.restarts.failed == {"db": "no such program"}


def test_a_launch_that_meets_the_end_of_the_world_is_no_failure() -> None:
    launches = Launches(EOFError("init is gone"))
    launches.restarts.ended(DB)
    launches.wait()
    assert (launches.events, launches.restarts.failed) == ([], {})


def test_nothing_is_started_after_the_end() -> None:
    launches = Launches()
    launches.restarts.end()
    launches.restarts.ended(DB)
    assert [each.name for each in threading.enumerate() if each.name == "restart-db"] == []
