"""Whose bytes went where: what the kernel's programs say of it, beside what the programs themselves know."""

import itertools
import json
import os
import socket
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

SWARM = Path(__file__).parent / "programs" / "swarm.py"
UNIT = struct.Struct("<II")


def check_opened(story, flows):
    """Both ends are known to belong together: by addresses, or by what the one that was accepted says of the other."""
    caller, callee = (of(flows, "opened", end=story[each])[0] for each in ("end", "other"))
    assert callee.accepted == (story["kind"] != "pair")
    if story["kind"].startswith("tcp"):
        assert (caller.local, caller.remote) == (callee.remote, callee.local)
        assert ":" in caller.local
    else:
        assert callee.peer == story["end"]
        assert caller.peer in (0, story["other"])


def check_received(story, flows):
    """Every call that took bytes has its flow, whose number follows that of the one before; gives the first's."""
    received = [flow for flow in flows if flow.kind == "received" and flow.end == story["other"]]
    assert [(flow.tid, flow.length) for flow in received] == [tuple(each) for each in story["got"]]
    first = received[0].position - received[0].length
    at = first
    for flow in received:
        at += flow.length
        assert flow.position == (at & 0xFFFFFFFF if flow.length else 0)
    return first


def check_sent(story, flows, first):
    """A known number is right; gives how many of the calls' numbers are known."""
    sent = [flow for flow in flows if flow.kind == "sent" and flow.end == story["end"]]
    by_thread = defaultdict(list)
    for flow in sent:
        by_thread[flow.tid].append(flow)
    stream = bytes.fromhex(story["stream"])
    known = 0
    for tid, writer, nth, size in sorted(story["sent"]):
        flow = by_thread[tid][nth - 1]
        assert flow.length == size
        if flow.position:
            known += 1
            end = (flow.position - first) & 0xFFFFFFFF
            assert stream[end - size : end] == UNIT.pack(writer, nth) * (size // UNIT.size)
    return known


def test_every_byte_has_the_number_that_both_ends_give_it(world_of, flows_of, tmp_path):
    world = world_of()
    told = tmp_path / "told.json"
    assert world.run("svc", sys.executable, "-I", str(SWARM), str(told), str(tmp_path)) == 0
    assert world.totals().lost == {}
    flows = flows_of(world)
    for story in json.loads(told.read_text()):
        check_opened(story, flows)
        known = check_sent(story, flows, check_received(story, flows))
        assert not story["locked"] or known == len(story["sent"])


def of(flows, kind, **fields):
    return [each for each in flows if each.kind == kind and all(getattr(each, n) == v for n, v in fields.items())]


MESSAGES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def messages(name, fd, buffers):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    class Message(ctypes.Structure):
        _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("vectors", ctypes.POINTER(Vector)),
                    ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                    ("flags", ctypes.c_long), ("length", ctypes.c_long)]
    vectors = [Vector(ctypes.addressof(each), len(each)) for each in buffers]
    heads = (Message * len(buffers))(*(Message(None, 0, ctypes.pointer(each), 1, None, 0, 0, 0) for each in vectors))
    return getattr(libc, name)(fd, heads, len(buffers), 0, None)
"""

MANY_WAYS = """
import os, socket, sys, tempfile
here, there = socket.create_server(("127.0.0.1", 0)), socket.socket()
there.connect(here.getsockname())
end = here.accept()[0]
assert messages("sendmmsg", there.fileno(), [ctypes.create_string_buffer(b"x" * 9, 10) for _ in range(3)]) == 3
end.recv(30, socket.MSG_WAITALL)
end.sendall(b"y" * 20)
assert messages("recvmmsg", there.fileno(), [ctypes.create_string_buffer(20)]) == 1
with tempfile.TemporaryFile() as file:
    file.write(b"z" * 5000)
    file.flush()
    os.sendfile(there.fileno(), file.fileno(), 0, 5000)
end.recv(5000, socket.MSG_WAITALL)
take, give = os.pipe()
os.write(give, b"p" * 7)
os.splice(take, there.fileno(), 7)
os.splice(end.fileno(), give, 7)
os.write(os.dup(there.fileno()), b"d")
end.recv(1)
a, b = socket.socketpair()
socket.send_fds(a, [b"f"], [there.fileno()])
if os.fork() == 0:
    other = socket.socket(fileno=socket.recv_fds(b, 1, 1)[1][0])
    other.sendall(b"passed")
    os._exit(0)
