"""Who is led where, by packets through the kernel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import select
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import network
from faultbox.linux import bpf, cgroup
from faultbox.linux._call import number_of, syscall

pytestmark = pytest.mark.root

InTown = Callable[..., Any]
PORT = 5432
HOSTS = ("127.0.0.1", "::1")


class Place:
    """A service on PORT, and listeners that stand in for it; both of IPv4 and of IPv6."""

    def __init__(self, town: Any) -> None:
        self.town = town
        self.db = town.person("db")
        self.edge = town.person("edge")
        self.real = {host: self.db.listen(host, PORT) for host in HOSTS}
        self.proxy = {host: self.edge.listen(host, 0) for host in HOSTS}

    def steer(self, caller: Any, **how: Any) -> network.Handle:
        descriptors = [self.edge.descriptor(self.proxy[host]) for host in HOSTS]
        try:
            return self.town.network.steer(caller.cgroup, PORT, *descriptors, **how)
        finally:
            for each in descriptors:
                os.close(each)

    def answers(self, caller: Any, host: str = "127.0.0.1", **how: Any) -> str:
        """Who answers the caller: 'db' or 'edge'."""
        client = caller.connect(host, PORT, **how)
        assert client.getpeername()[:2] == (host, PORT)
        for name, servers in (("db", self.real), ("edge", self.proxy)):
            servers[host].settimeout(0)
            with contextlib.suppress(BlockingIOError):
                accepted = servers[host].accept()
                assert accepted.getsockname()[:2] == (host, PORT)
                assert accepted.getpeername() == client.getsockname()
                accepted.close()
                client.close()
                return name
        raise AssertionError("nobody was connected to")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("own_netns", [True, False])
def test_only_the_caller_is_led_away(in_town: InTown, host: str, own_netns: bool) -> None:
    def body(town: Any) -> None:
        place, api, web = Place(town), town.person("api"), town.person("web")
        handle = place.steer(api)
        assert place.answers(api, host) == "edge"
        assert place.answers(web, host) == "db"
        assert place.answers(place.edge, host) == "db"
        handle.close()
        assert place.answers(api, host) == "db"

    in_town(body, own_netns=own_netns)


def test_a_cgroup_below_the_callers_is_the_caller(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        worker = town.person("api/workers/1")
        place.steer(api)
        assert place.answers(worker) == "edge"

    in_town(body)


def test_what_is_connected_stays_as_it_is(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        before = api.connect("127.0.0.1", PORT)
        served = place.real["127.0.0.1"].accept()
        handle = place.steer(api)
        during = api.connect("127.0.0.1", PORT)
        led = place.proxy["127.0.0.1"].accept()
        for client, server in ((before, served), (during, led)):
            client.sendall(b"question")
            assert server.recv(100) == b"question"
        handle.close()
        for client, server in ((before, served), (during, led)):
            server.sendall(b"answer")
            assert client.recv(100) == b"answer"

    in_town(body)


def test_a_four_tuple_is_used_again_after_the_proxy_closed_first(in_town: InTown) -> None:
    """The proxy's end stays in TIME_WAIT: its SYN must still be led, and not be dropped as a duplicate."""

    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        place.steer(api)
        for _ in range(5):
            assert place.answers(api, source=40_001, patience=0.9) == "edge"

    in_town(body)


