"""Servers that do exactly what a test says, well or badly."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

Address = tuple[str, int]
Serve = Callable[..., Address]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(handle)` answers each connection with `handle(connection)`, in a thread, then closes it."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def run(listener: socket.socket, handle: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError):
                connection.settimeout(20)
                try:
                    handle(connection)
                except ConnectionError:
                    raise
                except BaseException as error:  # noqa: BLE001 - told at the end of the test
                    failures.append(error)

    def start(handle: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Address:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.bind((host, 0))
        listener.listen()
        listeners.append(listener)
        threads.append(threading.Thread(target=run, args=(listener, handle)))
        threads[-1].start()
        return host, listener.getsockname()[1]

    yield start
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def reset() -> Callable[[socket.socket], None]:
    def do(connection: socket.socket) -> None:
        """Close with RST."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return do
