"""Connections: who made them to whom, how they ended, and how much went through them."""

import socket
import struct
import subprocess
import sys

import pytest

from faultbox import observe
from faultbox.model.fault import Port
from faultbox.model.observation import ConnectionTotals, Watch

pytestmark = pytest.mark.root

SERVER = """
import socket, sys, threading
family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
mptcp = 262 if sys.argv[1] == "mptcp" else 0  # as Go's servers do by default
listener = socket.socket(family, proto=mptcp)
listener.bind(("::" if family == socket.AF_INET6 else "127.0.0.1", int(sys.argv[2])))
listener.listen()
print(listener.getsockname()[1], flush=True)

def serve(end):
    while data := end.recv(65536):
        end.sendall(data * 2)
    end.close()

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

CALLER = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
for size in map(int, sys.argv[3:]):
    with socket.create_connection((host, port)) as end:
        print(*end.getsockname()[:2])
        end.sendall(b"x" * size)
        end.shutdown(socket.SHUT_WR)
        while end.recv(65536):
            pass
"""

WATCHED = Watch(sockets=True)


@pytest.fixture
def serving(world_of):
    """A world with a server in the lane `db`, and its port."""
    started = []

    def start(family="4", port=0, lanes=("api", "db"), **how):
        world = world_of(dict.fromkeys(lanes, WATCHED), **how)
        program = world.start("db", sys.executable, "-I", "-c", SERVER, family, str(port), stdout=subprocess.PIPE)
        started.append(program)
        return world, int(program.stdout.readline())

    yield start
    for program in started:
        program.kill()
        program.wait()
        program.stdout.close()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def call(world, host, port, *sizes):
    """What a caller in `api` says of the addresses of its ends."""
    command = (sys.executable, "-I", "-c", CALLER, host, str(port), *map(str, sizes))
    with world.start("api", *command, stdout=subprocess.PIPE) as program:
        said = program.communicate(timeout=20)[0].decode().split("\n")[:-1]
        assert program.returncode == 0
    return [tuple(line.split()) for line in said]


