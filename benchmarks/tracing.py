"""What it costs to be seen by the kernel's programs, beside other tracers, and what gets lost in a flood."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure, median
from benchmarks.tool import Bench
from faultbox import observe
from faultbox.linux import cgroup
from faultbox.model.event import EventsLost
from faultbox.model.observation import Watch

ROUNDS = 5
FAST, SLOW = 1_000_000, 20_000
"""Calls in a measurement of what takes less than a microsecond more, and of what takes tens."""
WORLDS, FLOOD = 4, 1_000_000
"""Worlds at once, and events in each."""
LIMIT_US = 0.4
_JOIN = 'echo 0 > "$0/cgroup.procs" && exec "$@"'
_TOLD = Watch(calls=frozenset(("getppid",)))
_TRACERS: Mapping[str, Sequence[str]] = {
    "strace -f -c": ("strace", "-f", "-qqq", "-c", "-o", "/dev/null"),
    "strace --seccomp-bpf, another call": (
        "strace",
        "-f",
        "-qqq",
        "--seccomp-bpf",
        "-e",
        "trace=mkdir",
        "-o",
        "/dev/null",
    ),
    "perf trace -s": ("perf", "trace", "-s", "-o", "/dev/null"),
}


def tracing(bench: Bench) -> Iterator[Figure]:
    """A call of a service that is counted, one that is told, and one of somebody else, over one that nobody sees."""
    rounds = [_round(bench) for _ in range(ROUNDS)]

    def added(what: str, over: str = "nobody looks") -> float:
        return median(each[what] - each[over] for each in rounds) / 1e3

    beside = {
        name: median(_beside(bench, command)) / 1e3 for name, command in _TRACERS.items() if _runs(bench, command)
    }
    counted = added("counted")
    yield Figure("added to a service's call: counted", counted, "us", limit=LIMIT_US)
    for name, theirs in beside.items():
        yield Figure("  the same", counted, "us", theirs, name)
    yield Figure("added to a service's write to a file", added("a write, counted", "a write, nobody looks"), "us")
    yield Figure("added to a service's call: told as an event", added("told"), "us")
    yield Figure("added to a call of anybody else", added("of others"), "us")
    yield from _flood(bench)


def _round(bench: Bench) -> dict[str, float]:
    """Nanoseconds of a call, by who looks."""
    file = str(bench.directory / "file")
    took = {"nobody looks": _ns(bench, ()), "a write, nobody looks": _ns(bench, (), file)}
    with _world(bench, {"svc": Watch(), "told": _TOLD}) as (group, observer):
        took["of others"] = _ns(bench, ())
        took["counted"] = _ns(bench, _inside(group / "svc"))
        took["a write, counted"] = _ns(bench, _inside(group / "svc"), file)
        with _draining(observer):
            took["told"] = _ns(bench, _inside(group / "told"))
    return took


def _inside(group: Path) -> tuple[str, ...]:
    return ("sh", "-c", _JOIN, str(group))


def _ns(bench: Bench, under: Sequence[str], *file: str, count: int = FAST) -> float:
    return float(bench.timed([*under, str(bench.loop), str(count), *file])[1].splitlines()[-1])


def _beside(bench: Bench, command: Sequence[str]) -> Iterator[float]:
    for _ in range(ROUNDS):
        yield _ns(bench, command, count=SLOW) - _ns(bench, (), count=FAST)


def _runs(bench: Bench, command: Sequence[str]) -> bool:
    """Whether a tracer is here and can trace here."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], cwd=bench.directory, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _world(bench: Bench, lanes: Mapping[str, Watch]) -> Iterator[tuple[Path, observe.Observer]]:
    """The cgroups of a world that is observed."""
    with _programs() as (programs, top), _observed(bench, programs, top / "world", lanes) as observer:
        yield top / "world", observer


@contextlib.contextmanager
def _programs() -> Iterator[tuple[observe.Programs, Path]]:
    parent, mount = cgroup.writable_parent(), cgroup.mountpoint()
    if parent is None or mount is None:
        raise RuntimeError("services are observed by their cgroups, and this user may make none: run as root")
    top = cgroup.create(parent / f"faultbox-bench-{os.getpid()}")
    programs = observe.prepare(len(top.relative_to(mount).parts) + 2)
    try:
        yield programs, top
    finally:
        programs.close()
        cgroup.remove(top)


@contextlib.contextmanager
def _observed(
    bench: Bench, programs: observe.Programs, group: Path, lanes: Mapping[str, Watch]
) -> Iterator[observe.Observer]:
    place = bench.directory / group.name
    place.mkdir(exist_ok=True)
    cgroups = {name: (cgroup.create(group / name), watch) for name, watch in lanes.items()}
    observer = observe.attach(programs, cgroups, place)
    try:
        yield observer
    finally:
        observer.close()


@contextlib.contextmanager
def _draining(observer: observe.Observer) -> Iterator[list[int]]:
    """Do what a world's log does with a source; gives how many events there were, once done."""
    done, counted = threading.Event(), [0]

    def drain() -> None:
        while not done.wait(0.002):
            counted[0] += _drained(observer)
        while more := _drained(observer):
            counted[0] += more

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield counted
    finally:
        done.set()
        thread.join()


def _drained(observer: observe.Observer) -> int:
    try:
        return len(observer.drain())
    except EventsLost as lost:
        return len(lost.events)


def _flood(bench: Bench) -> Iterator[Figure]:
    """Every call of four services as an event, as fast as they make them, drained by one thread a world."""
    with _programs() as (programs, top), contextlib.ExitStack() as worlds:
        names = [f"flood-{n}" for n in range(WORLDS)]
        observers = [worlds.enter_context(_observed(bench, programs, top / each, {"svc": _TOLD})) for each in names]
        begin = time.perf_counter()
        with contextlib.ExitStack() as drains:
            counts = [drains.enter_context(_draining(each)) for each in observers]
            commands = [[*_inside(top / each / "svc"), str(bench.loop), str(FLOOD)] for each in names]
            for process in [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in commands]:
                process.wait()
        took = time.perf_counter() - begin
        made = sum(each.calls for one in observers for each in one.totals().calls if each.syscall == "getppid")
        lost = sum(one.totals().lost.get("syscall", 0) for one in observers)
    told = sum(count[0] for count in counts)
    yield Figure(
        f"events of {WORLDS} worlds in a flood", made / took / 1e3, "k/s", told / took / 1e3, "told to the log"
    )
    yield Figure("  neither told nor counted as lost", float(max(0, made - told - lost)), "events", limit=0)
