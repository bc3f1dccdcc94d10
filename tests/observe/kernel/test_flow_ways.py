"""What flows besides connections: through pipes, by ways that are not followed, and threads that end."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faultbox.model.syscalls import number
from faultbox.observe.programs import machine

pytestmark = pytest.mark.root


def of(flows, kind, **fields):
    return [each for each in flows if each.kind == kind and all(getattr(each, n) == v for n, v in fields.items())]


PIPES = """
import os
take, give = os.pipe()
child = os.fork()
if not child:
    os.read(take, 3)
    os.read(take, 5)
    os._exit(0)
os.write(give, b"one")
os.write(give, b"three")
os.waitpid(child, 0)
print(os.fstat(take).st_ino, child)
"""


def test_bytes_of_a_pipe_that_a_service_made_have_numbers(world_of, flows_of):
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", PIPES, stdout=subprocess.PIPE) as program:
        pipe, child = map(int, program.communicate(timeout=20)[0].split())
    flows = flows_of(world)
    sent, received = of(flows, "sent", end=pipe), of(flows, "received", end=pipe)
    assert {each.local for each in sent + received} == {"pipe"}
    assert [(each.length, each.position) for each in sent] == [(3, 3), (5, 8)]
    assert [(each.length, each.position) for each in received] == [(3, 3), (5, 8)]
    assert {each.pid for each in received} == {child}


UNFOLLOWED = """
import os, socket, sys
os.mkfifo(sys.argv[1])
fifo = os.open(sys.argv[1], os.O_RDWR)
os.write(fifo, b"named")
os.read(fifo, 100)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.send(b"told")
b.recv(100)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.sendto(b"told", udp.getsockname())
udp.recvfrom(100, socket.MSG_PEEK)
udp.recvfrom(100)
happened = os.eventfd(3, os.EFD_NONBLOCK)
os.eventfd_read(happened)
try:
    os.eventfd_read(happened)
except BlockingIOError:
    os.read(int(sys.argv[2]), 100)
open("/dev/zero", "rb", buffering=0).read(10)
"""


def test_what_is_read_and_not_followed_is_told(world_of, flows_of, tmp_path):
    world = world_of()
    take, give = os.pipe()
    os.write(give, b"of others")
    command = (sys.executable, "-I", "-c", UNFOLLOWED, str(tmp_path / "fifo"), str(take))
    try:
        assert world.run("svc", *command, pass_fds=[take]) == 0
    finally:
        os.close(take)
        os.close(give)
    came = of(flows_of(world), "came")
    assert [each.local for each in came] == ["datagram", "datagram", "datagram", "signal", "datagram"]
    assert all(0 < each.began_ns <= each.time_ns for each in came)


READ = str(number("read", machine()))
WAITING = """
import os, threading
threading.Thread(target=os.read, args=(os.pipe()[0], 1)).start()
os.write(1, b"!")
os.read(0, 1)
"""


def test_a_thread_that_was_killed_says_since_when_it_waited(world_of, flows_of):
    world = world_of()
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with world.start("svc", sys.executable, "-I", "-c", WAITING, **streams) as program:
        assert program.stdout.read(1)
        threads = Path(f"/proc/{program.pid}/task")
        until = time.monotonic() + 20
        while any((each / "syscall").read_text().split()[0] != READ for each in threads.iterdir()):
            assert time.monotonic() < until
        asleep = time.monotonic_ns()
        program.kill()
        program.wait()  # its input is closed only then: an end of file would be an answer to its read
    ended = of(flows_of(world), "ended")
    assert len(ended) == 2
    assert all(0 < each.began_ns < asleep < each.time_ns for each in ended)
