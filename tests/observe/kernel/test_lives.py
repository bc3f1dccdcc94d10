"""How processes of a lane come, become another program, and end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faultbox.linux import cgroup

pytestmark = pytest.mark.root


def lives(world, *names):
    return [tuple(event.fields.get(name) for name in names) for event in world.of("process")]


def test_a_process_and_its_children(world_of):
    world = world_of()
    with world.start("svc", "sh", "-c", "true & wait $!; (exit 7); exit 9") as process:
        assert process.wait(20) == 9
    main = str(process.pid)
    first, second = (event.fields["pid"] for event in world.of("process", op="fork"))
    assert lives(world, "op", "pid", "parent", "code") == [
        ("exec", main, str(os.getpid()), None),
        ("fork", first, main, None),
        ("exit", first, main, "0"),
        ("fork", second, main, None),
        ("exit", second, main, "7"),
        ("exit", main, str(os.getpid()), "9"),
    ]


def test_what_was_executed(world_of):
    world = world_of()
    world.run("svc", "sh", "-c", "exec cat '' 'two words'", stderr=subprocess.DEVNULL)
    told = world.of("process", op="exec")[-1].fields
    assert told["path"] == os.path.realpath("/bin/cat")
    assert told["command"] == "cat '' 'two words'"


def test_a_long_command_is_cut_so_that_one_sees_it(world_of):
    world = world_of()
    world.run("svc", "true", "x" * 1000)
    told = world.of("process", op="exec")[-1].fields["command"]
    assert told.startswith("true xxx")
    assert told.endswith("x…")
    assert len(told) < 600


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_signal_that_ended_a_process(world_of, number):
    world = world_of()
    world.run("svc", "sh", "-c", f"kill -{int(number)} $$")
    assert lives(world, "op", "signal", "code")[-1] == ("exit", str(int(number)), None)


THREADS = """
import os, threading, time, ctypes
def last():
    for _ in range(3):
        thread = threading.Thread(target=os.stat, args=('/',)); thread.start(); thread.join()
    os._exit(5)
threading.Thread(target=last).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_ends_with_its_last_thread_and_threads_are_no_processes(world_of):
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", THREADS) == 5
    assert lives(world, "op", "code") == [("exec", None), ("exit", "5")]


def test_a_thread_that_executes_is_the_same_process(world_of):
    code = (
        "import os, threading\n"
        "threading.Thread(target=os.execv, args=('/bin/sh', ['sh', '-c', 'exit 4'])).start()\n"
        "threading.Event().wait()"
    )
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", code) as process:
        assert process.wait(20) == 4
    main = str(process.pid)
    assert lives(world, "op", "pid") == [("exec", main), ("exec", main), ("exit", main)]


def memory_group(name: str) -> Path | None:
    """A cgroup that may use 24 MB, in whichever hierarchy has the controller."""
    old = Path("/sys/fs/cgroup/memory")
    if (old / "memory.limit_in_bytes").exists():
        group = cgroup.create(old / name)
        (group / "memory.limit_in_bytes").write_text(str(24 << 20))
        return group
    return None


def test_killed_for_want_of_memory(world_of):
    group = memory_group(f"faultbox-oom-{os.getpid()}")
    if group is None:
        pytest.skip("no memory controller of version 1")
    try:
        world = world_of()
        join = f"echo 0 > {group}/cgroup.procs; exec {sys.executable} -I -c 'print(len(bytearray(1 << 30)))'"
        assert world.run("svc", "sh", "-c", join) == -signal.SIGKILL
        assert lives(world, "op", "signal", "oom")[-1] == ("exit", "9", "true")
        world.run("svc", "sh", "-c", "kill -9 $$")
        assert lives(world, "op", "signal", "oom")[-1] == ("exit", "9", None)
    finally:
        cgroup.remove(group)
