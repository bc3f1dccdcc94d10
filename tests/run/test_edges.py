"""How a world's edges take hold of its network namespace."""

from __future__ import annotations

import mmap
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faultbox import network
from faultbox import world as worlds
from faultbox.linux import cgroup, namespaces
from faultbox.model.plan import Needs
from faultbox.run.edges import Edges

pytestmark = [pytest.mark.root]


@pytest.fixture
def group() -> Iterator[Path]:
    top = cgroup.writable_parent()
    assert top is not None
    made = cgroup.create(top / f"faultbox-test-edges-{os.getpid()}")
    yield made
    cgroup.remove(made)


def somebodys_namespace() -> int:
    namespaces.unshare(namespaces.NEWNET)
    namespaces.loopback_up()
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


LINKS = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 6)
"""Whether this kernel has tcx."""


@pytest.mark.parametrize(
    "own", [True, pytest.param(False, marks=pytest.mark.skipif(not LINKS, reason="tcx is there from Linux 6.6 on"))]
)
def test_only_a_namespace_of_our_own_gets_filters_that_end_with_it(
    forked: Callable[[Callable[[], Any]], Any], group: Path, tmp_path: Path, own: bool
) -> None:
    """In one of others nothing may outlive us: there are links instead, which end with the process."""

    def body() -> str:
        netns = None if own else somebodys_namespace()
        layout = worlds.Layout(tmp_path / "run", tmp_path / "layers")
        layout.run_dir.mkdir()
        worlds.prepare(layout.layers_dir)
        world = worlds.World.open(worlds.Settings("w", layout, group, netns=netns))
        needs, page = Needs((), network=True), mmap.mmap(-1, 4096)
        edges = Edges(needs, [], world, network.prepare(()), page, seed=1, place=tmp_path, authority=None)
        try:
            shown = subprocess.run(["tc", "qdisc", "show", "dev", "lo"], capture_output=True, text=True, check=True)
        finally:
            edges.close()
            world.close()
        return shown.stdout

    assert ("clsact" in forked(body)) is own
