"""Services that listen on one port, each on an address of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.root

InTown = Callable[..., Any]
PORT = 8080
FIRST, SECOND = "127.77.0.2", "127.77.0.3"
FIRST6, SECOND6 = "fdfb:77::2", "fdfb:77::3"


def two(town: Any) -> tuple[Any, Any]:
    """Two services that were given addresses for one port."""
    one, other = town.person("one"), town.person("other")
    town.network.own_address(one.cgroup, PORT, FIRST)
    town.network.own_address(other.cgroup, PORT, SECOND)
    return one, other


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "::", "::ffff:127.0.0.1"])
def test_both_may_listen_and_each_means_itself_by_localhost(in_town: InTown, host: str) -> None:
    def body(town: Any) -> None:
        one, other = two(town)
        servers = [each.listen(host, PORT, only6=False) for each in (one, other)]
        caller = town.person("api")
        for service, server, address in zip((one, other), servers, (FIRST, SECOND), strict=True):
            for person, to in ((caller, address), (service, "127.0.0.1"), (service, "::1")):
                client = person.connect(to, PORT)
                assert server.accept().getpeername()[1] == client.getsockname()[1]

    in_town(body)


@pytest.mark.parametrize("host", ["::", "::1"])
def test_sockets_for_version_6_alone(in_town: InTown, host: str) -> None:
    def body(town: Any) -> None:
        one, other = two(town)
        servers = [each.listen(host, PORT, only6=True) for each in (one, other)]
        also = one.listen("0.0.0.0", PORT)
        caller = town.person("api")
        for service, server, address in zip((one, other), servers, (FIRST6, SECOND6), strict=True):
            for person, to in ((caller, address), (service, "::1")):
                client = person.connect(to, PORT)
                assert server.accept().getpeername()[1] == client.getsockname()[1]
        one.connect("127.0.0.1", PORT)
        also.accept()

    in_town(body)


def test_other_ports_and_other_services_stay(in_town: InTown) -> None:
    def body(town: Any) -> None:
        one, _ = two(town)
        assert one.listen("127.0.0.1", PORT + 1).getsockname() == ("127.0.0.1", PORT + 1)
        assert one.listen("127.9.9.9", PORT).getsockname() == ("127.9.9.9", PORT)
        api = town.person("api")
        assert api.listen("127.0.0.1", PORT).getsockname() == ("127.0.0.1", PORT)

    in_town(body)


@pytest.mark.parametrize(("host", "to"), [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "::1")])
def test_datagrams(in_town: InTown, host: str, to: str) -> None:
    def body(town: Any) -> None:
        one, other = two(town)
        servers = [each.bound(host, PORT) for each in (one, other)]
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        for service, server in zip((one, other), servers, strict=True):
            service.datagrams(family).sendto(b"to myself", (to, PORT))
            assert server.recv(100) == b"to myself"
            client = service.datagrams(family)
            client.connect((to, PORT))
            client.send(b"again")
            assert server.recv(100) == b"again"

    in_town(body)


def test_an_edge_to_one_of_them(in_town: InTown) -> None:
    def body(town: Any) -> None:
        one, other = two(town)
        api, edge = town.person("api"), town.person("edge")
        servers = [each.listen("::", PORT, only6=False) for each in (one, other)]
        proxy = edge.listen("127.0.0.1", 0)
        town.network.steer(api.cgroup, PORT, edge.descriptor(proxy), None, address=SECOND)
        api.connect(FIRST, PORT)
        servers[0].accept()
        api.connect(SECOND, PORT)
        proxy.accept()

    in_town(body)


def test_datagrams_of_an_edge_to_one_of_them(in_town: InTown) -> None:
    def body(town: Any) -> None:
        one, other = two(town)
        api, edge = town.person("api"), town.person("edge")
        servers = [each.bound("0.0.0.0", PORT) for each in (one, other)]
        proxy = edge.bound("127.0.0.1", 0)
        town.network.steer(api.cgroup, PORT, edge.descriptor(proxy), None, address=SECOND)
        client = api.datagrams()
        for address, server in ((FIRST, servers[0]), (SECOND, proxy)):
            client.sendto(b"hello", (address, PORT))
            server.sendto(b"answer", server.recvfrom(100)[1])
            assert client.recvfrom(100) == (b"answer", (address, PORT))

    in_town(body)


def test_an_address_outside_is_refused(in_town: InTown) -> None:
    def body(town: Any) -> None:
        api = town.person("api")
        with pytest.raises(ValueError, match=r"10\.0\.0\.1 is not in 127\.77\.0\.0/16"):
            town.network.own_address(api.cgroup, PORT, "10.0.0.1")

    in_town(body)
