"""Connections in a world: whose edge has no rule, whose edge has rules that don't match, and through toxiproxy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import toxiproxy
from benchmarks.figures import Figure, median
from benchmarks.loads import TOGETHER, Load
from benchmarks.sites import DIRECT, NO_EDGE, NO_RULES, PARTITION, PORTS, RULES, TOXIPROXY, Ground, Site, Way
from benchmarks.tool import Bench
from faultbox import network, world
from faultbox.linux import cgroup

_ROUNDS = 3
_NO_RULE = 1.02
_SHOWN = (
    (NO_EDGE, "edge without a rule", _NO_RULE),
    (PARTITION, "a partition on another edge", None),
    (NO_RULES, "steered, no rule stands", None),
    (RULES, "steered, rules that don't match", None),
)

Loads = Mapping[Way, Load]
"""The medians of a protocol."""


def edges(bench: Bench) -> Iterator[Figure]:
    """Redis and HTTP, direct and by all that may stand between. Rounds take every way in turn."""
    ways, missing = [DIRECT, NO_EDGE, PARTITION, NO_RULES, RULES], ""
    try:
        program = toxiproxy.server()
    except toxiproxy.NoToxiproxy as error:
        program, missing = None, str(error)
    else:
        ways.append(TOXIPROXY)
    with _sites(bench.directory, program) as sites:
        for protocol in PORTS:
            yield from _figures(protocol, _measured(sites, ways, protocol), missing)


@contextlib.contextmanager
def _sites(directory: Path, program: Path | None) -> Iterator[Mapping[str, Site]]:
    """The worlds, one for each site that a way names."""
    top = cgroup.writable_parent()
    if top is None:
        raise RuntimeError("edges need cgroups, and this user may make none: run as root")
    group = cgroup.create(top / f"faultbox-bench-edges-{os.getpid()}")
    world.prepare(directory / "layers")
    with contextlib.ExitStack() as stack:
        stack.callback(cgroup.remove, group)
        ground = Ground(directory, group, network.prepare(), program)
        sites: dict[str, Site] = {}
        for way in (DIRECT, *(way for way, *_ in _SHOWN)):
            if way.site not in sites:
                sites[way.site] = Site(way.site, ground)
                stack.callback(sites[way.site].close)  # the last is closed first: it holds copies of the others' links
        yield sites


def _measured(sites: Mapping[str, Site], ways: list[Way], protocol: str) -> Loads:
    rounds: dict[Way, list[Load]] = {way: [] for way in ways}
    for number in range(_ROUNDS):
        turn = number % len(ways)
        for way in ways[turn:] + ways[:turn]:
            rounds[way].append(sites[way.site].load(way.standing, protocol))
    return {way: _median(met) for way, met in rounds.items()}


def _median(met: list[Load]) -> Load:
    return Load(*(median(each) for each in zip(*((load.p50, load.p99, load.per_second) for load in met), strict=True)))


def _figures(protocol: str, loads: Loads, missing: str) -> Iterator[Figure]:
    direct = loads[DIRECT]
    for way, what, limit in _SHOWN:
        name, ours = f"{protocol}: {what}", loads[way]
        yield Figure(f"{name}, p50", ours.p50, "us", direct.p50, "direct", ratio_limit=limit)
        yield Figure(f"{name}, p99", ours.p99, "us", direct.p99, "direct")
        floor = 1 / limit if limit else None
        yield _throughput(name, ours, direct, "direct", floor)
    yield from _beside_toxiproxy(f"{protocol}: rules that don't match", loads[RULES], loads.get(TOXIPROXY), missing)


def _beside_toxiproxy(name: str, ours: Load, theirs: Load | None, missing: str) -> Iterator[Figure]:
    """Whole latencies: who adds less to the same direct one has the smaller."""
    if theirs is None:
        yield Figure(f"{name}, p50", ours.p50, "us", beside=missing)
        yield Figure(f"{name}, p99", ours.p99, "us", beside=missing)
        yield _throughput(name, ours, None, missing, None)
    else:
        yield Figure(f"{name}, p50", ours.p50, "us", theirs.p50, "toxiproxy", ratio_limit=1.0)
        yield Figure(f"{name}, p99", ours.p99, "us", theirs.p99, "toxiproxy", ratio_limit=1.0)
        yield _throughput(name, ours, theirs, "toxiproxy", 1.0)


def _throughput(name: str, ours: Load, theirs: Load | None, beside: str, floor: float | None) -> Figure:
    what = f"{name}, {TOGETHER} connections"
    beaten = None if theirs is None else theirs.per_second / 1e3
    return Figure(what, ours.per_second / 1e3, "k/s", beaten, beside, ratio_floor=floor)
