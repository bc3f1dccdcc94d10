"""Is a service ready? Asked from inside its world, by the protocol it speaks."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from faultbox.model.frozen import frozen
from faultbox.model.topology import Endpoint, Healthcheck, Service

if TYPE_CHECKING:
    import ssl

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.05
_ATTEMPT_S = 5.0
"""A single question is given up after this; what accepts and never answers is asked again."""
_STATUS_LINE_MAX = 4096

Resolve = Callable[[str], str]
"""From a host name as the spec writes it to the address that it has in the world."""
Speaks = Callable[[Endpoint], Callable[[tuple[str, int], float], str]]
"""From an interface to its protocol's question: (address, timeout in seconds) to "" or what was wrong."""


class Secure(Protocol):
    """How TLS is spoken at a port, and the name that is asked for."""

    @property
    def context(self) -> ssl.SSLContext: ...

    @property
    def name(self) -> str: ...


Secures = Callable[[int], Secure]
"""From a port of the service, at which TLS is spoken, to how."""


class NotReady(Exception):
    """A service did not become ready. `what` is the question that got no good answer, `last` the last bad one."""

    def __init__(self, service: str, what: str, last: str, waited_ms: float, *, exited: bool = False) -> None:
        self.service = service
        self.what = what
        self.last = last
        self.waited_ms = waited_ms
        self.exited = exited
        self.doing = f"{what}: {last}, after {waited_ms:.0f} ms"
        if exited:
            text = f"service {service!r} exited before it was ready ({self.doing})"
        else:
            text = f"service {service!r} is not ready after {waited_ms:.0f} ms: {what}: {last}"
        super().__init__(text)


class _Question(Protocol):
    """Something asked of a service until it answers well."""

    @property
    def what(self) -> str: ...

    def ask(self, timeout_s: float) -> str:
        """ "" for a good answer, else what was wrong. Raises OSError when there was none."""
        ...


@frozen
class _Accept:
    """A TCP connection is accepted."""

    what: str
    host: str
    port: int

    def ask(self, timeout_s: float) -> str:
        with _connected(self.host, self.port, timeout_s):
            return ""


@frozen
class _Get:
    """An HTTP GET is answered: with `expected`, with 2xx or 3xx where that is None, with anything where it is 0."""

    what: str
    host: str
    port: int
    path: str
    authority: str
    expected: int | None
    tls: Secure | None = None

    def ask(self, timeout_s: float) -> str:
        with _secured(_connected(self.host, self.port, timeout_s), self.tls) as connection:
            head = f"GET {self.path} HTTP/1.1\r\nHost: {self.authority}\r\nConnection: close\r\nAccept: */*\r\n\r\n"
            connection.sendall(head.encode())
            line = b""
            while b"\n" not in line and len(line) < _STATUS_LINE_MAX:
                part = connection.recv(_STATUS_LINE_MAX)
                if not part:
                    return "the connection was closed without an answer"
                line += part
        return self._judge(line.split(b"\n")[0].decode(errors="replace").strip())

    def _judge(self, line: str) -> str:
        words = line.split(" ", 2)
        if not line.startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():
            return f"the answer is no HTTP: {line[:60]!r}"
        status = int(words[1])
        good = self.expected in (0, status) or (self.expected is None and 200 <= status < 400)
        wanted = "2xx or 3xx" if self.expected is None else str(self.expected)
        return "" if good else f"status {status} (expected {wanted})"


@frozen
class _Speak:
    """The protocol's own question is answered."""

    what: str
    host: str
    port: int
    question: Callable[[tuple[str, int], float], str]

    def ask(self, timeout_s: float) -> str:
        return self.question((self.host, self.port), timeout_s)


