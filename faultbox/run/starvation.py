"""Whether the host starved a world of processor time, so that a failure on time proves nothing.

The kernel keeps for every task how long it was ready to run and had to wait: the second number
of /proc/PID/task/TID/schedstat, in ns (Documentation/scheduler/sched-stats.rst).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

LIMIT = 0.05
"""The share of a case's length that its tasks may have waited for a processor."""
STARVED = "the host was starved of processor time while this case ran"


def run_delay_ns(pids: Iterable[int]) -> int:
    """How long the living tasks of these processes have waited for a processor, summed."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            with contextlib.suppress(OSError, IndexError, ValueError):
                total += int((task / "schedstat").read_text(encoding="ascii").split()[1])
    return total


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
