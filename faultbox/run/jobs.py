"""How many worlds may live at once: from the cores at first, then from what the processor has left."""

from __future__ import annotations

import os
import time
from pathlib import Path

INTERVAL_S = 0.1
"""How long the processor is watched before the number may change again."""
IDLE_ENOUGH = 0.35
BUSY = 0.05
CEILING_PER_CORE = 16


class Jobs:
    """The number of worlds allowed at once.

    Cases that mostly wait (a delayed call, a timeout) leave the processor idle, so more of them
    run; when it is busy the number falls back towards the cores. A number given by -j is kept.
    """

    def __init__(self, fixed: int | None = None) -> None:
        cores = os.cpu_count() or 1
        self._fixed = fixed is not None
        self._floor = cores
        self._ceiling = cores * CEILING_PER_CORE
        self.limit = fixed if fixed is not None else cores * 2
        self._looked = time.monotonic()
        self._idle, self._total = processor_ticks()

    def follow(self, running: int) -> int:
        """Look at the processor, if it is time, and answer how many worlds may live now."""
        now = time.monotonic()
        if self._fixed or now - self._looked < INTERVAL_S:
            return self.limit
        idle, total = processor_ticks()
        share = (idle - self._idle) / max(total - self._total, 1)
        self._looked, self._idle, self._total = now, idle, total
        if share > IDLE_ENOUGH and running >= self.limit:
            self.limit = min(self.limit * 3 // 2 + 1, self._ceiling)
        elif share < BUSY:
            self.limit = max(self.limit - 1, self._floor)
        return self.limit


def processor_ticks() -> tuple[int, int]:
    """(idle, all) clock ticks of all processors since boot: the first line of /proc/stat (proc(5))."""
    with Path("/proc/stat").open(encoding="ascii") as stat:
        ticks = [int(each) for each in stat.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
