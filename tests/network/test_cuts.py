"""Partitions and loss, by packets through the kernel."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.root

InTown = Callable[..., Any]
PORT = 5432
HOSTS = ("127.0.0.1", "::1")


def pair(caller: Any, server: Any, host: str = "127.0.0.1") -> tuple[Any, Any]:
    client = caller.connect(host, PORT)
    return client, server.accept()


def passes(sender: Any, receiver: Any, never: float, data: bytes = b"x") -> bool:
    """Whether what one end sends reaches the other soon; what is late arrives with what comes after it."""
    receiver.settimeout(never)
    sender.send(data)
    try:
        return receiver.recv(1000).endswith(data)
    except TimeoutError:
        return False
    finally:
        receiver.settimeout(10)


@pytest.mark.parametrize("host", HOSTS)
def test_old_and_new_connections_of_the_caller_alone(in_town: InTown, never: float, host: str) -> None:
    def body(town: Any) -> None:
        api, web, db = (town.person(name) for name in ("api", "web", "db"))
        server = db.listen(host, PORT)
        client, served = pair(api, server, host)
        other, other_served = pair(web, server, host)
        handle = town.network.cut(api.cgroup, [PORT])
        assert not passes(client, served, never)
        assert not passes(served, client, never)
        assert passes(other, other_served, never)
        with pytest.raises(TimeoutError):
            api.connect(host, PORT, patience=never)
        pair(web, server, host)
        handle.close()
        assert served.recv(1) == b"x"
        assert client.recv(1) == b"x"
        pair(api, server, host)

    in_town(body)


def test_one_direction_at_a_time(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        server, client = db.bound("127.0.0.1", PORT), api.datagrams()
        client.connect(("127.0.0.1", PORT))
        client.send(b"hello")
        server.connect(server.recvfrom(10)[1])
        with_out = town.network.cut(api.cgroup, [PORT], "out")
        assert not passes(client, server, never)
        assert passes(server, client, never)
        with_out.close()
        town.network.cut(api.cgroup, [PORT], "in")
        assert passes(client, server, never)
        assert not passes(server, client, never)

    in_town(body)


def test_a_lost_syn_is_not_refused(in_town: InTown, never: float) -> None:
    """Nobody listens: the RST would tell the caller what it can't know."""

    def body(town: Any) -> None:
        api = town.person("api")
        handle = town.network.cut(api.cgroup, [PORT], "out")
        with pytest.raises(TimeoutError):
            api.connect("127.0.0.1", PORT, patience=never)
        handle.close()
        with pytest.raises(ConnectionRefusedError):
            api.connect("127.0.0.1", PORT)

    in_town(body)


def test_the_sender_of_a_lost_datagram_is_not_told(in_town: InTown) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        db.bound("127.0.0.1", PORT)
        town.network.cut(api.cgroup, [PORT])
        client = api.datagrams()
        client.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: errors of the device are reported
        assert client.sendto(b"x", ("127.0.0.1", PORT)) == 1

    in_town(body)


