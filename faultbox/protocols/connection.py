"""The driver's own connections: one deadline for everything, and somebody else may end them."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from faultbox.protocols.secure import SecuredSocket, Securing

_CHUNK = 256 * 1024
_CANCEL_S = 0.05
"""How often who waits for a name looks whether it was cancelled."""
_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "no route to host",
}

_lock = threading.Lock()  # guards the two below
_open: set[Connection] = set()
_closed_for_all = threading.Event()


class StepFailed(Exception):
    """A step got no answer; the text is what its response has as `error`."""


def open_ports() -> frozenset[int]:
    """The local ports of all open driver connections.

    Whoever severs connections must list the sockets first and ask for this afterwards: a connection
    made meanwhile is then in neither list or in both.
    """
    with _lock:
        return frozenset(connection.port for connection in _open)


def cancel_all() -> None:
    """End all driver connections, open ones and those still to come: their steps fail with "cancelled".

    For good, until `resume`: a step that was about to connect must not slip through.
    """
    with _lock:
        _closed_for_all.set()
        for connection in _open:
            connection.cancel()


def resume() -> None:
    """Let this process connect again, for its next case."""
    _closed_for_all.clear()


class Connection:
    """A TCP connection, non-blocking inside. Every method raises StepFailed.

    `localhost` is 127.0.0.1 and, when that refuses, ::1. Other names are looked up. `deadline` is a time of
    time.monotonic(). `tls`: secured from its first byte on.
    """

    _kind = socket.SOCK_STREAM

    def __init__(self, address: tuple[str, int], deadline: float, tls: Securing | None = None) -> None:
        self._deadline = deadline
        self._cancelled = False
        self._reset = False
        self.port = 0
        self._socket: socket.socket | SecuredSocket
        self._connect(*address)
        if tls is not None:
            self.secure(tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with _lock:
            _open.discard(self)
            self._socket.close()

    def cancel(self) -> None:
        """Called under the lock, by any thread."""
        self._cancelled = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # not connected yet, or no longer: who waits on it looks at _cancelled first

    def secure(self, tls: Securing) -> None:
        """Begin TLS; where that fails the connection is over, and the error says `TLS: …`."""
        from faultbox.protocols.secure import SecuredSocket

        try:
            with _lock:
                assert isinstance(self._socket, socket.socket)
                self._socket = SecuredSocket(self._socket, tls)
            while wanted := self._socket.shake_hands():
                self._wait(wanted)
        except StepFailed:
            self.__exit__()
            raise

    def exchange(self, data: bytes) -> Iterator[bytes]:
        """Send `data`, and give what arrives, meanwhile and after; b"" last, when the other end has finished.

        An end that answers and closes before it has read everything is heard all the same.
        """
        rest = memoryview(data)
        while True:
            ready = self._wait(select.POLLIN | (select.POLLOUT if rest else 0))
            if ready & ~select.POLLOUT:
                received = self._receive()
                if received is not None:
                    yield received
                if received == b"":
                    return
            if rest and ready & select.POLLOUT:
                rest = self._send(rest)

    def read(self, size: int) -> bytes:
        """What has arrived, at most that many bytes, waiting for the first; b"" when the other end has finished."""
        while True:
            self._wait(select.POLLIN)
            received = self._receive(size)
            if received is not None:
                return received

    def write(self, data: bytes) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            self._wait(select.POLLOUT)
            rest = self._send(rest)

    def _connect(self, host: str, port: int) -> None:
        first: StepFailed | None = None
        for family, target in self._targets(host, port):
            try:
                self._connect_to(family, target)
            except StepFailed as failed:
                first = first or failed
                if str(failed) != "connection refused":
                    break
            else:
                return
        raise first or StepFailed("name not known")

    def _targets(self, host: str, port: int) -> Iterable[tuple[int, tuple[str, int]]]:
        if host == "localhost":
            return ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port)))
        found = _looked_up(host, port, numeric=True)
        return found or self._looked_up(host, port)

    def _looked_up(self, host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
        """A name server may take longer than we have, and getaddrinfo(3) can't be told how long that is."""
        found: list[tuple[int, tuple[str, int]]] = []
        asking = threading.Thread(target=lambda: found.extend(_looked_up(host, port)), daemon=True)
        asking.start()
        while asking.is_alive():
            left = self._deadline - time.monotonic()
            if _closed_for_all.is_set():
                raise StepFailed("cancelled")
            if left <= 0:
                raise StepFailed("timeout")
            asking.join(min(left, _CANCEL_S))
        return found

    def _connect_to(self, family: int, target: tuple[str, int]) -> None:
        try:
            self._socket = socket.socket(family, self._kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            raise StepFailed(words(error.errno or 0)) from None
        with _lock:
            self._cancelled = _closed_for_all.is_set()
            code = errno.ECANCELED if self._cancelled else self._socket.connect_ex(target)
            self.port = self._socket.getsockname()[1]
            _open.add(self)
        try:
            if code == errno.EINPROGRESS:
                self._wait(select.POLLOUT)
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._check()
            if code:
                raise StepFailed(words(code))
            if self._kind == socket.SOCK_STREAM:
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except StepFailed:
            self.__exit__()
            raise

    def _wait(self, events: int) -> int:
        """Until the socket is ready for one of the events (or broken, which is being readable)."""
        self._check()
        if events & select.POLLIN and not isinstance(self._socket, socket.socket) and self._socket.pending():
            return select.POLLIN
        poll = select.poll()
        poll.register(self._socket, events)
        left = self._deadline - time.monotonic()
        ready = poll.poll(max(0.0, left) * 1000) if left > 0 else []
        self._check()
        if not ready:
            raise StepFailed("timeout")
        return ready[0][1]

    def _check(self) -> None:
        if self._cancelled:
            raise StepFailed("cancelled")

    def _receive(self, size: int = _CHUNK) -> bytes | None:
        try:
            received = self._socket.recv(size)
        except BlockingIOError:
            return None
        except OSError as error:
            raise StepFailed(words(error.errno or 0)) from None
        if not received:
            self._check()
            if self._reset:  # sending was told, so that receiving no longer is (tcp(7): an error is reported once)
                raise StepFailed("connection reset")
        return received

    def _send(self, rest: memoryview) -> memoryview:
        """What is left to send: nothing once the other end no longer reads, since it may have answered before."""
        try:
            sent = self._socket.send(rest, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return rest
        except (BrokenPipeError, ConnectionResetError):
            self._reset = True
            return memoryview(b"")
        return rest[sent:]


class Datagrams(Connection):
    """A UDP socket that has one peer, so that it hears when nobody listens there."""

    _kind = socket.SOCK_DGRAM

    def put(self, data: bytes) -> None:
        """Send one datagram."""
        self._wait(select.POLLOUT)
        try:
            self._socket.send(data)
        except OSError as error:
            raise StepFailed(words(error.errno or 0)) from None

    def get(self) -> bytes:
        """The next datagram that comes; one may be empty."""
        while True:
            self._wait(select.POLLIN)
            received = self._receive()
            if received is not None:
                return received


def words(code: int) -> str:
    """An errno as steps report it."""
    return _WORDS.get(code) or os.strerror(code).lower()


def _looked_up(host: str, port: int, *, numeric: bool = False) -> list[tuple[int, tuple[str, int]]]:
    """The addresses of a name; none where it isn't known. `numeric`: only of what is an address itself."""
    flags = socket.AI_NUMERICHOST if numeric else 0
    try:
        # As bytes, because a str goes through the idna codec, whose import costs 10 ms.
        found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=flags)
    except (socket.gaierror, UnicodeError):
        return []
    return [(family, (str(target[0]), port)) for family, _, _, _, target in found]
