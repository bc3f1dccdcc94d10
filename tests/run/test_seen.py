"""What the kernel saw belongs to the result: crashes inside a service, and totals of services only."""

from __future__ import annotations

import pytest

from faultbox.model.event import Event
from faultbox.model.observation import CallTotals, ConnectionTotals, FileTotals, Observed
from faultbox.run.seen import crashes, of_services


def process(pid: int, op: str, **fields: str) -> Event:
    return Event(1, "process", "db", {"op": op, "pid": str(pid), **fields})


STARTED = Event(1, "service_started", "db", {"pid": "10", "binary": "/bin/db"})


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([process(11, "exit", signal="11")], ["a process of db crashed: SIGSEGV"]),
        (
            [process(11, "exec", path="/bin/worker"), process(11, "exit", signal="6")],
            ["a process of db (/bin/worker) crashed: SIGABRT"],
        ),
        (
            [process(each, "exit", signal="11") for each in (11, 12, 13)],
            ["a process of db crashed: SIGSEGV, 3 times"],
        ),
        (
            [process(11, "exit", signal="9", oom="true")],
            ["a process of db was killed because there was no memory left"],
        ),
        ([process(11, "exit", signal="9"), process(12, "exit", signal="15"), process(13, "exit", code="1")], []),
        ([process(10, "exit", signal="11")], []),
    ],
)
def test_crashes_that_a_service_survives_are_remarked(events: list[Event], said: list[str]) -> None:
    assert list(crashes([STARTED, *events])) == said


def test_totals_are_those_of_services() -> None:
    ours, theirs = CallTotals("driver", "read", 3), CallTotals("db", "read", 4)
    connection = ConnectionTotals("driver", "db", 5432, opened=1)
    written = FileTotals("db", "/y", writes=1)
    files = (FileTotals("edge", "/x", writes=1), FileTotals("db", "/etc/hosts", opens=1, reads=2), written)
    seen = Observed((ours, theirs), files, (connection,))
    assert of_services(seen, ["db"]) == Observed((theirs,), (written,), (connection,))
