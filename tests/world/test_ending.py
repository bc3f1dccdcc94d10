"""Stopping: graceful where the service wants, certain where it does not, and nobody waits for nothing."""

import os
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

IGNORES = "trap '' TERM; echo up; while :; do sleep 100; done"
OBEYS = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"


def up(process):
    assert os.read(process.stdout, 3) == b"up\n"


def test_who_obeys_is_waited_for_and_who_ignores_is_killed(boxed):
    def body(box):
        world = box.open()
        for name, script in (("good", OBEYS), ("bad", IGNORES), ("worse", IGNORES)):
            up(box.sh(world, script, service=name))
        began = time.monotonic()
        killed = world.stop({"good": (15, 5_000), "bad": (15, 300), "worse": (15, 300)})
        took = time.monotonic() - began
        left = [world.members(name) for name in ("good", "bad", "worse")]
        ends = {each.service: each.status for each in box.exits(world, 3) if each.service}
        return sorted(killed), left, took, ends["good"].code, ends["bad"].signal

    killed, left, took, good, bad = boxed(body)
    assert killed == ["bad", "worse"]
    assert left == [[], [], []]
    assert 0.3 <= took < 4
    assert (good, bad) == (0, 9)


def test_a_daemon_gets_the_signal_too(boxed):
    program = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: (open("/tmp/bye", "w").close(), os._exit(0)))
if os.fork() == 0:
    os.setsid()
    print("up", flush=True)
    while True: signal.pause()
"""

    def body(box):
        world = box.open()
        process = box.python(world, program)
        up(process)
        box.exits(world, 1)
        assert world.alive("api")
        began = time.monotonic()
        assert world.stop({"api": (15, 20_000)}) == []
        return time.monotonic() - began, world.alive("api"), [each.path for each in world.changed()]

    took, alive, changed = boxed(body)
    assert took < 5
    assert not alive
    assert changed == ["/tmp/bye"]


def test_children_outliving_a_parent_that_obeys_are_told_then(boxed):
    def body(box):
        world = box.open()
        up(box.sh(world, "sh -c 'echo up; exec sleep 100' & trap 'exit 0' TERM; wait"))
        began = time.monotonic()
        return world.stop({"api": (15, 20_000)}), time.monotonic() - began, world.members("api")

    killed, took, left = boxed(body)
    assert (killed, left) == ([], [])
    assert took < 5


def test_stopping_what_has_ended_or_never_was_is_nothing(boxed):
    def body(box):
        world = box.open()
        box.sh(world, "exit 3")
        box.exits(world, 1)
        return world.stop({"api": (15, 1_000), "never": (15, 1_000)})

    assert boxed(body) == []


def test_kill_takes_a_whole_tree(boxed, until):
    def body(box):
        world = box.open()
        up(box.sh(world, "for i in 1 2 3 4 5; do setsid sleep 100 & done; echo up; exec sleep 100"))
        until(lambda: len(world.members("api")) == 6, "all six are there")
        pids = world.members("api")
        world.kill("api")
        return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()], world.alive("api")

    assert boxed(body) == ([], False)


def test_a_fork_bomb_is_killed(boxed):
    bomb = """
import os, signal
for _ in range(9):
    os.fork()
os.write(1, b"x")
signal.pause()
"""

    def body(box):
        world = box.open()
        process = box.python(world, bomb)
        came = 0
        while came < 512:
            came += len(os.read(process.stdout, 512))
        world.kill("api")
        return world.members("api")

    assert boxed(body) == []


def test_without_cgroups_it_is_the_same(boxed, until):
    def body(box):
        world = box.open(cgroup_parent=None)
        up(box.sh(world, OBEYS, service="good"))
        up(box.sh(world, "setsid sleep 100 & " + IGNORES, service="bad"))
        until(lambda: len(world.members("bad")) == 3, "the shell and both sleeps are found")
        killed = world.stop({"good": (15, 5_000), "bad": (15, 100)})
        return killed, world.members("good"), world.members("bad"), world.alive("bad")

    assert boxed(body) == (["bad"], [], [], False)


def test_a_service_can_be_started_again(boxed):
    def body(box):
        world = box.open()
        pids = []
        for _ in range(3):
            process = box.sh(world, IGNORES)
            up(process)
            pids.append(process.pid)
            world.kill("api")
        return len(set(pids)), [each.pid for each in box.exits(world, 3) if each.service == "api"] == pids

    assert boxed(body) == (3, True)