os.wait()
end.recv(6)
print(os.fstat(there.fileno()).st_ino, os.fstat(end.fileno()).st_ino)
"""


def test_all_ways_to_move_bytes_and_to_come_to_a_descriptor(world_of, flows_of):
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", MESSAGES + MANY_WAYS, stdout=subprocess.PIPE) as program:
        there, end = map(int, program.communicate(timeout=20)[0].split())
    flows = flows_of(world)
    sent, received = of(flows, "sent", end=there), of(flows, "received", end=end)
    assert [each.length for each in sent] == [30, 5000, 7, 1, 6]
    assert [(each.position, each.length) for each in received] == [(each.position, each.length) for each in sent]
    assert all(each.position for each in sent)
    assert len({each.pid for each in sent}) == 2
    (back,) = of(flows, "received", end=there)
    assert (back.length, back.position) == (20, of(flows, "sent", end=end)[0].position)


OUTPUTS = """
import os, subprocess, sys
os.write(1, b"first\\n")
os.write(2, b"wrong\\n")
os.write(os.dup(1), b"second\\n")
subprocess.run("echo third; echo inside | cat >/dev/null; echo fourth >&2", shell=True)
os.close(1)
os.write(2, b"end\\n")
"""


def test_what_a_service_and_its_children_write_to_its_outputs(world_of, flows_of):
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", OUTPUTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as svc:
        pipes = {"stdout": os.fstat(svc.stdout.fileno()).st_ino, "stderr": os.fstat(svc.stderr.fileno()).st_ino}
        texts = svc.communicate(timeout=20)
    assert texts == (b"first\nsecond\nthird\n", b"wrong\nfourth\nend\n")
    wrote = of(flows_of(world), "wrote")
    for name, lengths in {"stdout": (6, 7, 6), "stderr": (6, 7, 4)}.items():
        said = [each for each in wrote if each.local == name]
        assert [each.length for each in said] == list(lengths)
        assert [each.position for each in said] == list(itertools.accumulate(lengths))
        assert {each.end for each in said} == {pipes[name]}
    assert len(wrote) == 6


WAITS = """
import ctypes, os, select, socket, threading, time
a, b = socket.socketpair()
poll = select.epoll()
poll.register(a, select.EPOLLIN)
poll.poll(0.02)
b.send(b"x")
poll.poll(5)
poll.poll(0)
select.select([a], [], [], 60)
one = select.poll()
one.register(a, select.POLLIN)
one.poll(7000)
time.sleep(0.001)
print(os.getpid())
"""


def test_waits_say_how_long_they_might_have_lasted_and_what_ended_them(world_of, flows_of):
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", WAITS) == 0
    waits = [each for each in of(flows_of(world), "waits") if each.local != "futex"]
    assert [(each.local, each.length, each.position) for each in waits[:5]] == [
        ("epoll", 0, 20_000),
        ("epoll", 1, 5_000_000),
        ("epoll", 1, 0),
        ("select", 1, 60_000_000),
        ("poll", 1, 7_000_000),
    ]
    assert [each.local for each in waits[5:]] == ["sleep"]
    assert waits[0].time_ns - waits[0].began_ns >= 20_000_000


def test_threads_and_processes_come_and_go(world_of, flows_of):
    code = (
        "import os, threading as t; a = t.Thread(target=int); a.start(); a.join(); os.fork() or os._exit(0)\nos.wait()"
    )
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", code) as program:
        assert program.wait(20) == 0
    flows = flows_of(world)
    thread, child = of(flows, "forked")
    assert {thread.pid, thread.tid, child.pid, child.tid} == {program.pid}
    assert {each.tid for each in of(flows, "ended")} == {program.pid, thread.child, child.child}
    assert [each.pid for each in of(flows, "ended", tid=thread.child)] == [program.pid]
    assert [each.pid for each in of(flows, "ended", tid=child.child)] == [child.child]


BESIDE = """
import os, socket, sys
mine = socket.socket(fileno=int(sys.argv[1]))
mine.sendall(b"from the lane")
mine.recv(100)
"""


def test_an_end_whose_past_is_not_known_has_no_numbers(world_of, flows_of):
    """It was used before the lane had it: what was counted since would be wrong."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"before")
        ours.sendall(b"answer")
        world = world_of()
        command = (sys.executable, "-I", "-c", BESIDE, str(theirs.fileno()))
        assert world.run("svc", *command, pass_fds=[theirs.fileno()]) == 0
        number = os.fstat(theirs.fileno()).st_ino
    flows = flows_of(world)
    moved = of(flows, "sent", end=number) + of(flows, "received", end=number)
    assert [(each.length, each.position) for each in moved] == [(13, 0), (6, 0)]


