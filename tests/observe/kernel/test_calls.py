"""System calls: how many there were, and those that were asked for."""

import os
import re
import subprocess
import sys

import pytest

from faultbox.model.fault import Port
from faultbox.model.observation import Watch

pytestmark = pytest.mark.root


LINE = re.compile(r"(?P<pid>\d+) +(?P<resumed><\.\.\. )?(?P<name>\w+)(?:\(| resumed>).*?(?: = (?P<result>.*))?$")


def strace_counts(lines):
    """What strace -f says from the second execve on: calls and errors by name. A call counts when it begins."""
    counts, execs = {}, 0
    for line in lines:
        found = LINE.match(line)
        if found is None:
            continue
        name, failed = found["name"], (found["result"] or "").startswith(("-1 E", "? ERESTART"))
        execs += name == "execve" and found["result"] == "0"
        if execs < 2:
            continue
        calls, errors = counts.get(name, (0, 0))
        counts[name] = (calls + (found["resumed"] is None), errors + failed)
    return counts


def counts_of(world, lane="svc"):
    return {name: (each.calls, each.errors) for name, each in world.calls(lane).items()}


PROGRAMS = {
    "shell that forks": (
        "sh",
        "-c",
        "for i in 1 2 3; do cat /etc/hostname /nosuch | wc -l; done 2>/dev/null; (exit 3)",
    ),
    "python": (sys.executable, "-I", "-c", "import json, os; os.stat('/'); [os.getppid() for _ in range(1000)]"),
    "threads": (
        sys.executable,
        "-I",
        "-c",
        "import threading, os\n"
        "def work():\n"
        "    for _ in range(500): os.stat('/')\n"
        "made = [threading.Thread(target=work) for _ in range(4)]\n"
        "[each.start() for each in made]; [each.join() for each in made]",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_counts_are_those_of_strace_in_the_same_run(world_of, tmp_path, name):
    world = world_of()
    log = tmp_path / "strace"
    world.run("svc", *PROGRAMS[name], under=("strace", "-f", "-o", str(log)), stderr=subprocess.DEVNULL)
    assert counts_of(world) == strace_counts(log.read_text().splitlines())
    assert world.totals().lost == {}