def wait_ready(
    service: Service,
    *,
    alive: Callable[[], bool],
    resolve: Resolve | None = None,
    speaks: Speaks | None = None,
    secures: Secures | None = None,
) -> None:
    """Wait until the service answers as its healthcheck asks; raises NotReady.

    Without a healthcheck, or with ready(), every interface is asked on its own protocol, or only to accept
    where that has no question. `alive` says whether a process of the service is left: one that exits is
    reported at once. `resolve` defaults to localhost for every name. Without `speaks` only http is spoken.
    Where the service speaks TLS `secures` is needed.
    """
    check = service.healthcheck or Healthcheck("ready")
    began = time.monotonic()
    for question in _questions(service, check, resolve or _loopback, speaks, secures):
        _await(service, question, alive, began, check.timeout_ms)


def _await(service: Service, question: _Question, alive: Callable[[], bool], began: float, timeout_ms: float) -> None:
    pause = _FIRST_PAUSE_S
    last = "not asked"
    while True:
        left = began + timeout_ms / 1000 - time.monotonic()
        if left <= 0:
            raise NotReady(service.name, question.what, last, _since(began))
        try:
            last = question.ask(min(left, _ATTEMPT_S))
        except TimeoutError:
            last = "no answer"
        except OSError as error:
            last = error.strerror or str(error)
        if not last:
            return
        if not alive():
            raise NotReady(service.name, question.what, last, _since(began), exited=True)
        time.sleep(max(0.0, min(pause, left)))
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def _questions(
    service: Service, check: Healthcheck, resolve: Resolve, speaks: Speaks | None, secures: Secures | None
) -> list[_Question]:
    if check.kind == "tcp":
        host, _, port = check.target.removeprefix("tcp://").rpartition(":")
        return [_Accept(f"tcp {check.target}", resolve(host.strip("[]")), int(port))]
    if check.kind == "http":
        url = urlsplit(check.target if "://" in check.target else f"http://{check.target}")
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        host = resolve(url.hostname or "localhost")
        number = url.port or (443 if url.scheme == "https" else 80)
        tls = secures(number) if url.scheme == "https" and secures is not None else None
        return [_Get(f"GET {check.target}", host, number, path, url.netloc, check.expect_status, tls)]
    found: list[_Question] = []
    for endpoint in service.endpoints:
        what = f"{endpoint} ({endpoint.interface.protocol} on port {endpoint.port})"
        host = resolve(endpoint.host)
        if endpoint.interface.protocol == "http":
            tls = secures(endpoint.port) if endpoint.interface.tls is not None and secures is not None else None
            found.append(_Get(what, host, endpoint.port, "/", endpoint.addr, 0, tls))
        elif speaks is not None:
            found.append(_Speak(what, host, endpoint.port, speaks(endpoint)))
        else:
            found.append(_Accept(what, host, endpoint.port))
    return found


def _connected(host: str, port: int, timeout_s: float) -> socket.socket:
    """A connection; `localhost` is 127.0.0.1 and, where that refuses, ::1."""
    if host != "localhost":
        return _connected_to(host, port, timeout_s)
    try:
        return _connected_to("127.0.0.1", port, timeout_s)
    except ConnectionRefusedError as refused:
        try:
            return _connected_to("::1", port, timeout_s)
        except OSError:
            raise refused from None


def _connected_to(address: str, port: int, timeout_s: float) -> socket.socket:
    """To a literal address: nothing to look up, and no codec for names to import."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect((address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(connection: socket.socket, tls: Secure | None) -> socket.socket:
    """The same connection within TLS."""
    if tls is None:
        return connection
    import ssl

    try:
        return tls.context.wrap_socket(connection, server_hostname=tls.name)
    except ssl.SSLError as error:
        connection.close()
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise OSError(errno.EPROTO, f"TLS: {reason}") from None
    except BaseException:
        connection.close()
        raise


def _loopback(name: str) -> str:
    """A literal address is itself; every name of a world means localhost."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, name)
            return "127.0.0.1" if name == "0.0.0.0" else name
    return "localhost"


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
