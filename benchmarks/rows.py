"""The benchmarks: each gives its figures."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.edges import edges
from benchmarks.figures import Figure, median
from benchmarks.recording import recording
from benchmarks.tool import Bench
from benchmarks.tracing import tracing
from benchmarks.tui import tui
from faultbox import world
from faultbox.linux import cgroup

ROUNDS = 5


def syscalls(bench: Bench) -> Iterator[Figure]:
    """A system call in a world: met by a rule that lets it go, and missed by the filter."""
    strace = ["-f", "-qqq", "-o", "/dev/null", "-e", "trace=getppid", "-e", "inject=getppid:error=EIO:when=65535"]
    rounds = [_ns_by_case(bench) for _ in range(ROUNDS)]
    bare = median(float(bench.timed([bench.loop, "2000000"])[1]) for _ in range(ROUNDS))
    injected = median(float(bench.timed(["strace", *strace, bench.loop, "20000"])[1]) for _ in range(ROUNDS))
    notified, missed, unfiltered = (
        median(each[name] for each in rounds) for name in ("test_notified", "test_filter_miss", "test_no_filter")
    )
    yield Figure("notified and allowed system call", notified / 1e3, "us", injected / 1e3, "strace inject", 8.0, 1 / 8)
    yield Figure("the same beside no filter", notified / 1e3, "us", bare / 1e3, "no filter")
    yield Figure("system call not in the filter", missed, "ns", unfiltered, "no filter", ratio_limit=1.1)


def _ns_by_case(bench: Bench) -> dict[str, float]:
    cases = bench.faultbox("loop.star", "-j", "1")["cases"]
    return {case["id"]: float(case["prints"][0].rpartition(" ")[2]) for case in cases}


def worlds(bench: Bench) -> Iterator[Figure]:
    """A world opened and closed again, by the world's own door."""
    ours = median(_in_child(partial(_open_and_close, bench.directory / f"world-{n}")) for n in range(4 * ROUNDS))
    beside = [shutil.which("unshare") or "unshare", "-mnipuf", "--mount-proc", "true"]
    theirs = median(bench.timed(beside)[0] for _ in range(4 * ROUNDS))
    yield Figure("world made and torn down", ours * 1e3, "ms", theirs * 1e3, "unshare -mnipuf --mount-proc true", 30.0)


def _open_and_close(directory: Path) -> float:
    top = cgroup.writable_parent()
    parent = cgroup.create(top / f"faultbox-bench-{os.getpid()}") if top else None
    layout = world.Layout(directory / "run", directory / "layers")
    layout.run_dir.mkdir(parents=True)
    world.prepare(layout.layers_dir)
    try:
        begin = time.perf_counter()
        world.World.open(world.Settings("w", layout, parent)).close()
        return time.perf_counter() - begin
    finally:
        if parent is not None:
            cgroup.remove(parent)


def _in_child(body: Callable[[], float]) -> float:
    """What `body` gives in a forked process: a world changes the process that opens it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, struct.pack("d", body()))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as end:
        data = end.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the measuring process has died")
    return float(struct.unpack("d", data)[0])


def startup(bench: Bench) -> Iterator[Figure]:
    """The whole command: one service, one scenario. The service itself is ready within a millisecond."""
    ours = median(bench.faultbox("one.star")["wall_s"] for _ in range(ROUNDS))
    theirs = median(bench.timed([sys.executable, "-c", "pass"])[0] for _ in range(ROUNDS))
    yield Figure("faultbox test: one service, one scenario", ours * 1e3, "ms", theirs * 1e3, "python -c pass", 300.0)


def waiting(bench: Bench) -> Iterator[Figure]:
    """24 cells that mostly wait, at once and one after the other."""
    ours = bench.faultbox("waiting.star")["wall_s"]
    serial = bench.faultbox("waiting.star", "-j", "1")["wall_s"]
    yield Figure("24-cell matrix whose cells mostly wait", ours, "s", serial, "-j 1", ratio_limit=1 / 6)


ALL = {each.__name__: each for each in (syscalls, tracing, worlds, startup, waiting, edges, recording, tui)}
