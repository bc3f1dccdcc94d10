from __future__ import annotations

import os
import select
import time

from faultbox.syscalls.holds import Holds


def test_calls_come_due_in_order_of_time() -> None:
    holds = Holds()
    try:
        now = time.monotonic_ns()
        for name, delay in ((b"late", 10**12), (b"second", 2_000_000), (b"first", 1_000_000), (b"also", 2_000_000)):
            holds.add(now + delay, 3, name, 0)
        found: list[bytes] = []
        while len(found) < 3:
            assert select.select([holds], [], [], 10)[0]
            found += [held.identity for held in holds.due()]
        assert found == [b"first", b"second", b"also"]
        assert time.monotonic_ns() >= now + 2_000_000
        assert not select.select([holds], [], [], 0)[0]
        assert [held.identity for held in holds.all()] == [b"late"]
        assert list(holds.all()) == []
    finally:
        os.close(holds.fileno())


def test_a_listener_that_is_gone_takes_its_calls_along() -> None:
    holds = Holds()
    try:
        holds.add(time.monotonic_ns(), 3, b"gone", 0)
        holds.add(time.monotonic_ns(), 4, b"here", 5)
        holds.forget(3)
        assert select.select([holds], [], [], 10)[0]
        assert [(held.identity, held.errno) for held in holds.due()] == [(b"here", 5)]
    finally:
        os.close(holds.fileno())
