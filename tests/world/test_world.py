"""A world: what is in it stays in it, and its end is complete however it comes."""

import contextlib
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest

from faultbox.linux import cgroup, pidfd
from faultbox.model.host import ExitStatus
from faultbox.world import WorldError

pytestmark = pytest.mark.root

SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 8080))
open("/tmp/state", "a").write(sys.argv[1])
print("up", flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(open("/tmp/state").read().encode())
    connection.close()
"""


def test_two_worlds_share_neither_port_nor_files(boxed):
    def body(box):
        worlds, answers = [], []
        for name in ("one", "two"):
            world = box.open(name)
            server = box.python(world, SERVER.replace("sys.argv[1]", repr(name)))
            assert os.read(server.stdout, 100) == b"up\n"
            with socket.create_connection(("localhost", 8080), timeout=10) as connection:
                answers.append(connection.recv(100).decode())
            worlds.append(world)
        assert not Path("/tmp/state").exists()
        return answers

    assert boxed(body) == ["one", "two"]


def test_names_resolve_to_loopback(boxed):
    def body(box):
        world = box.open(services=("api", "geo-config"), hostname="box")
        script = "getent hosts geo-config; getent ahostsv4 box | head -1; getent ahosts localhost; hostname"
        return box.output(world, script).splitlines()

    lines = boxed(body)
    assert lines[0].split() == ["127.0.0.1", "geo-config"]
    assert lines[1].split()[:2] == ["127.0.0.1", "STREAM"]
    assert {line.split()[0] for line in lines[2:-1]} <= {"127.0.0.1", "::1"}
    assert lines[-1] == "box"


def test_pid_one_is_ours_and_only_the_world_is_seen(boxed):
    text = boxed(lambda box: box.output(box.open(), "ls /proc | grep -c '^[0-9]'; cat /proc/1/comm"))
    count, comm = text.split()
    assert int(count) <= 5
    assert comm == "faultbox-init"


def test_exits_are_reported_with_code_or_signal(boxed):
    def body(box):
        world = box.open()
        bad = box.sh(world, "exit 7", service="bad")
        killed = box.sh(world, "kill -9 $$", service="killed")
        ends = {each.service: each for each in box.exits(world, 2)}
        assert (ends["bad"].pid, ends["killed"].pid) == (bad.pid, killed.pid)
        return {name: each.status for name, each in ends.items()}

    assert boxed(body) == {"bad": ExitStatus(7, None), "killed": ExitStatus(None, 9)}


def test_a_daemon_is_alive_after_its_parent_and_its_end_is_noticed(boxed):
    daemon = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.pause()
    os._exit(0)
os.wait()
"""

    def body(box):
        world = box.open()
        box.python(world, daemon)
        (end,) = box.exits(world, 1)
        assert end.service == "api"
        assert world.alive("api")
        (left,) = world.members("api")
        os.kill(left, signal.SIGKILL)
        (end,) = box.exits(world, 1)
        assert end.service == ""
        return world.alive("api"), world.members("api")

    assert boxed(body) == (False, [])


def test_signals_from_inside_do_not_end_the_world(boxed):
    def body(box):
        world = box.open()
        box.output(world, "for s in HUP INT QUIT TERM KILL STOP TSTP USR1 CHLD; do kill -s $s 1; done")
        return box.output(world, "echo still here")

    assert boxed(body) == "still here\n"


def test_a_stopped_child_and_a_storm_of_orphans_do_not_stop_init(boxed):
    def body(box):
        world = box.open()
        stopped = box.sh(world, "kill -STOP $$", service="stopped")
        storm = "for i in $(seq 300); do (true &) ; done; echo done"
        assert box.output(world, storm, service="storm") == "done\n"
        assert world.alive("stopped")
        os.kill(stopped.pid, signal.SIGCONT)
        return {each.service for each in box.exits(world, 302)}

    assert boxed(body) == {"", "storm", "stopped"}


def test_it_wants_a_name_of_its_own(boxed):
    def body(box):
        box.open("same")
        with pytest.raises(WorldError, match="'same' already"):
            box.open("same")

    boxed(body)


def test_a_world_that_cannot_be_built_says_why_and_leaves_nothing(boxed):
    def body(box):
        with pytest.raises(WorldError, match="volume /nowhere: there is no such"):
            box.open("bad", volumes={"/data": "/nowhere"})
        assert not box.layout.of("bad").exists()
        return box.parent is None or not (box.parent / "bad").exists()

    assert boxed(body)


def test_close_leaves_nothing(boxed):
    def body(box):
        world = box.open()
        process = box.sh(world, "mkdir -p /tmp/a; chmod 0 /tmp/a; trap '' TERM; (sleep 1000 &); sleep 1000")
        pids = [*world.members("api"), process.pid]
        init = world.init_pid
        before = len(os.listdir("/proc/self/fd"))
        world.close()
        world.close()
        assert len(os.listdir("/proc/self/fd")) < before
        assert not any(Path(f"/proc/{pid}").exists() for pid in [*pids, init])
        assert not world.settings.layout.of("w").exists()
        assert world.cgroup is None or not world.cgroup.exists()

    boxed(body)


def test_kept_layers_stay(boxed):
    def body(box):
        world = box.open()
        box.output(world, "echo evidence > /var/faultbox-kept")
        world.close(keep=True)
        found = [path.read_text() for path in world.settings.layout.of("w").rglob("faultbox-kept")]
        world.close()
        return found

    assert boxed(body) == ["evidence\n"]


def test_the_end_of_init_ends_everything_and_is_seen(boxed, gone):
    def body(box):
        world = box.open()
        process = box.sh(world, "setsid sleep 1000 & sleep 1000")
        os.kill(world.init_pid, signal.SIGKILL)
        assert gone(world.init_pidfd)
        assert gone(process.pidfd)
        world.notices.drain()
        assert world.notices.lost
        with pytest.raises(WorldError, match="init is gone"):
            box.sh(world, "true")
        return world.members("api")

    assert boxed(body) == []


def test_the_end_of_the_world_process_ends_everything(tmp_path, forked, gone):
    """What a SIGKILL leaves (cgroups, layers) is named by Settings, for whoever sweeps."""
    from faultbox.world import Command, Layout, Settings, World, prepare

    def owner(send):
        top = cgroup.writable_parent()
        layout = Layout(tmp_path / "run", tmp_path / "layers")
        layout.run_dir.mkdir()
        prepare(layout.layers_dir)
        world = World.open(Settings("w", layout, top / f"faultbox-test-{os.getpid()}" if top else None))
        process = world.launch(Command("api", ("/bin/sh", "-c", "setsid sleep 1000 & exec sleep 1000")))
        os.write(send, f"{world.init_pid} {process.pid} {world.cgroup.parent if world.cgroup else ''}".encode())
        signal.pause()

    def body():
        receive, send = os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                owner(send)
            os._exit(1)
        os.close(send)
        init, service, *parent = os.read(receive, 1000).decode().split()
        watched = [pidfd.open(int(init)), pidfd.open(int(service))]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert all(gone(descriptor) for descriptor in watched)
        for each in map(Path, parent):
            assert cgroup.wait_empty(each, 5_000)
            cgroup.remove(each)
            assert not each.exists()

    forked(body)
    assert "faultbox" not in Path("/proc/self/mountinfo").read_text().replace(str(tmp_path), "")


def test_sixteen_worlds_at_once(boxed):
    """All on port 8080, all writing /tmp/state; each process here is one owner of a world."""

    def one(box, number, ready, go):
        world = box.open(f"w{number}")
        server = box.python(world, SERVER.replace("sys.argv[1]", repr(f"<{number}>")))
        assert os.read(server.stdout, 100) == b"up\n"
        os.write(ready, b"x")
        os.read(go, 1)
        with socket.create_connection(("127.0.0.1", 8080), timeout=30) as connection:
            answer = connection.recv(100).decode()
        world.close()
        return answer == f"<{number}>"

    def body(box):
        ready, ready_end = os.pipe()
        go, go_end = os.pipe()
        children = []
        for number in range(16):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    status = 0 if one(box, number, ready_end, go) else 1
                finally:
                    os._exit(status)
            children.append(pid)
        came = 0
        while came < 16:
            assert select.select([ready], [], [], 60)[0], f"{came} of 16 came up"
            came += len(os.read(ready, 16))
        os.write(go_end, b"x" * 16)
        return [os.waitpid(pid, 0)[1] for pid in children]

    assert boxed(body) == [0] * 16


def test_launches_from_several_threads(boxed):
    from concurrent.futures import ThreadPoolExecutor

    def body(box):
        world = box.open()
        with ThreadPoolExecutor(8) as pool:
            texts = pool.map(lambda n: box.output(world, f"echo {n}", service=f"s{n}"), range(24))
            return list(texts) == [f"{n}\n" for n in range(24)]

    assert boxed(body)


def test_opening_is_refused_in_a_process_with_threads(boxed):
    import threading

    def body(box):
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        try:
            with pytest.raises(RuntimeError, match="several threads"):
                box.open()
        finally:
            stop.set()
            thread.join()

    boxed(body)


def test_a_given_network_is_entered(boxed, forked):
    def body(box):
        first = box.open("first")
        there = os.open("/proc/self/ns/net", os.O_RDONLY)
        server = box.python(first, SERVER.replace("sys.argv[1]", "'shared'"))
        assert os.read(server.stdout, 100) == b"up\n"
        second = box.open("second", netns=there)
        text = box.python(second, "import socket; print(socket.create_connection(('127.0.0.1', 8080)).recv(99))")
        return box.read(text)

    assert boxed(body) == "b'shared'\n"


def test_nothing_of_the_host_network_is_seen(boxed):
    def body(box):
        return box.output(box.open(), "ls /sys/class/net; grep -c : /proc/net/dev")

    assert boxed(body) == "lo\n1\n"


def test_closing_takes_no_idle_time(boxed):
    def body(box):
        world = box.open()
        box.sh(world, "trap '' TERM; while :; do sleep 1000; done")
        began = time.monotonic()
        world.close()
        return time.monotonic() - began

    assert boxed(body) < 2


def test_a_world_that_does_not_listen_cannot_stop_init(boxed):
    """More ends than a socket holds frames, nobody draining, and launches go on."""

    def body(box):
        world = box.open()
        storm = "for n in range(3000):\n  if not os.fork(): os.fork() or os._exit(0); os._exit(0)\n  os.wait()"
        box.read(box.python(world, f"import os\n{storm}", service="storm"))
        assert box.output(world, "echo on", service="later") == "on\n"
        ends = box.exits(world, 3002)
        return len(ends), sorted(each.service for each in ends if each.service)

    assert boxed(body) == (3002, ["later", "storm"])


def test_init_holds_nothing_of_its_owner(boxed):
    def body(box):
        read, write = os.pipe()
        world = box.open()
        os.close(write)
        assert os.read(read, 1) == b""
        return [os.stat(f"/proc/{world.init_pid}/fd/{fd}").st_rdev for fd in (0, 1)]

    assert boxed(body) == [os.makedev(1, 3)] * 2


def test_a_hundred_megabytes_pass_through(boxed, tmp_path, drain_to_end):
    from faultbox.world import Output

    def body(box):
        world = box.open()
        process = box.sh(world, "head -c 100000000 /dev/zero; echo; echo the end")
        output = Output(process.stdout, tmp_path / "log")
        drain_to_end(output)
        tail = output.tail(1)
        output.close()
        (end,) = box.exits(world, 1)
        return end.status.code, tail, (tmp_path / "log").stat().st_size < 17 << 20

    assert boxed(body) == (0, ["the end"], True)


REDIS = "/usr/bin/redis-server"


@pytest.mark.skipif(not os.path.exists(REDIS), reason="needs redis-server: apt-get install redis-server")
@pytest.mark.parametrize("rootless", [False, True])
def test_redis_with_its_log_on_disk(boxed, as_nobody, rootless):
    from faultbox.model.source import Position
    from faultbox.model.topology import Interface, Service
    from faultbox.world import wait_ready

    here = Position("spec.star", 1)
    service = Service("db", REDIS, here, interfaces=(Interface("main", "tcp", 6379, here),))

    def body(box):
        world = box.open()
        arguments = ("--dir", "/tmp", "--appendonly", "yes", "--appendfsync", "always", "--save", "")
        box.launch(world, REDIS, *arguments, service="db")
        wait_ready(service, alive=lambda: world.alive("db"))
        with socket.create_connection(("localhost", 6379), timeout=10) as connection:
            connection.sendall(b"SET k v\r\n")
            assert connection.recv(100) == b"+OK\r\n"
        killed = world.stop({"db": (15, 10_000)})
        return (
            killed,
            box.exits(world, 1)[0].status.code,
            [each.path for each in world.changed() if "incr" in each.path],
        )

    run = as_nobody if rootless else boxed
    assert run(body) == ([], 0, ["/tmp/appendonlydir/appendonly.aof.1.incr.aof"])
