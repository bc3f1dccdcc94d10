"""Servers that speak TLS, with a certificate of an authority of their own, and proxies that show one of the run's."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from faultbox import proxy
from faultbox.model.topology import Tls

NAMES = ("localhost", "db", "127.0.0.1")


class Files(NamedTuple):
    """PEM files: the service's authority, certificate and key; the authority of the run; and both authorities."""

    home: Path
    certificate: Path
    key: Path
    run: Path
    both: Path

    @property
    def own(self) -> Tls:
        """A proxy that shows the service's own certificate."""
        return Tls(shown=self.key.read_text() + self.certificate.read_text())


@pytest.fixture(scope="session")
def authority() -> proxy.Authority:
    """The run's."""
    return proxy.Authority.new()


@pytest.fixture(scope="session")
def files(authority: proxy.Authority, tmp_path_factory: pytest.TempPathFactory) -> Files:
    place = tmp_path_factory.mktemp("certificates")
    made = Files(*(place / f"{each}.pem" for each in Files._fields))
    home = proxy.Authority.new()
    key, begin, chain = home.issue(NAMES).partition(b"-----BEGIN CERTIFICATE-----")
    made.home.write_bytes(home.certificate)
    made.key.write_bytes(key)
    made.certificate.write_bytes(begin + chain)
    made.run.write_bytes(authority.certificate)
    made.both.write_bytes(home.certificate + authority.certificate)
    return made


@pytest.fixture(scope="session")
def secured(door_to: Callable[..., Any], authority: proxy.Authority) -> Callable[..., Any]:
    """`secured(protocol, port)`: a proxy before an interface that speaks TLS."""

    def make(protocol: str, port: int, tls: Tls | None = None) -> Any:
        return door_to(protocol, port, tls or Tls(), authority)

    return make


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode() * 10_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread."""
        if request.recv(1, 2):  # MSG_PEEK: wrapping a connection that was reset leaks it
            with self._context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)

    def handle_error(self, *_: object) -> None:
        """A client that does not trust us is what these tests are about."""


@pytest.fixture(scope="session")
def https(files: Files) -> Iterator[int]:
    """The port of an HTTPS server, which prefers HTTP/2 and would break on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["http/1.1"])
    server = Server(context)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
