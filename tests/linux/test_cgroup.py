"""Cgroups: found, filled, emptied and removed."""

import os
import signal

import pytest

from faultbox.linux import cgroup, pidfd, process

pytestmark = pytest.mark.root


@pytest.fixture
def place():
    top = cgroup.writable_parent()
    if top is None:
        pytest.skip("no cgroup2 hierarchy that we may write to")
    path = cgroup.create(top / f"faultbox-test-{os.getpid()}-linux")
    yield path
    cgroup.remove(path)
    assert not path.exists()


class Sleepers:
    """Processes started in a cgroup; all are reaped."""

    def __init__(self):
        self.made = []

    def __call__(self, path):
        fd = os.open(path, os.O_PATH)
        pid, descriptor = process.clone(cgroup=fd)
        if pid == 0:
            signal.pause()
            os._exit(0)
        os.close(fd)
        self.made.append((pid, descriptor))
        return pid, descriptor

    def end(self):
        for pid, descriptor in self.made:
            pidfd.send_signal(descriptor, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.fixture
def with_sleepers(forked):
    """Run a body in a forked process, with a way to start processes in cgroups."""

    def run(body):
        def inner():
            sleepers = Sleepers()
            try:
                body(sleepers)
            finally:
                sleepers.end()

        forked(inner)

    return run


def test_a_child_begins_in_its_cgroup(place, with_sleepers):
    def body(start):
        inner = cgroup.create(place / "a" / "b")
        pid, _ = start(inner)
        assert cgroup.members(place) == [pid]
        assert cgroup.members(inner) == [pid]
        assert cgroup.populated(place)
        assert not cgroup.wait_empty(place, 1)

    with_sleepers(body)


@pytest.mark.parametrize("supported", [True, False])
def test_kill_reaches_everyone_below(place, with_sleepers, monkeypatch, supported):
    if not supported:
        write_text = cgroup.Path.write_text

        def absent(path, *how, **more):
            if path.name == "cgroup.kill":
                raise FileNotFoundError(path)
            return write_text(path, *how, **more)

        monkeypatch.setattr(cgroup.Path, "write_text", absent)

    def body(start):
        started = [start(cgroup.create(place / name)) for name in ("a", "a/b", "c")]
        cgroup.kill(place)
        assert cgroup.wait_empty(place, 5_000)
        assert all(pidfd.wait(descriptor, 5_000) for _, descriptor in started)

    with_sleepers(body)


def test_remove_takes_what_is_in_it(place, with_sleepers):
    def body(start):
        _, descriptor = start(cgroup.create(place / "x" / "y"))
        cgroup.remove(place / "x")
        assert pidfd.wait(descriptor, 5_000)
        assert not (place / "x").exists()
        cgroup.remove(place / "x")

    with_sleepers(body)


def test_an_end_that_comes_later_is_waited_for(place, forked):
    def body():
        fd = os.open(place, os.O_PATH)
        pid, _ = process.clone(cgroup=fd)
        if pid == 0:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            signal.pause()
            os._exit(0)
        empty = cgroup.wait_empty(place, 10_000)
        os.waitpid(pid, 0)
        return empty

    assert forked(body)


def test_what_is_not_there_is_empty(place):
    assert cgroup.members(place / "none") == []
    assert not cgroup.populated(place / "none")
    assert cgroup.wait_empty(place / "none", 0)
    cgroup.kill(place / "none")
