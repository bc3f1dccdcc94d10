from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.trace import Log
from faultbox.trace.spool import Spool


def test_what_is_written_is_read_back(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "events.jsonl"
    events = [
        Event(5, "stdout", "db", {"raw": "caf\u00e9 \udcff \n\x00"}, {"data": {"n": 1.5, "list": [1, None]}}, 1),
        Event(6, "exit", "db", {}, {}, 2),
    ]
    spool = Spool(path, lambda: 0)
    for event in events:
        spool.write(event)
    spool.close()
    assert read(path) == events
    assert spool.lost is None


@pytest.mark.parametrize(("elapsed", "written"), [(49_999_999, 0), (50_000_000, 1)])
def test_an_event_waits_at_most_50_ms_for_the_disk(tmp_path: Path, elapsed: int, written: int, read: Any) -> None:
    now = 0
    spool = Spool(tmp_path / "events.jsonl", lambda: now)
    spool.write(Event(1, "x", "db", seq=1))
    assert spool.due_ns == 50_000_000
    now = elapsed
    spool.flush_if_due()
    assert len(read(tmp_path / "events.jsonl")) == written
    spool.close()


def test_what_was_synced_survives_a_kill(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "events.jsonl"
    reached, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        log = Log(path)
        log.start()
        for number in range(1000):
            log.append("x", "driver", {"name": str(number)})
        log.sync()
        os.write(told, b"!")
        signal.pause()
    os.close(told)
    assert os.read(reached, 1) == b"!"
    os.close(reached)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert [event.fields["name"] for event in read(path)] == [str(number) for number in range(1000)]


def test_a_quiet_log_is_on_disk_without_being_asked(live: Log, tmp_path: Path, until: Any, read: Any) -> None:
    live.append("x", "driver")
    until(lambda: read(tmp_path / "events.jsonl"))
