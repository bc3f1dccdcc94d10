"""Readiness: by the service's own protocol, with a report of what did not answer."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from faultbox.model.source import Position
from faultbox.model.topology import Healthcheck, Interface, Service, Tls
from faultbox.proxy import Authority
from faultbox.world import NotReady, wait_ready

HERE = Position("spec.star", 1)


def service(*interfaces, check=None):
    declared = tuple(Interface(name, protocol, port, HERE) for name, protocol, port in interfaces)
    return Service("api", "/bin/api", HERE, interfaces=declared, healthcheck=check)


class Secure:
    """Both ends of TLS, of which neither asks for anything."""

    name = "localhost"

    def __init__(self):
        authority = Authority.new()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.server = authority.context(("localhost",))


class Server:
    """Answers each connection with the next of `answers` (None: closes at once), the last one for ever."""

    def __init__(self, *answers, host="127.0.0.1", tls=None):
        self.requests = []
        self._tls = tls
        self._answers = list(answers)
        self._socket = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                    if answer is not None:
                        self.requests.append(connection.recv(4096).decode(errors="replace"))
                        connection.sendall(answer)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def server():
    made = []

    def make(*answers, **how):
        made.append(Server(*answers, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def alive():
    return True


@pytest.fixture
def closed_port():
    """A port that nobody listens on, and nobody will while it is bound."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def http(port, path="/health", **how):
    return Healthcheck("http", f"http://localhost:{port}{path}", **how)


def test_http_waits_for_a_good_status(server):
    up = server(None, b"HTTP/1.1 503 Busy\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n")
    wait_ready(service(check=http(up.port, "/health?full=1")), alive=alive)
    head = up.requests[-1].splitlines()
    assert head[0] == "GET /health?full=1 HTTP/1.1"
    assert f"Host: localhost:{up.port}" in head
    assert len(up.requests) == 2


def test_an_expected_status_is_the_only_good_one(server):
    up = server(b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 401\r\n\r\n")
    wait_ready(service(check=http(up.port, expect_status=401)), alive=alive)
    assert len(up.requests) == 2


def test_a_wrong_status_is_reported(server):
    up = server(b"HTTP/1.1 500 Oops\r\n\r\n")
    with pytest.raises(NotReady) as caught:
        wait_ready(service(check=http(up.port, timeout_ms=100)), alive=alive)
    assert caught.value.last == "status 500 (expected 2xx or 3xx)"
    assert caught.value.what == f"GET http://localhost:{up.port}/health"
    assert 100 <= caught.value.waited_ms < 5_000
    assert str(caught.value).startswith("service 'api' is not ready after 1")


def test_what_is_no_http_is_reported(server):
    up = server(b"-ERR unknown command\r\n")
    with pytest.raises(NotReady, match="no HTTP: '-ERR unknown"):
        wait_ready(service(check=http(up.port, timeout_ms=50)), alive=alive)


def test_tcp_means_accept(server, closed_port):
    up = server(None)
    wait_ready(service(check=Healthcheck("tcp", f"localhost:{up.port}")), alive=alive)
    with pytest.raises(NotReady, match=rf"tcp localhost:{closed_port}: Connection refused"):
        wait_ready(service(check=Healthcheck("tcp", f"localhost:{closed_port}", timeout_ms=50)), alive=alive)


def test_without_a_check_every_interface_is_asked_its_way(server, closed_port):
    web, raw = server(b"HTTP/1.1 404 Not Found\r\n\r\n"), server(None)
    wait_ready(service(("public", "http", web.port), ("raw", "tcp", raw.port)), alive=alive)
    assert web.requests[0].startswith("GET / HTTP/1.1")
    silent = service(
        ("public", "http", web.port), ("db", "postgres", closed_port), check=Healthcheck("ready", "", None, 50)
    )
    with pytest.raises(NotReady, match=rf"api\.db \(postgres on port {closed_port}\): Connection refused"):
        wait_ready(silent, alive=alive)


def test_one_that_accepts_and_never_answers_is_given_up(server):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(NotReady, match="no answer"):
            wait_ready(service(check=http(mute.getsockname()[1], timeout_ms=200)), alive=alive)
        assert time.monotonic() - began < 5


def test_an_exit_is_reported_at_once(closed_port):
    began = time.monotonic()
    with pytest.raises(NotReady, match="exited before it was ready") as caught:
        wait_ready(service(("main", "tcp", closed_port)), alive=lambda: False)
    assert caught.value.exited
    assert time.monotonic() - began < 5


def test_names_are_resolved_by_the_world(server):
    up = server(b"HTTP/1.1 200 OK\r\n\r\n")
    check = Healthcheck("http", f"http://geo-config:{up.port}/")
    asked = []

    def resolve(name):
        asked.append(name)
        return "127.0.0.1"

    wait_ready(service(check=check), alive=alive, resolve=resolve)
    wait_ready(service(check=check), alive=alive)
    assert asked == ["geo-config"]


def test_literal_addresses_are_themselves(server):
    up = server(b"HTTP/1.1 200 OK\r\n\r\n", host="::1")
    wait_ready(service(check=Healthcheck("http", f"http://[::1]:{up.port}/")), alive=alive)
    wait_ready(service(check=Healthcheck("tcp", f"[::1]:{up.port}")), alive=alive)


@pytest.mark.parametrize("check", [None, "http", "tcp"])
def test_who_listens_on_v6_only_is_reached_as_localhost(server, check):
    there = server(b"HTTP/1.1 200 OK\r\n\r\n", host="::1")
    asked = {"http": f"http://localhost:{there.port}/", "tcp": f"localhost:{there.port}", None: ""}[check]
    declared = Healthcheck(check, asked) if check else None
    wait_ready(service(("main", "http", there.port), check=declared), alive=alive)


def test_nothing_to_ask_is_ready():
    wait_ready(service(), alive=alive)


def test_a_protocol_s_own_question_is_asked_until_it_is_answered_well(server):
    asked = []

    def speaks(endpoint):
        def ready(address, timeout_s):
            asked.append((endpoint.interface.protocol, address, timeout_s > 0))
            return "it is starting up" if len(asked) < 3 else ""

        return ready

    wait_ready(service(("main", "postgres", 5432)), alive=alive, speaks=speaks)
    assert asked == [("postgres", ("localhost", 5432), True)] * 3


def test_tls_is_spoken_where_it_is_declared_or_asked_for(server):
    secure = Secure()
    up = server(b"HTTP/1.1 204 No Content\r\n\r\n", tls=secure.server)
    secured = Service("api", "/bin/api", HERE, interfaces=(Interface("main", "http", up.port, HERE, Tls()),))
    wait_ready(secured, alive=alive, secures=lambda _port: secure)
    check = Healthcheck("http", f"https://localhost:{up.port}/health")
    wait_ready(service(check=check), alive=alive, secures=lambda _port: secure)
    assert [each.split("\r\n")[0] for each in up.requests] == ["GET / HTTP/1.1", "GET /health HTTP/1.1"]


def test_a_handshake_that_fails_is_not_ready(server):
    up = server(b"not TLS")
    check = Healthcheck("http", f"https://localhost:{up.port}/", timeout_ms=100)
    with pytest.raises(NotReady, match="TLS: wrong version number"):
        wait_ready(service(check=check), alive=alive, secures=lambda _port: Secure())