def test_where_the_service_does_not_listen_nobody_does(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        place.steer(api)
        place.real["::1"].close()
        with pytest.raises(ConnectionRefusedError):
            api.connect("::1", PORT)
        assert place.answers(api) == "edge"
        place.db.end(signal=signal.SIGKILL)
        with pytest.raises(ConnectionRefusedError):
            api.connect("127.0.0.1", PORT)

    in_town(body)


def test_a_service_on_every_address(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        for server in place.real.values():
            server.close()
        place.db.listen("::", PORT, only6=False)
        place.steer(api)
        for host in HOSTS:
            api.connect(host, PORT)
            place.proxy[host].accept()

    in_town(body)


def test_a_dead_proxy_is_never_passed_by(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        handle = place.steer(api)
        place.edge.end(signal=signal.SIGKILL)
        for host in HOSTS:
            with pytest.raises(TimeoutError):
                api.connect(host, PORT, patience=never)
        handle.close()
        assert place.answers(api) == "db"

    in_town(body)


def test_without_a_listener_for_version_6_it_is_dropped(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        town.network.steer(api.cgroup, PORT, place.edge.descriptor(place.proxy["127.0.0.1"]), None)
        assert place.answers(api) == "edge"
        with pytest.raises(TimeoutError):
            api.connect("::1", PORT, patience=never)

    in_town(body)


def test_a_refused_edge(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api, web = Place(town), town.person("api"), town.person("web")
        old = api.connect("127.0.0.1", PORT)
        served = place.real["127.0.0.1"].accept()
        place.steer(api)
        outer = town.network.edge_refused(api.cgroup, PORT)
        inner = town.network.edge_refused(api.cgroup, PORT)
        for before, held in ((0, inner), (2, outer)):
            assert town.network.refusals(api.cgroup, PORT) == before
            for host in HOSTS:
                with pytest.raises(ConnectionRefusedError):
                    api.connect(host, PORT)
            held.close()
            held.close()
        assert town.network.refusals(api.cgroup, PORT) == 0
        assert place.answers(api) == "edge"
        assert place.answers(web) == "db"
        old.sendall(b"still here")
        assert served.recv(100) == b"still here"

    in_town(body)


def test_a_connect_that_does_not_wait_is_refused_too(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        town.network.edge_refused(api.cgroup, PORT)
        client = api.open(socket.AF_INET)
        client.settimeout(0)
        code = client.connect_ex(("127.0.0.1", PORT))
        if code:
            poll = select.poll()
            poll.register(api.descriptor(client), select.POLLOUT)
            assert poll.poll(5000)
        assert os.strerror(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == "Connection refused"
        assert place.answers(place.edge) == "db"

    in_town(body)


def test_one_of_two_services_on_one_port(in_town: InTown) -> None:
    def body(town: Any) -> None:
        api, db, edge = town.person("api"), town.person("db"), town.person("edge")
        first, second = db.listen("127.77.0.2", 80), db.listen("127.77.0.3", 80)
        proxy = edge.listen("127.0.0.1", 0)
        town.network.steer(api.cgroup, 80, edge.descriptor(proxy), None, address="127.77.0.3")
        api.connect("127.77.0.2", 80)
        first.accept()
        api.connect("127.77.0.3", 80)
        proxy.accept()
        second.settimeout(0)
        with pytest.raises(BlockingIOError):
            second.accept()

    in_town(body)


def test_an_edge_is_steered_once_at_a_time(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        handle = place.steer(api)
        with pytest.raises(ValueError, match="connections of api to port 5432 are steered already"):
            place.steer(api)
        handle.close()
        handle.close()
        place.steer(api)
        assert place.answers(api) == "edge"

    in_town(body)


def test_many_connections_at_once(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        place.steer(api)
        clients = [api.connect("127.0.0.1", PORT) for _ in range(400)]
        peers = {place.proxy["127.0.0.1"].accept().getpeername() for _ in clients}
        assert peers == {client.getsockname() for client in clients}

    in_town(body)


def test_worlds_with_the_same_ports_do_not_meet(
    forked: Callable[..., Any], found: Any, programs: network.Programs
) -> None:
    def body() -> None:
        inside, outside = os.pipe()
        go, gone = os.pipe()

        def other() -> None:
            town = found("other", programs)
            try:
                place, api = Place(town), town.person("api")
                place.steer(api)
                os.write(outside, b"x")
                os.read(go, 1)
                assert place.answers(api) == "edge"
                os.write(outside, b"y")
            finally:
                town.close()

        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                other()
            os._exit(0)
        assert os.read(inside, 1) == b"x"
        town = found("town", programs)
        try:
            place, api = Place(town), town.person("api")
            assert place.answers(api) == "db"
            handle = place.steer(api)
            assert place.answers(api) == "edge"
            handle.close()
            town.network.close()
            os.write(gone, b"x")
            assert os.read(inside, 1) == b"y"
        finally:
            os.close(gone)
            town.close()
            os.waitpid(pid, 0)

    forked(body)


def entries(programs: network.Programs, world: int) -> int:
    """The elements of shared maps that a world owns."""
    steer = programs.of("steer").maps
    values = [bpf.lookup(steer["edges"], key, 16) for key in bpf.keys(steer["edges"], 16)]
    values += [bpf.lookup(steer["slots"], key, 8) for key in bpf.keys(steer["slots"], 4)]
    return sum(value is not None and int.from_bytes(value[:8], "little") == world for value in values)


def test_a_closed_network_leaves_nothing(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place, api = Place(town), town.person("api")
        world = town.cgroup.stat().st_ino
        place.steer(api)
        town.network.edge_refused(api.cgroup, PORT)
        assert entries(town.programs, world) == 3
        town.network.close()
        town.network.close()
        assert entries(town.programs, world) == 0
        assert place.answers(api) == "db"

    in_town(body)


def own_links() -> list[int]:
    """The ids of the links that this process holds, from /proc/self/fdinfo."""
    found = []
    for name in os.listdir("/proc/self/fdinfo"):
        with contextlib.suppress(OSError):
            lines = Path("/proc/self/fdinfo", name).read_text().splitlines()
            found += [int(line.split()[1]) for line in lines if line.startswith("link_id:")]
    return found


def link_exists(number: int) -> bool:
    """bpf(2), BPF_LINK_GET_FD_BY_ID."""
    buffer = ctypes.create_string_buffer(struct.pack("=I60x", number), 64)
    try:
        os.close(syscall("bpf", number_of("bpf", {"x86_64": 321, "aarch64": 280}), 30, ctypes.addressof(buffer), 64))
    except FileNotFoundError:
        return False
    return True


@pytest.mark.parametrize("own_netns", [True, False])
def test_a_killed_world_leaves_nothing(
    forked: Callable[..., Any], found: Any, programs: network.Programs, until: Callable[..., None], own_netns: bool
) -> None:
    def body() -> None:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            town = found("killed", programs, own_netns=own_netns)
            place, api = Place(town), town.person("api")
            place.steer(api)
            town.network.cut(api.cgroup, [PORT])
            os.write(write, pickle.dumps((town.cgroup, own_links())))
            signal.pause()
        world, owned = pickle.loads(os.read(read, 4096))
        assert len(owned) == (3 if own_netns else 5)
        assert all(map(link_exists, owned))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert entries(programs, world.stat().st_ino) == 2
        programs.forget(world)
        assert entries(programs, world.stat().st_ino) == 0
        cgroup.remove(world)
        programs.forget(world)
        until(lambda: not any(map(link_exists, owned)), "the links are gone")

    forked(body)
