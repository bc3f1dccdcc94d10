"""A world's observer as a source of its log: in time, complete, or saying what is missing."""

import errno
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faultbox import observe, trace
from faultbox.linux import bpf, cgroup
from faultbox.model.observation import Watch
from faultbox.model.syscalls import number
from faultbox.observe import files, layout
from faultbox.observe.programs import machine

pytestmark = pytest.mark.root

GETPPID = Watch(calls=frozenset(("getppid",)))


@pytest.fixture
def log(tmp_path):
    log = trace.Log(tmp_path / "events.jsonl")
    log.start()
    yield log
    log.stop()


def test_the_log_is_complete_when_it_is_asked(world_of, log):
    world, home = world_of({"driver": GETPPID}), cgroup.own()
    log.add(world.observer)
    try:
        (world.directory / "driver" / "cgroup.procs").write_text("0")
        for count in range(1, 300):
            os.getppid()
            log.sync()
            assert len(log.query(lambda event: event.type == "syscall")) == count
    finally:
        (home / "cgroup.procs").write_text("0")
        log.remove(world.observer)


def test_a_quiet_world_is_heard_at_once(world_of, log):
    world = world_of({"svc": GETPPID})
    log.add(world.observer)
    code = "import os, sys\nfor _ in sys.stdin: os.getppid()"
    with world.start("svc", sys.executable, "-u", "-c", code, stdin=subprocess.PIPE) as process:
        waits = []
        for _ in range(20):
            before = log.count
            began = time.monotonic()
            process.stdin.write(b"\n")
            process.stdin.flush()
            found = log.await_event(lambda event: event.seq > before and event.type == "syscall", _in_ns(20))  # noqa: B023
            waits.append(time.monotonic() - began)
            assert found is not None
        process.stdin.close()
    log.remove(world.observer)
    assert sorted(waits)[len(waits) // 2] < 0.02  # the log asks others after 20 ms


def _in_ns(seconds):
    return time.monotonic_ns() + seconds * 1_000_000_000


FLOOD = "import os\nfor _ in range({}): os.getppid()"


def test_a_flood_comes_through_in_order(world_of, log):
    world = world_of({"svc": GETPPID})
    log.add(world.observer)
    assert world.run("svc", sys.executable, "-I", "-c", FLOOD.format(30_000)) == 0
    log.sync(60)
    told = log.query(lambda event: event.type == "syscall")
    log.remove(world.observer)
    assert len(told) == 30_000 == world.calls("svc")["getppid"].calls
    assert world.totals().lost == {}
    times = [event.time_ns for event in told]
    assert times == sorted(times)


def losses(log):
    log.sync(60)
    return [(each.reason, each.types) for each in log.lost]


def test_lost_events_are_counted_and_told_by_their_type(world_of, log):
    world = world_of({"svc": GETPPID})
    assert world.run("svc", sys.executable, "-I", "-c", FLOOD.format(100_000)) == 0  # nobody drains meanwhile
    log.add(world.observer)
    ((reason, types),) = losses(log)
    assert types is not None
    assert {"syscall"} <= types <= {"syscall", "process"}  # that it has ended found no room either
    assert reason.endswith(f" events ({', '.join(sorted(types))}) found no room on their way from the kernel")
    told = len(log.query(lambda event: event.type == "syscall"))
    lost = world.totals().lost
    assert lost["syscall"] > 0
    assert told + lost["syscall"] == 100_000 == world.calls("svc")["getppid"].calls
    before = log.count
    assert world.run("svc", sys.executable, "-I", "-c", FLOOD.format(1)) == 0
    world.totals()
    assert len(losses(log)) == 1
    assert log.count > before  # what comes after it is still told
    log.remove(world.observer)


SETS_UP = """
import ctypes
done = ctypes.CDLL(None).syscall({number}, {entries}, ctypes.create_string_buffer(128))
assert done {succeeds} 0
"""


@pytest.mark.parametrize(
    ("setup", "entries", "watch", "said"),
    [
        ("io_setup", 8, Watch(files=True), "svc does I/O through Linux AIO, which no event tells of"),
        ("io_setup", 8, Watch(calls=frozenset(("fdatasync",))), "svc does I/O through Linux AIO"),
        ("io_setup", 8, GETPPID, ""),
        ("io_setup", 0, Watch(files=True), ""),  # EINVAL: there is none
        ("io_uring_setup", 8, Watch(calls=frozenset(("unlinkat",))), "svc does I/O through an io_uring"),
        ("io_uring_setup", 8, GETPPID, ""),
        ("io_uring_setup", 0, Watch(files=True), ""),
    ],
)
def test_what_no_event_tells_of_is_a_loss(world_of, log, setup, entries, watch, said):
    code = SETS_UP.format(number=number(setup, machine()), entries=entries, succeeds=">=" if entries else "<")
    if subprocess.run((sys.executable, "-I", "-c", code), capture_output=True, check=False).returncode:
        pytest.skip(f"this host has no {setup}")
    world = world_of({"svc": watch, "other": Watch()})
    log.add(world.observer)
    for lane in ("other", "svc"):
        log.sync(60)  # of the other one nobody wants to know
        assert world.run(lane, sys.executable, "-I", "-c", code) == 0
    found = losses(log)
    assert len(found) == bool(said)
    assert all(said in reason and types == {"syscall", "file"} for reason, types in found)
    log.remove(world.observer)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the way into the 32-bit table from a 64-bit program")
def test_a_32_bit_program_is_a_loss(world_of, log):
    world = world_of({"svc": GETPPID})
    log.add(world.observer)
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("53 b8 2d 00 00 00 31 db cd 80 5b c3"))  # brk(0), as every program makes it at its start
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""
    assert world.run("svc", sys.executable, "-I", "-c", code) == 0
    assert losses(log) == [("svc runs a 32-bit program, which no event tells of", {"syscall", "file"})]
    log.remove(world.observer)


