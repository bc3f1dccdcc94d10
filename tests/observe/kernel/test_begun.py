"""System calls that are not over when somebody asks what has happened."""

import os
import sys

import pytest

from faultbox.model.observation import Watch

pytestmark = pytest.mark.root


@pytest.fixture
def fifo(tmp_path):
    """To open it for writing waits for a reader."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def waiting(world_of, fifo, until):
    """A world in which a service is opening the fifo."""
    world = world_of({"svc": Watch(calls=frozenset({"openat", "open", "read"}))})
    process = world.start("svc", "sh", "-c", 'echo x > "$0"; exec true', str(fifo))
    until(lambda: world.look() and unfinished(world, fifo), "the open begins")
    yield world, process
    process.kill()
    process.wait()


def unfinished(world, path):
    return [event for event in world.observer.unfinished() if event.fields.get("path") == str(path)]


def told(world, path):
    return world.of("syscall", path=str(path))


def ask_last(world):
    world.observer.conclude()
    world.observer.ask(1)
    return world.look()


def test_a_call_that_hangs_is_known_and_told_once_it_is_over(waiting, fifo):
    world, process = waiting
    [event] = unfinished(world, fifo)
    assert (event.service, event.fields["family"], event.fields["unfinished"]) == ("svc", "open", "true")
    assert "result" not in event.fields
    assert told(world, fifo) == []
    fifo.read_text()
    process.wait()
    [over] = told(world, fifo)
    assert int(over.fields["result"]) >= 0
    assert "unfinished" not in over.fields
    assert world.observer.unfinished() == []


def test_when_the_log_is_asked_for_the_last_time_it_is_told_and_not_again(waiting, fifo):
    world, process = waiting
    before = world.look()[-1].time_ns
    ask_last(world)
    [event] = told(world, fifo)
    assert event.fields["unfinished"] == "true"
    assert event.time_ns > before
    fifo.read_text()
    process.wait()
    assert told(world, fifo) == [event]


def test_a_killed_process_leaves_no_call_behind(waiting, fifo):
    world, process = waiting
    process.kill()
    process.wait()
    [event] = told(world, fifo)
    assert "result" not in event.fields
    assert world.observer.unfinished() == []


def test_waiting_for_something_to_come_is_nothing_that_was_done(world_of, until):
    world = world_of({"svc": Watch(calls=frozenset({"read", "getppid"}))})
    lines = "import os; r, w = os.pipe(); os.getppid(); os.read(r, 1)"
    process = world.start("svc", sys.executable, "-I", "-c", lines)
    try:
        until(lambda: world.of("syscall", syscall="getppid"), "it is about to read")
        assert world.observer.unfinished() == []
    finally:
        process.kill()
        process.wait()


def test_a_thread_that_becomes_another_program_leaves_no_call_behind(world_of, tmp_path):
    world = world_of({"svc": Watch(calls=frozenset({"execve"}))})
    lines = "import os, threading; threading.Thread(target=os.execv, args=('/bin/true', ['true'])).start()"
    world.run("svc", sys.executable, "-I", "-c", lines + "; threading.Event().wait()")
    assert len(world.of("syscall", syscall="execve", path="/usr/bin/true")) == 1
    assert world.observer.unfinished() == []
