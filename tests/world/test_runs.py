"""What killed runs leave is found and removed; what belongs to the living is not."""

import json
import os
import signal

import pytest

from faultbox.linux import cgroup, pidfd
from faultbox.world import runs


def dead_owner():
    """A process that has ended, as the record of a run names it."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
    owner = runs.Owner.of(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return owner


def write(path, owner, **what):
    record = {
        "owner": {"boot": owner.boot, "pid": owner.pid, "started": owner.started},
        "cgroups": [],
        "directories": [],
    }
    path.write_text(json.dumps({**record, **what}))


def test_the_living_keep_what_is_theirs(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    path = runs.register(tmp_path / "state", "run-1", directories=[mine])
    assert runs.sweep(tmp_path / "state") == []
    assert path.exists()
    assert mine.exists()


def test_the_dead_are_swept(tmp_path):
    state, theirs = tmp_path / "state", tmp_path / "theirs"
    (theirs / "work").mkdir(parents=True)
    (theirs / "work").chmod(0)
    state.mkdir()
    write(state / "run-1.json", dead_owner(), directories=[str(theirs), str(tmp_path / "never made")])
    assert runs.sweep(state) == ["run-1"]
    assert list(state.iterdir()) == []
    assert not theirs.exists()


def test_a_pid_used_again_and_another_boot_are_other_owners():
    me = runs.Owner.of(os.getpid())
    assert me.alive
    assert not runs.Owner(me.boot, me.pid, me.started - 1).alive
    assert not runs.Owner("another boot", me.pid, me.started).alive


def test_strange_files_are_left_alone(tmp_path):
    for name, text in (("a.json", "{"), ("b.json", "[]"), ("c.json", '{"owner": {}}'), ("d.txt", "x")):
        (tmp_path / name).write_text(text)
    assert runs.sweep(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 4


def test_nothing_to_sweep(tmp_path):
    assert runs.sweep(tmp_path / "none") == []


@pytest.mark.root
def test_processes_of_the_dead_are_killed(tmp_path, forked):
    top = cgroup.writable_parent()
    if top is None:
        pytest.skip("no cgroup2 hierarchy that we may write to")

    def body():
        place = cgroup.create(top / f"faultbox-test-{os.getpid()}" / "w" / "svc-a")
        pid = os.fork()
        if pid == 0:
            (place / "cgroup.procs").write_text("0")
            signal.pause()
        descriptor = pidfd.open(pid)
        while not cgroup.populated(place):
            assert not pidfd.wait(descriptor, 1)
        write(tmp_path / "r.json", dead_owner(), cgroups=[str(place.parent.parent)])
        swept = runs.sweep(tmp_path)
        _, status = os.waitpid(pid, 0)
        return swept, status, place.parent.parent.exists()

    assert forked(body) == (["r"], signal.SIGKILL, False)