def test_programs_that_were_not_run_are_losses_too(world_of, log, monkeypatch):
    world = world_of({"svc": GETPPID})
    log.add(world.observer)
    log.sync()
    monkeypatch.setattr("faultbox.linux.bpf.missed", lambda program: 1)
    ((reason, types),) = losses(log)
    assert "could not run a program of observation" in reason
    assert types == {"syscall", "file", "socket", "process"}
    assert world.totals().lost["missed"] > 0
    log.remove(world.observer)


def threads_have_pidfds():
    """Linux 6.9."""
    try:
        os.close(os.pidfd_open(os.getpid(), os.O_EXCL))
    except OSError:
        return False
    return True


def test_who_is_in_a_lane_of_ours_already(eye, tmp_path, until):
    top = cgroup.mountpoint() / f"faultbox-already-{os.getpid()}"
    lane = cgroup.create(top / "world" / "driver")
    code = (
        "import os, sys, threading\n"
        "def work():\n"
        "    for line in sys.stdin: os.getppid()\n"
        "threads = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(3)]\n"
        "[each.start() for each in threads]\n"
        "worker = threading.Thread(target=work); worker.start()\n"
        "print('ready', flush=True); worker.join(); os._exit(0)"
    )
    with subprocess.Popen(
        (sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        (lane / "cgroup.procs").write_text(str(process.pid))
        observer = observe.attach(eye, {"driver": (lane, GETPPID)}, tmp_path)
        try:
            process.stdin.write("1\n2\n3\n")
            process.stdin.close()
            process.wait(20)
            told = observer.drain()
            calls = [event.fields["syscall"] for event in told if event.type == "syscall"]
            assert calls == ["getppid"] * (3 if threads_have_pidfds() else 0)
            assert {event.fields["pid"] for event in told} == {str(process.pid)}
        finally:
            observer.close()
            cgroup.remove(top)


@pytest.mark.skipif(not threads_have_pidfds(), reason="needs pidfds of threads (Linux 6.9)")
def test_a_thread_that_ends_while_it_is_taken_in(eye, tmp_path, until, monkeypatch):
    def ended_since(tid, flags=0):
        handle = pidfd_open(tid, flags)
        if flags:
            process.stdin.write("go\n")
            process.stdin.flush()
            until(lambda: not Path(f"/proc/{process.pid}/task/{tid}").exists(), "the thread ends")
        return handle

    pidfd_open = os.pidfd_open
    top = cgroup.mountpoint() / f"faultbox-ending-{os.getpid()}"
    lane = cgroup.create(top / "world" / "driver")
    code = (
        "import sys, threading\n"
        "threading.Thread(target=sys.stdin.readline).start()\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait()"
    )
    with subprocess.Popen(
        (sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        (lane / "cgroup.procs").write_text(str(process.pid))
        monkeypatch.setattr(os, "pidfd_open", ended_since)
        try:
            observe.attach(eye, {"driver": (lane, GETPPID)}, tmp_path).close()
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
            cgroup.remove(top)


def test_a_kernel_without_pidfds_of_threads(eye, tmp_path, monkeypatch):
    """Before Linux 6.9 a process's first thread is taken in, the others are not."""

    def old(pid, flags=0):
        if flags:
            raise OSError(errno.EINVAL, "Invalid argument")
        return pidfd_open(pid)

    pidfd_open = os.pidfd_open
    top = cgroup.mountpoint() / f"faultbox-old-{os.getpid()}"
    lane = cgroup.create(top / "world" / "driver")
    code = (
        "import os, sys, threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin: os.getppid()\n"
        "os._exit(0)"
    )
    with subprocess.Popen(
        (sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        (lane / "cgroup.procs").write_text(str(process.pid))
        monkeypatch.setattr(os, "pidfd_open", old)
        observer = observe.attach(eye, {"driver": (lane, GETPPID)}, tmp_path)
        try:
            process.stdin.write("1\n2\n")
            process.stdin.close()
            process.wait(20)
            assert [event.type for event in observer.drain()].count("syscall") == 2
        finally:
            observer.close()
            cgroup.remove(top)


def test_a_cgroup_that_was_made_anew(world_of):
    world = world_of()
    world.run("svc", "true")
    (world.directory / "svc").rmdir()
    (world.directory / "svc").mkdir()
    world.run("svc", "true")
    assert world.calls("svc")["exit_group"].calls == 1
    world.observer.launching("svc")
    world.run("svc", "true")
    assert world.calls("svc")["exit_group"].calls == 2


def test_a_killed_world_is_forgotten(eye, world_of):
    world = world_of()
    owner = world.directory.stat().st_ino
    assert owner in dict(eye.slots()).values()
    eye.forget(world.directory)
    assert owner not in dict(eye.slots()).values()
    world.run("svc", "true")
    assert world.look() == []
    eye.forget(world.directory / "never was")


def test_two_worlds_do_not_meet(world_of):
    one, other = world_of(), world_of()
    one.run("svc", "true")
    other.run("svc", "cat", "/etc/hostname")
    assert [event.fields["command"] for event in one.of("process", op="exec")] == ["true"]
    assert [event.fields["command"] for event in other.of("process", op="exec")] == ["cat /etc/hostname"]


def test_what_a_former_world_left_in_a_slot_is_gone_before_anything_new_is_there(eye, world_of, until, monkeypatch):
    watch = {"svc": Watch(calls=frozenset(("openat",)), files=True)}
    former = world_of(watch)
    ours = {eye.maps[name]: name for name in ("totals", "edges", "files", "events", "flows")}
    done = []

    def told(what, how):
        def do(map_, *arguments):
            if map_ in ours:
                done.append((what, ours[map_]))
            return how(map_, *arguments)

        return do

    with former.start("svc", "sh", "-c", "while :; do read line < /dev/null; done"):
        until(former.look, "an event of the former world")
        former.leave()
        monkeypatch.setattr(bpf, "delete", told("out", bpf.delete))
        monkeypatch.setattr(bpf, "update", told("in", bpf.update))
        world = world_of(watch)
        seen = world.look(), world.totals().calls, world.totals().files
        former.close()
    assert done[0] == ("out", "totals")
    assert set(done[1:]) == {("in", name) for name in ours.values()}
    assert seen == ([], (), ())


def test_a_map_that_the_kernel_does_not_take(eye, world_of, monkeypatch):
    before = set(eye.slots())
    monkeypatch.setattr(files, "new_totals", lambda: bpf.create(bpf.HASH, 4, 4, 1))
    with pytest.raises(OSError, match="Invalid argument"):
        world_of()
    for _, world in set(eye.slots()) - before:
        eye.release(world)


def test_what_observing_costs_is_told(world_of):
    world = world_of({"svc": GETPPID})
    world.run("svc", sys.executable, "-I", "-c", FLOOD.format(20_000))
    world.look()
    assert 0 < world.totals().share < 1


def test_loading_beside_other_work():
    pending = observe.begin(3)
    loaded = pending.result()
    assert {"observe_enter", "observe_exit"} <= loaded.programs.keys()
    assert len(loaded.links) == len(loaded.programs)
    assert not any(map(os.get_inheritable, loaded.links))
    assert loaded.missed() == 0
    loaded.close()


def test_without_the_right_to():
    code = (
        "from faultbox import observe\n"
        "for open in (observe.prepare, lambda depth: observe.begin(depth).result()):\n"
        "    try: open(3)\n"
        "    except observe.NoObservation as error: print(error.reason, '|', error.advice)"
    )
    command = ("unshare", "--user", "--map-root-user", sys.executable, "-c", code)
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    capabilities = "the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON of the host itself"
    assert said == f"this user may not load BPF programs | run as root, or with {capabilities}\n" * 2


def test_an_object_of_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(layout, "LANE", struct.Struct("=QQ"))
    with pytest.raises(observe.NoObservation, match="built from another version") as refused:
        observe.prepare(3)
    assert refused.value.advice == "build it again: `make bpf`"
