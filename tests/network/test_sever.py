"""Cutting connections, in a network namespace of the test's own."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from faultbox.linux import sockdiag
from faultbox.network import sever

pytestmark = pytest.mark.root

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def in_a_namespace(body: Callable[[], None]) -> None:
    """Run in a child with a fresh network; its traceback is the failure."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from faultbox.linux._call import libc

            assert libc.unshare(_CLONE_NEWNET) == 0
            with socket.socket() as control:
                fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
            body()
        except BaseException:  # noqa: BLE001 - handed to the parent
            os.write(write, traceback.format_exc().encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:  # noqa: PTH123
        failure = pipe.read().decode()
    os.waitpid(pid, 0)
    assert not failure, failure


def pair(family: Any = socket.AF_INET, host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket, int]:
    server = socket.socket(family)
    server.bind((host, 0))
    server.listen()
    client = socket.create_connection(server.getsockname()[:2])
    accepted, _ = server.accept()
    return client, accepted, server.getsockname()[1]


def test_a_pooled_connection_is_reset() -> None:
    def body() -> None:
        client, accepted, port = pair()
        other, other_accepted, _ = pair()
        assert sever([port]) == 1
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with pytest.raises(ConnectionAbortedError):
            accepted.recv(1)
        other.send(b"x")
        assert other_accepted.recv(1) == b"x"
        assert sever([port]) == 0

    in_a_namespace(body)


def test_version_6_and_mapped_addresses() -> None:
    def body() -> None:
        client, accepted, port = pair(socket.AF_INET6, "::1")
        mapped, also_accepted, mapped_port = pair(socket.AF_INET6, "::ffff:127.0.0.1")
        assert sever([port, mapped_port]) == 2
        assert accepted.family == also_accepted.family
        for each in (client, mapped):
            with pytest.raises(ConnectionResetError):
                each.recv(1)

    in_a_namespace(body)


def test_the_drivers_connections_are_spared() -> None:
    def body() -> None:
        client, accepted, port = pair()
        assert sever([port], spare_local_ports=[client.getsockname()[1]]) == 0
        client.send(b"x")
        assert accepted.recv(1) == b"x"

    in_a_namespace(body)


def test_a_connection_that_nobody_accepted_is_cut_too() -> None:
    def body() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            assert sever([server.getsockname()[1]]) == 1
            with pytest.raises(ConnectionError):
                client.recv(1)

    in_a_namespace(body)


def test_a_half_closed_connection_is_cut_at_the_clients_end() -> None:
    def body() -> None:
        client, accepted, port = pair()
        accepted.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert sever([port]) == 1
        with pytest.raises(ConnectionError):
            client.send(b"x")

    in_a_namespace(body)


def test_many_connections_at_once() -> None:
    def body() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=400) as server:
            clients = [socket.create_connection(server.getsockname()) for _ in range(300)]
            accepted = [server.accept()[0] for _ in clients]
            assert len(sockdiag.connections()) == 600
            assert sever([server.getsockname()[1]]) == 300
            assert len(accepted) == 300

    in_a_namespace(body)
