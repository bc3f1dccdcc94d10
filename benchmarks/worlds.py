"""What a world costs: made, a first program in it, torn down; without steering."""

from __future__ import annotations

import os
import select
import statistics
import tempfile
import time
from pathlib import Path

from faultbox.linux import cgroup
from faultbox.world import Command, Layout, Settings, World, prepare
from faultbox.world.layout import rmtree


def measure(count: int = 20) -> dict[str, float]:
    """Medians in ms of `open`, `launch`, `close` and `open+close`. Enters namespaces: call it in a forked process."""
    base = Path(tempfile.mkdtemp(prefix="faultbox-bench-", dir="/var/tmp"))
    top = cgroup.writable_parent()
    parent = top / f"faultbox-bench-{os.getpid()}" if top else None
    layout = Layout(base / "run", base / "layers")
    layout.run_dir.mkdir()
    prepare(layout.layers_dir)
    rounds = [_round(Settings(f"w{number}", layout, parent, services=("api",))) for number in range(count)]
    if parent is not None:
        cgroup.remove(parent)
    rmtree(base)
    opened, launched, closed = (statistics.median(each) * 1000 for each in zip(*rounds, strict=True))
    both = statistics.median(each[0] + each[2] for each in rounds) * 1000
    return {"open": opened, "launch": launched, "close": closed, "open+close": both}


def _round(settings: Settings) -> tuple[float, float, float]:
    """Seconds to open, to launch (until the program is being executed) and to close."""
    began = time.perf_counter()
    world = World.open(settings)
    opened = time.perf_counter()
    process = world.launch(Command("api", ("/bin/true",)))
    launched = time.perf_counter()
    select.select([world.notices], [], [])
    os.close(process.stdout)
    os.close(process.stderr)
    ended = time.perf_counter()
    world.close()
    return opened - began, launched - opened, time.perf_counter() - ended
