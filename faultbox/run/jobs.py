"""How many worlds may live at once: from the cores at first, then from what the processor has left."""

from __future__ import annotations

import os
import time
from pathlib import Path

INTERVAL_S = 0.1
"""How long the processor is watched before the number may change again."""
IDLE_ENOUGH = 0.35
BUSY = 0.05
UNPRESSED = 0.1
"""Where tasks of the run waited for a processor less than this share of the time, others may keep it busy."""
CEILING_PER_CORE = 16


class Jobs:
    """The number of worlds allowed at once.

    Cases that mostly wait (a delayed call, a timeout) leave the processor idle, so more of them
    run; when it is busy the number falls back towards the cores. Other programs may keep the
    processor busy: they count only as far as they make tasks of the run's cgroup `group` wait for
    it. A number given by -j is kept.
    """

    def __init__(self, fixed: int | None = None, group: Path | None = None) -> None:
        cores = os.cpu_count() or 1
        self._floor = cores
        self._ceiling = cores * CEILING_PER_CORE
        self.limit = cores * 2
        self.fix(fixed)
        self._looked = time.monotonic()
        self._idle, self._total = processor_ticks()
        self._group = group
        self._pressed_us = pressed_us(group)

    def fix(self, number: int | None) -> None:
        """Keep to a number from now on; None follows the processor again."""
        self._fixed = number is not None
        if number is not None:
            self.limit = number

    def follow(self, running: int) -> int:
        """Look at the processor, if it is time, and answer how many worlds may live now."""
        now = time.monotonic()
        if self._fixed or now - self._looked < INTERVAL_S:
            return self.limit
        idle, total = processor_ticks()
        share = (idle - self._idle) / max(total - self._total, 1)
        unpressed = self._unpressed(now - self._looked)
        self._looked, self._idle, self._total = now, idle, total
        if share > IDLE_ENOUGH or unpressed:
            if running >= self.limit:
                self.limit = min(self.limit * 2, self._ceiling)
        elif share < BUSY:
            self.limit = max(self.limit - 1, self._floor)
        return self.limit

    def _unpressed(self, seconds: float) -> bool:
        before, self._pressed_us = self._pressed_us, pressed_us(self._group)
        if before is None or self._pressed_us is None:
            return False
        return self._pressed_us - before < UNPRESSED * seconds * 1e6


def pressed_us(group: Path | None) -> int | None:
    """Microseconds in which some task of a cgroup waited for a processor (PSI, psi.rst).

    None where that isn't known: no cgroup, or a kernel without PSI.
    """
    if group is None:
        return None
    try:
        some = (group / "cpu.pressure").read_text(encoding="ascii").splitlines()[0]
    except OSError:  # ENOENT without CONFIG_PSI, EOPNOTSUPP with psi=0
        return None
    return int(some.rpartition("total=")[2])


def processor_ticks() -> tuple[int, int]:
    """(idle, all) clock ticks of all processors since boot: the first line of /proc/stat (proc(5))."""
    with Path("/proc/stat").open(encoding="ascii") as stat:
        ticks = [int(each) for each in stat.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