REPAIRED = """
import os, socket
REPAIR, QUEUE, NUMBER = 19, 20, 21  # of linux/tcp.h: a connection is put together as it would be after a restore
RECEIVE, SEND = 1, 2
START = 2**32 - 50

def end(local, remote, sends, receives):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    for queue, number in ((SEND, sends), (RECEIVE, receives)):
        made.setsockopt(socket.IPPROTO_TCP, QUEUE, queue)
        made.setsockopt(socket.IPPROTO_TCP, NUMBER, number.to_bytes(4, "little"))
    made.bind(("127.0.0.1", local))
    made.connect(("127.0.0.1", remote))
    return made

def free():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]

one, other = free(), free()
here, there = end(one, other, START, 1000), end(other, one, 1000, START)
for each in (here, there):
    each.setsockopt(socket.IPPROTO_TCP, REPAIR, -1)
for _ in range(10):
    here.sendall(b"x" * 10)
    assert there.recv(10, socket.MSG_WAITALL) == b"x" * 10
print(os.fstat(here.fileno()).st_ino, os.fstat(there.fileno()).st_ino)
"""


def test_numbers_go_on_from_zero_after_the_last(world_of, flows_of):
    world = world_of()
    with world.start("svc", sys.executable, "-I", "-c", REPAIRED, stdout=subprocess.PIPE) as program:
        here, there = map(int, program.communicate(timeout=20)[0].split())
    flows = flows_of(world)
    expected = [(2**32 - 50 + 10 * n + 9) % 2**32 for n in range(10)]
    assert expected[4] == 2**32 - 1
    assert [each.position for each in of(flows, "sent", end=here)] == expected
    assert [each.position for each in of(flows, "received", end=there)] == expected


KILLED = """
import os, pathlib, signal, socket
here, there = socket.socketpair()
child = os.fork()
if child == 0:
    there.recv(10)
while pathlib.Path(f"/proc/{child}/syscall").read_text().split()[0] not in ("45", "207"):
    pass
os.kill(child, signal.SIGKILL)
os.wait()
here.sendall(b"later")
there.recv(10)
"""


def test_a_call_that_ended_with_its_process_is_beside_no_other(world_of, flows_of):
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", KILLED) == 0
    assert [(each.length, each.position) for each in of(flows_of(world), "received")] == [(5, 5)]


RINGED = """
import ctypes, socket
here, there = socket.socketpair()
here.sendall(b"seen")
there.recv(10)
assert ctypes.CDLL(None).syscall(425, 4, (ctypes.c_char * 120)()) > 0  # io_uring_setup
here.sendall(b"who knows what before")
there.recv(100)
"""


def test_a_process_with_an_io_uring_may_have_moved_more_than_is_seen(world_of, flows_of):
    world = world_of()
    if world.run("svc", sys.executable, "-I", "-c", RINGED) != 0:
        pytest.skip("this host has no io_uring")
    assert [each.position for each in of(flows_of(world), "received")] == [4, 0]


UNCOUNTED = """
import socket
here, there = socket.socketpair()
here.sendall(b"seen")
assert messages("sendmmsg", here.fileno(), [ctypes.create_string_buffer(10) for _ in range(40)]) == 40
here.sendall(b"after")
there.recv(409, socket.MSG_WAITALL)
"""


def test_more_messages_than_are_counted_make_numbers_unknown_and_are_told_as_lost(world_of, flows_of):
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", MESSAGES + UNCOUNTED) == 0
    assert world.totals().lost == {"flows": 1}
    flows = flows_of(world)
    assert [(each.length, each.position) for each in of(flows, "sent")] == [(4, 4), (5, 0)]
    assert [(each.length, each.position) for each in of(flows, "received")] == [(409, 0)]
