"""UDP edges, by datagrams through the kernel."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from faultbox import network

pytestmark = pytest.mark.root

InTown = Callable[..., Any]
PORT = 5353
HOSTS = ("127.0.0.1", "::1")


class Place:
    """A service of datagrams on PORT and a proxy for it."""

    def __init__(self, town: Any) -> None:
        self.town = town
        self.dns, self.edge, self.api = (town.person(name) for name in ("dns", "edge", "api"))
        self.real = {host: self.dns.bound(host, PORT) for host in HOSTS}
        self.proxy = {host: self.edge.bound(host, 0) for host in HOSTS}

    def steer(self, **how: Any) -> network.Handle:
        descriptors = [self.edge.descriptor(self.proxy[host]) for host in HOSTS]
        try:
            return self.town.network.steer(self.api.cgroup, PORT, *descriptors, **how)
        finally:
            for each in descriptors:
                os.close(each)


def echo(server: Any) -> None:
    data, client = server.recvfrom(100)
    server.sendto(data.upper(), client)


@pytest.mark.parametrize("host", HOSTS)
def test_a_socket_that_is_not_connected(in_town: InTown, host: str) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        handle = place.steer()
        for server in (place.proxy, place.real):
            client = place.api.datagrams(socket.AF_INET6 if ":" in host else socket.AF_INET)
            client.sendto(b"hello", (host, PORT))
            echo(server[host])
            data, sender = client.recvfrom(100)
            assert (data, sender[:2]) == (b"HELLO", (host, PORT))
            handle.close()

    in_town(body)


@pytest.mark.parametrize("host", HOSTS)
def test_a_connected_socket_keeps_its_peer(in_town: InTown, host: str) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.steer()
        client = place.api.datagrams(socket.AF_INET6 if ":" in host else socket.AF_INET)
        client.connect((host, PORT))
        assert client.getpeername()[:2] == (host, PORT)
        client.send(b"hello")
        echo(place.proxy[host])
        assert client.recv(100) == b"HELLO"

    in_town(body)


@pytest.mark.parametrize("connected", [True, False])
def test_an_address_of_version_4_in_a_socket_of_version_6(in_town: InTown, connected: bool) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.steer()
        client = place.api.datagrams(socket.AF_INET6)
        if connected:
            client.connect(("::ffff:127.0.0.1", PORT))
            client.send(b"hello")
        else:
            client.sendto(b"hello", ("::ffff:127.0.0.1", PORT))
        echo(place.proxy["127.0.0.1"])
        data, sender = client.recvfrom(100)
        assert (data, sender[:2]) == (b"HELLO", ("::ffff:127.0.0.1", PORT))

    in_town(body)


def test_others_are_not_led(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.steer()
        for caller in (place.edge, town.person("web")):
            caller.datagrams().sendto(b"hello", ("127.0.0.1", PORT))
            assert place.real["127.0.0.1"].recv(100) == b"hello"

    in_town(body)


def test_one_socket_to_several_addresses(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.dns.bound("127.0.0.1", PORT + 1)
        other = place.edge.bound("127.0.0.1", 0)
        place.steer()
        town.network.steer(place.api.cgroup, PORT + 1, place.edge.descriptor(other), None)
        client = place.api.datagrams()
        for port, proxy in ((PORT, place.proxy["127.0.0.1"]), (PORT + 1, other)):
            client.sendto(b"hello", ("127.0.0.1", port))
            echo(proxy)
            assert client.recvfrom(100) == (b"HELLO", ("127.0.0.1", port))

    in_town(body)


def test_proxies_of_both_versions_may_have_one_port(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        port = place.proxy["127.0.0.1"].getsockname()[1]
        place.proxy["::1"] = place.edge.bound("::1", port)
        place.steer()
        client = place.api.datagrams(socket.AF_INET6)
        to = {"127.0.0.1": "::ffff:127.0.0.1", "::1": "::1"}
        for host in HOSTS:
            client.sendto(b"hello", (to[host], PORT))
        for host in HOSTS:
            echo(place.proxy[host])
            assert client.recvfrom(100)[1][0] == to[host]

    in_town(body)


def test_where_the_service_is_not_nobody_is(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.steer()
        place.real["127.0.0.1"].close()
        client = place.api.datagrams()
        client.connect(("127.0.0.1", PORT))
        client.send(b"hello")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)

    in_town(body)


def test_without_a_proxy_for_version_6_it_is_refused(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        town.network.steer(place.api.cgroup, PORT, place.edge.descriptor(place.proxy["127.0.0.1"]), None)
        with pytest.raises(ConnectionRefusedError):
            place.api.datagrams(socket.AF_INET6).connect(("::1", PORT))
        with pytest.raises(ConnectionRefusedError):
            place.api.datagrams(socket.AF_INET6).sendto(b"hello", ("::1", PORT))

    in_town(body)


def test_a_dead_proxy_is_never_passed_by(in_town: InTown, never: float) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        place.steer()
        place.proxy["127.0.0.1"].close()
        client = place.api.datagrams()
        client.connect(("127.0.0.1", PORT))
        client.send(b"hello")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)
        place.real["127.0.0.1"].settimeout(never)
        with pytest.raises(TimeoutError):
            place.real["127.0.0.1"].recv(100)

    in_town(body)


def test_an_edge_is_steered_once_at_a_time(in_town: InTown) -> None:
    def body(town: Any) -> None:
        place = Place(town)
        handle = place.steer()
        with pytest.raises(ValueError, match="datagrams of api to port 5353 are steered already"):
            place.steer()
        handle.close()
        place.steer()

    in_town(body)