def test_everyone(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        server = db.listen("127.0.0.1", PORT)
        other = db.listen("127.0.0.1", PORT + 1)
        town.network.cut(None, [PORT])
        for caller in (api, db):
            with pytest.raises(TimeoutError):
                caller.connect("127.0.0.1", PORT, patience=never)
        api.connect("127.0.0.1", PORT + 1)
        other.accept()
        server.close()

    in_town(body)


def test_one_of_two_services_on_one_port(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        for address in ("127.77.0.2", "127.77.0.3"):
            db.listen(address, PORT)
        town.network.cut(api.cgroup, [PORT], address="127.77.0.3")
        api.connect("127.77.0.2", PORT)
        with pytest.raises(TimeoutError):
            api.connect("127.77.0.3", PORT, patience=never)

    in_town(body)


def test_a_steered_edge_is_cut_as_any_other(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db, edge = (town.person(name) for name in ("api", "db", "edge"))
        db.listen("127.0.0.1", PORT)
        proxy = edge.listen("127.0.0.1", 0)
        town.network.steer(api.cgroup, PORT, edge.descriptor(proxy), None)
        client, led = pair(api, proxy)
        handle = town.network.cut(api.cgroup, [PORT])
        assert not passes(client, led, never)
        assert not passes(led, client, never)
        with pytest.raises(TimeoutError):
            api.connect("127.0.0.1", PORT, patience=never)
        handle.close()
        pair(api, proxy)

    in_town(body)


@pytest.mark.parametrize("steered_first", [True, False])
def test_steered_datagrams_are_cut_too(in_town: InTown, never: float, steered_first: bool) -> None:
    def body(town: Any) -> None:
        api, db, edge = (town.person(name) for name in ("api", "db", "edge"))
        db.bound("127.0.0.1", PORT)
        proxy = edge.bound("127.0.0.1", 0)
        lead = lambda: town.network.steer(api.cgroup, PORT, edge.descriptor(proxy), None)  # noqa: E731
        cut = lambda: town.network.cut(api.cgroup, [PORT])  # noqa: E731
        if steered_first:
            lead()
        handle = cut()
        if not steered_first:
            lead()
        client = api.datagrams()
        client.connect(("127.0.0.1", PORT))
        assert not passes(client, proxy, never)
        handle.close()
        assert passes(client, proxy, never)

    in_town(body)


def losses(town: Any, seed: int) -> list[bool]:
    """Which of 200 datagrams are lost at 30 %."""
    api, db = town.person("api"), town.person("db")
    server = db.bound("127.0.0.1", PORT)
    client = api.datagrams()
    client.connect(("127.0.0.1", PORT))
    handle = town.network.cut(api.cgroup, [PORT], "out", loss=0.3, seed=seed)
    arrived = set()
    for number in range(200):
        client.send(bytes([number]))
    handle.close()
    client.send(b"end")
    while (data := server.recv(10)) != b"end":
        arrived.add(data[0])
    server.close()
    return [number in arrived for number in range(200)]


def test_loss_is_drawn_from_the_seed(in_town: InTown) -> None:
    first, again, other = (in_town(lambda town, seed=seed: losses(town, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert 110 < sum(first) < 170


def test_the_greatest_loss_holds(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        server = db.listen("127.0.0.1", PORT)
        whole = town.network.cut(api.cgroup, [PORT])
        town.network.cut(api.cgroup, [PORT, 80], loss=0.0)
        with pytest.raises(TimeoutError):
            api.connect("127.0.0.1", PORT, patience=never)
        whole.close()
        pair(api, server)

    in_town(body)


def test_a_loss_is_a_part_of_one(in_town: InTown) -> None:
    def body(town: Any) -> None:
        with pytest.raises(ValueError, match="loss is a part of 1, not 30"):
            town.network.cut(None, [PORT], loss=30)

    in_town(body)


def test_lost_packets_are_counted_for_the_cut_that_lost_them(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, web, db = (town.person(name) for name in ("api", "web", "db"))
        server = db.bound("127.0.0.1", PORT)
        client, other = api.datagrams(), web.datagrams()
        for each in (client, other):
            each.connect(("127.0.0.1", PORT))
        first = town.network.cut(api.cgroup, [PORT])
        assert first.packets == 0
        for sender in (client, client, other):
            sender.send(b"x")
        second = town.network.cut(api.cgroup, [PORT])
        client.send(b"x")
        assert (first.packets, second.packets) == (3, 1)
        first.close()
        client.send(b"x")
        assert (first.packets, second.packets) == (3, 2)
        second.close()
        client.send(b"x")
        assert (first.packets, second.packets) == (3, 2)
        assert server.recv(1) == b"x"
        again = town.network.cut(api.cgroup, [PORT])
        assert again.packets == 0
        client.send(b"x")
        assert (again.packets, first.packets) == (1, 3)

    in_town(body)


def test_what_a_greater_loss_takes_over_is_still_counted(in_town: InTown) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        db.bound("127.0.0.1", PORT)
        client = api.datagrams()
        client.connect(("127.0.0.1", PORT))
        part = town.network.cut(api.cgroup, [PORT], "out", loss=0.3, seed=1)
        for _ in range(100):
            client.send(b"x")
        taken = part.packets
        assert 15 < taken < 45
        whole = town.network.cut(api.cgroup, [PORT])
        client.send(b"x")
        assert (part.packets, whole.packets) == (taken + 1, 1)

    in_town(body)


def test_answers_are_counted_where_they_are_lost(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        api, db = town.person("api"), town.person("db")
        client, served = pair(api, db.listen("127.0.0.1", PORT))
        cut = town.network.cut(api.cgroup, [PORT], "in")
        client.send(b"question")
        assert served.recv(10) == b"question"
        assert cut.packets >= 1  # the kernel's own acknowledgement
        before = cut.packets
        served.send(b"answer")
        assert cut.packets > before

    in_town(body)
