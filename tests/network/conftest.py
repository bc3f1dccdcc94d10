"""Towns for tests: a network namespace and a cgroup, with people in it who own sockets."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faultbox import network
from faultbox.linux import cgroup, namespaces

SOON_S = 10.0
"""How long a socket waits for what is to come."""
NEVER_S = 0.25
"""How long it waits for what is not to come."""


def fork(body: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


class FarSocket:
    """A socket of a person: its methods run where that person lives, and raise here."""

    def __init__(self, person: Person, key: int) -> None:
        self._person = person
        self._key = key

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments: self._person.ask(self._key, method, arguments)

    def accept(self) -> FarSocket:
        key: int = self._person.ask(self._key, "accept", ())
        return FarSocket(self._person, key)


class Person:
    """A process in a cgroup of its own."""

    def __init__(self, directory: Path) -> None:
        self.cgroup = cgroup.create(directory)
        self._link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def live() -> None:
            (directory / "cgroup.procs").write_text("0")
            self._link.close()
            _serve(other)

        self.pid = fork(live)
        other.close()

    def ask(self, key: int, method: str, arguments: tuple[Any, ...]) -> Any:
        self._link.send(pickle.dumps((key, method, arguments)))
        good, value = pickle.loads(self._link.recv(1 << 20))
        if not good:
            raise value
        return value

    def open(self, family: int, kind: int = socket.SOCK_STREAM) -> FarSocket:
        return FarSocket(self, self.ask(0, "socket", (family, kind)))

    def listen(self, host: str, port: int, *, only6: bool = True, backlog: int = 512) -> FarSocket:
        server = self.open(_family(host))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in host:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only6))
        server.bind((host, port))
        server.listen(backlog)
        return server

    def bound(self, host: str, port: int) -> FarSocket:
        """A socket of datagrams."""
        server = self.open(_family(host), socket.SOCK_DGRAM)
        server.bind((host, port))
        return server

    def datagrams(self, family: int = socket.AF_INET) -> FarSocket:
        return self.open(family, socket.SOCK_DGRAM)

    def connect(self, host: str, port: int, *, source: int = 0, patience: float = SOON_S) -> FarSocket:
        client = self.open(_family(host))
        client.settimeout(patience)
        if source:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", source))
        try:
            client.connect((host, port))
        except OSError:
            client.close()
            raise
        client.settimeout(SOON_S)
        return client

    def descriptor(self, server: FarSocket) -> int:
        """One of ours for a socket of theirs."""
        self._link.send(pickle.dumps((server._key, "share", ())))
        _, fds, _, _ = socket.recv_fds(self._link, 16, 1)
        return fds[0]

    def end(self, *, signal: int | None = None) -> None:
        if signal is not None:
            os.kill(self.pid, signal)
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)  # later people hold copies of this end
        self._link.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _serve(link: socket.socket) -> None:
    sockets: dict[int, Any] = {}
    while data := link.recv(1 << 20):
        key, method, arguments = pickle.loads(data)
        try:
            if method == "share":
                socket.send_fds(link, [b"x"], [sockets[key].fileno()])
                continue
            if method == "socket":
                value = sockets[len(sockets) + 1] = socket.socket(*arguments)
                value.settimeout(SOON_S)
                value = len(sockets)
            elif method == "accept":
                value = sockets[len(sockets) + 1] = sockets[key].accept()[0]
                value.settimeout(SOON_S)
                value = len(sockets)
            else:
                value = getattr(sockets[key], method)(*arguments)
            answer = (True, value)
        except OSError as error:
            answer = (False, error)
        link.send(pickle.dumps(answer))


class Town:
    """A world as the network sees it: this process, in a namespace with `lo`, and a cgroup."""

    def __init__(self, name: str, programs: network.Programs, *, own_netns: bool = True) -> None:
        top = cgroup.mountpoint()
        assert top is not None
        self.cgroup = cgroup.create(top / f"faultbox-{name}-{os.getpid()}")
        self.programs = programs
        self._people: list[Person] = []
        namespaces.unshare(namespaces.NEWNET)
        namespaces.loopback_up()
        self.network = network.attach(programs, self.cgroup, own_netns=own_netns)

    def person(self, name: str) -> Person:
        person = Person(self.cgroup / name)
        self._people.append(person)
        return person

    def close(self) -> None:
        for person in self._people:
            person.end()
        self.network.close()
        cgroup.remove(self.cgroup)


@pytest.fixture(scope="session")
def programs() -> Iterator[network.Programs]:
    """Loaded once, as in a run."""
    loaded = network.prepare(("cut", "datagrams", "addresses"))
    yield loaded
    for part in loaded.parts.values():
        for descriptor in (*part.programs.values(), *part.maps.values()):
            os.close(descriptor)


@pytest.fixture
def in_town(programs: network.Programs, forked: Callable[[Callable[[], Any]], Any]) -> Callable[..., Any]:
    """Run a body in a town of its own."""

    def run(body: Callable[[Town], Any], **how: Any) -> Any:
        def inner() -> Any:
            town = Town("town", programs, **how)
            try:
                return body(town)
            finally:
                town.close()

        return forked(inner)

    return run


@pytest.fixture
def found() -> type[Town]:
    return Town


@pytest.fixture
def never() -> float:
    return NEVER_S