def shown(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@pytest.mark.parametrize(
    ("family", "host"), [("4", "127.0.0.1"), ("6", "::1"), ("6", "127.0.0.1"), ("mptcp", "127.0.0.1")]
)
def test_both_ends_of_a_connection(serving, free_port, until, family, host):
    """IPv4 inside IPv6, at the server, is the same address; a listener of MPTCP takes plain callers as they are."""
    world, port = serving(family, free_port, ports=[Port("db", "main", free_port)])
    sizes = (1, 100_000, 0)
    locals_ = [shown(*each) for each in call(world, host, port, *sizes)]
    until(lambda: len(world.of("socket", op="close")) == 6, "both ends of three connections are closed")
    for lane, here, there, op in (("api", 0, 1, "connect"), ("db", 1, 0, "accept")):
        begun = [each.fields for each in world.of("socket", op=op)]
        ended = [each.fields for each in world.of("socket", op="close") if each.service == lane]
        for fields, local, size in zip(begun, locals_, sizes, strict=True):
            ends = (local, shown(host, port))
            assert (fields["local"], fields["peer"]) == (ends[here], ends[there])
            assert (fields["caller"], fields["callee"]) == ("api", "db")
            (end,) = [each for each in ended if each["local"] == ends[here] and each["peer"] == ends[there]]
            moved = (end["bytes_sent"], end["bytes_received"])
            assert moved == ((str(size), str(2 * size)) if lane == "api" else (str(2 * size), str(size)))
            assert float(end["lasted_ms"]) > 0
    (total,) = world.totals().connections
    busy = total.retransmits  # on a busy host the kernel probes for a loss
    assert total == ConnectionTotals("api", "db", port, 3, 0, 0, sum(sizes), 2 * sum(sizes), busy)


HOLDER = """
import socket, sys
ends = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(8)]
for end in ends[:3]:
    end.close()
ends[4].sendall(b"four")
assert ends[4].recv(100)
print("there", flush=True)
sys.stdin.read()
"""


def test_open_connections_are_those_that_ss_shows(serving):
    world, port = serving()
    with world.start(
        "api", sys.executable, "-I", "-c", HOLDER, str(port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        table = subprocess.run(
            ("ss", "-HtniO", "state", "established", f"dport = :{port}"), capture_output=True, text=True, check=True
        ).stdout
        listed = {(line.split()[2], line.split()[3]) for line in table.splitlines()}
        seen = {(e.fields["local"], e.fields["peer"]) for e in world.of("socket", op="connect")}
        gone = {(e.fields["local"], e.fields["peer"]) for e in world.of("socket", op="close") if e.service == "api"}
        assert len(gone) == 3
        assert seen - gone == listed
        (total,) = world.totals().connections
        assert (total.opened, total.bytes_sent, total.bytes_received) == (8, 4, 8)
        holder.stdin.close()


def test_a_refused_connection(world_of, free_port):
    world = world_of({"api": WATCHED}, ports=[Port("db", "main", free_port)])
    code = f"import socket; socket.socket().connect_ex(('127.0.0.1', {free_port}))"
    assert world.run("api", sys.executable, "-I", "-c", code) == 0
    (event,) = world.of("socket")
    assert {"op": "refused", "peer": f"127.0.0.1:{free_port}", "caller": "api", "callee": "db"}.items() <= (
        event.fields.items()
    )
    assert world.totals().connections == (ConnectionTotals("api", "db", free_port, refused=1),)


RESETTER = f"""
import socket, sys
end = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
end.sendall(b"hello")
end.recv(100)
end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, {struct.pack("ii", 1, 0)!r})
end.close()
"""


def test_a_reset_is_told_to_whom_it_was_sent_and_counted_for_the_edge(serving, until):
    world, port = serving()
    assert world.run("api", sys.executable, "-I", "-c", RESETTER, str(port)) == 0
    until(lambda: world.of("socket", op="reset"), "the server is told of the reset")
    (reset,) = world.of("socket", op="reset")
    assert (reset.service, reset.fields["caller"], reset.fields["callee"]) == ("db", "api", "db")
    assert (reset.fields["bytes_sent"], reset.fields["bytes_received"]) == ("10", "5")
    (close,) = world.of("socket", op="close")
    assert (close.service, close.fields["bytes_sent"], close.fields["bytes_received"]) == ("api", "5", "10")
    (total,) = world.totals().connections
    assert (total.opened, total.reset, total.bytes_sent, total.bytes_received) == (1, 1, 5, 10)


PATIENT = """
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
ends = []
for _ in range(3):
    end = socket.socket()
    end.setblocking(False)
    end.connect_ex(listener.getsockname())
    ends.append(end)
print("there", flush=True)
sys.stdin.read()
"""


def test_a_retransmission(world_of, until):
    """A listener whose queue is full answers nothing: the caller's SYN is sent again after a second."""
    world = world_of({"api": WATCHED})
    with world.start(
        "api", sys.executable, "-I", "-c", PATIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        program.stdout.readline()
        until(lambda: world.of("socket", op="retransmit"), "a SYN is sent again")
        assert world.totals().connections[0].retransmits >= 1
        program.stdin.close()


def test_nothing_is_told_of_a_lane_that_is_not_watched(world_of, serving):
    world, port = serving()
    other = world_of({"api": Watch()})
    assert len(call(other, "127.0.0.1", port, 5)) == 1
    assert other.of("socket") == []
    (total,) = other.totals().connections
    assert (total.caller, total.callee, total.opened, total.bytes_sent, total.bytes_received) == ("api", "", 1, 5, 10)
    assert world.totals().connections == ()


HEIR = """
import socket, sys
end = socket.socket(fileno=int(sys.argv[1])).accept()[0]
end.sendall(end.recv(100))
end.close()
"""


def test_a_listener_that_is_older_than_its_process_in_the_lane(world_of, until):
    """As that of a proxy, or of a service that inherits it: who accepts is who was connected to."""
    world = world_of({"api": WATCHED, "db": WATCHED})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, inherited = listener.getsockname()[1], listener.fileno()
        with world.start("db", sys.executable, "-I", "-c", HEIR, str(inherited), pass_fds=[inherited]) as heir:
            (local,) = call(world, "127.0.0.1", port, 5)
            assert heir.wait(20) == 0
    (accepted,) = world.of("socket", op="accept")
    assert (accepted.service, accepted.fields["caller"]) == ("db", "api")
    assert accepted.fields["peer"] == shown(*local)
    until(lambda: [each for each in world.of("socket", op="close") if each.service == "db"], "its end")
    world.close()
    opened = [each for each in observe.flows(world.place / "flows.bin") if each.kind == "opened" and each.local]
    assert {(each.lane, each.accepted) for each in opened} == {("api", False), ("db", True)}
    assert {each.local for each in opened} == {each.remote for each in opened}


def test_a_socket_that_is_older_than_its_process_in_the_lane(world_of):
    """Who connects is the caller, whoever made the socket."""
    world = world_of({"api": WATCHED})
    code = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).connect(('127.0.0.1', int(sys.argv[2])))"
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as made:
        port = listener.getsockname()[1]
        command = (sys.executable, "-I", "-c", code, str(made.fileno()), str(port))
        assert world.run("api", *command, pass_fds=[made.fileno()]) == 0
        (connect,) = world.of("socket", op="connect")
        assert (connect.fields["caller"], connect.fields["peer"]) == ("api", f"127.0.0.1:{port}")
    assert [(each.caller, each.opened) for each in world.totals().connections] == [("api", 1)]


def test_what_our_process_connects_to_before_the_scenario_is_no_step_of_it(world_of):
    program = "import socket, sys\nlistener = socket.create_server(('127.0.0.1', 0))\n"
    program += "print(listener.getsockname()[1], flush=True)\nends = [listener.accept()[0] for _ in range(3)]\n"
    world = world_of({"db": WATCHED, "driver": Watch()})
    with world.start("db", sys.executable, "-I", "-c", program, stdout=subprocess.PIPE) as served:
        port = int(served.stdout.readline())
        knock = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).close()"
        assert world.run("driver", sys.executable, "-I", "-c", knock) == 0
        world.observer.driving()
        for _ in range(2):
            assert world.run("driver", sys.executable, "-I", "-c", knock) == 0
        assert served.wait(20) == 0
    assert [each.fields["caller"] for each in world.of("socket", op="accept")] == ["(readiness)", "driver", "driver"]
    assert [(each.caller, each.opened) for each in world.totals().connections] == [("(readiness)", 1), ("driver", 2)]
