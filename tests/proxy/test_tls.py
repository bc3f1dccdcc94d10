"""TLS through the edge process, and faults of handshakes and certificates."""

from __future__ import annotations

import contextlib
import mmap
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox import proxy
from faultbox.model.message import Edge, MessageRule, MessageRuleSet, Side
from faultbox.model.topology import Tls
from faultbox.protocols.contract import Dialogue, Part
from faultbox.proxy.playbook import a_rule
from faultbox.proxy.stand_in import StandIn
from faultbox.proxy.tls import Interception, read_hello

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /a HTTP/1.1\r\nHost: db.internal\r\n\r\n"
UPGRADE = b"STARTTLS"


class Upgrading(Dialogue):
    """What the service says first is that TLS begins."""

    def receive(self, side: Side, data: bytes) -> list[Part]:
        return [Part(data, tls=data == b"S")]

    def end(self, side: Side) -> list[Part]:
        return []


@pytest.fixture(scope="module")
def authority() -> proxy.Authority:
    return proxy.Authority.new()


class Place:
    """A service that speaks TLS with a certificate nobody trusts, and an edge before it."""

    def __init__(self, authority: proxy.Authority, protocol: str, tls: Tls, *, upgrades: bool) -> None:
        self.names: list[str | None] = []
        self.upgrades = upgrades
        self.polite = True
        self.plain = False
        self.context = proxy.Authority.new().context(("db.internal",), "http/1.1")
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.service = socket.create_server(("127.0.0.1", 0))
        self.edge = Edge("api", "db", "main", protocol, self.service.getsockname()[1])
        self.authority = authority
        self.process = proxy.serve(
            [self.edge],
            seed=1,
            counters=mmap.mmap(-1, 4096),
            secured={} if upgrades else {self.edge: tls},
            authority=authority,
        )
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def rules(self, *rules: MessageRule) -> None:
        self.process.swap(MessageRuleSet(rules, 1))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.process.listener(self.edge).port), timeout=20)

    def secure(self, plain: socket.socket, host: str = "db.internal") -> ssl.SSLSocket:
        """As a caller does that trusts the run's authority."""
        trusting = ssl.create_default_context(cadata=self.authority.certificate.decode())
        trusting.set_alpn_protocols(["h2", "http/1.1"])
        secured = trusting.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured

    def decisions(self) -> list[tuple[str, str]]:
        token = time.monotonic_ns()
        self.process.ask(token)
        events = []
        while self.process.promised < token:
            select.select([self.process.fileno()], [], [], 20)
            events += self.process.drain()
        return [(each.fields["decision"], each.fields.get("reason", "")) for each in events if each.type == "proxy"]

    def close(self) -> None:
        self.process.close()
        self.service.shutdown(socket.SHUT_RDWR)
        self.service.close()
        self.thread.join(20)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.service.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(20)
                if self.plain:
                    connection.recv(10_000)
                    connection.sendall(b"-ERR what?\r\n")
                    continue
                if self.upgrades:
                    connection.recv(len(UPGRADE))
                    connection.sendall(b"S")
                if not connection.recv(1, socket.MSG_PEEK):  # wrapping one that was reset leaks it
                    continue
                secured = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with contextlib.closing(secured):
                    while secured.recv(65536):
                        secured.sendall(OK)
                    if self.polite:
                        secured.unwrap()


@pytest.fixture
def place(authority: proxy.Authority) -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(protocol: str = "http", tls: Tls | None = None, *, upgrades: bool = False) -> Place:
        made.append(Place(authority, protocol, tls or Tls(), upgrades=upgrades))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_rules_see_into_tls_and_both_ends_speak_it(place: Any) -> None:
    there = place()
    there.rules(a_rule("response", match={"path": "/no"}, status=204, protocol="http"))
    with there.secure(there.connect()) as caller:
        assert caller.selected_alpn_protocol() == "http/1.1"
        caller.sendall(GET)
        assert caller.recv(1000) == OK
        caller.sendall(GET.replace(b"/a", b"/no"))
        assert caller.recv(1000) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert there.names == ["db.internal"]


@pytest.mark.parametrize("polite", [True, False])
def test_an_end_of_either_side_is_passed_on_as_it_was_said(place: Any, polite: bool) -> None:
    there = place()
    there.polite = polite
    with there.secure(there.connect()) as caller:
        caller.sendall(GET)
        assert caller.recv(1000) == OK
        with contextlib.nullcontext() if polite else pytest.raises(ssl.SSLEOFError):
            caller.unwrap().close()


def test_an_address_has_a_certificate_too(place: Any) -> None:
    there = place()
    for name in ("127.0.0.1", "localhost", "db"):  # an address is not sent as SNI
        with there.secure(there.connect(), name) as caller:
            assert caller.getpeercert()


def test_an_upgrade_in_band(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.proxy.station.dialogue", lambda _: Upgrading())
    there = place("tcp", upgrades=True)
    plain = there.connect()
    plain.sendall(UPGRADE)
    assert plain.recv(1) == b"S"
    with there.secure(plain) as caller:
        caller.sendall(b"anything")
        assert caller.recv(1000) == OK
    assert there.names == ["db.internal"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("expired", "certificate has expired"),
        ("not_yet_valid", "certificate is not yet valid"),
        ("wrong_host", "Hostname mismatch"),
        ("untrusted", "self-signed certificate in certificate chain"),
        ("self_signed", "self-signed certificate"),
        ("handshake", "HANDSHAKE_FAILURE"),
        ("version", "PROTOCOL_VERSION"),
        ("close", "EOF|reset"),
    ],
)
def test_what_a_caller_makes_of_a_fault(place: Any, fault: str, said: str) -> None:
    there = place()
    there.rules(a_rule("error", tls=fault, protocol="http"))
    with pytest.raises(OSError, match=f"(?i){said}"):
        there.secure(there.connect())
    assert there.decisions()[0] == ("error", "")


def test_a_handshake_that_hangs(place: Any) -> None:
    there = place()
    there.rules(a_rule("error", tls="hang", protocol="http"))
    plain = there.connect()
    plain.settimeout(0.2)
    with pytest.raises(TimeoutError):
        there.secure(plain)


def test_a_caller_without_tls_is_told_of(place: Any) -> None:
    there = place()
    with there.connect() as caller:
        caller.sendall(GET)
        assert caller.recv(10) == b""
    assert there.decisions() == [("tls failed", "the caller does not speak TLS")]
    (told,) = there.process.report().distortions
    assert told.startswith(
        "api -> db.main: the caller and the proxy could not begin TLS: the caller does not speak TLS"
    )


def test_a_service_without_tls_is_told_of(place: Any) -> None:
    there = place()
    there.plain = True
    with pytest.raises(OSError, match=r"EOF|reset"):
        there.secure(there.connect())
    (told,) = there.process.report().distortions
    assert "api -> db.main: the service and the proxy could not begin TLS: wrong version number" in told
    assert "leave out its tls=" in told


def test_a_service_whose_certificate_nobody_vouches_for(place: Any) -> None:
    there = place(tls=Tls(ca=proxy.Authority.new().certificate.decode()))
    with pytest.raises(OSError, match=r"EOF|reset"):
        there.secure(there.connect())
    (told,) = there.process.report().distortions
    assert "is the ca= of db.main the one that signed its certificate?" in told


def a_hello(host: str, context: ssl.SSLContext | None = None) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    if context is None:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    return outgoing.read()


def test_a_hello_is_read_once_it_is_whole() -> None:
    data = a_hello("db.internal")
    assert all(read_hello(data[:size]) is None for size in range(len(data)))
    assert read_hello(data) == ("db.internal", ("h2", "http/1.1"))


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        (("h2", "http/1.1"), ("http/1.1",)),
        (("h2-16", "h2", "http/1.1", "http/1.0"), ("http/1.1", "http/1.0")),
        (("h2", "h2-16", "h2-14"), ("h2", "h2-16", "h2-14")),
        ((), ()),
    ],
)
def test_a_service_is_offered_what_rules_can_read_or_else_all(
    authority: proxy.Authority, asked: tuple[str, ...], passed_on: tuple[str, ...]
) -> None:
    context = StandIn(Tls(), authority, ("db",), ("h2",)).to_service(asked)
    hello = read_hello(a_hello("db.internal", context))
    assert hello is not None
    assert hello.alpn == passed_on


HELLO = a_hello("db.internal")
NOBODY = proxy.Authority.new()


@settings(deadline=None)
@given(st.data())
def test_a_broken_hello_breaks_nothing(data: st.DataObject) -> None:
    hello = bytearray(HELLO)
    for _ in range(data.draw(st.integers(1, 6))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    talk = Interception(StandIn(Tls(), NOBODY, ("localhost",), ()), lambda: "")
    talk.received("request", bytes(hello))
    talk.received("request", data.draw(st.binary(max_size=20)))
    talk.received("response", data.draw(st.binary(max_size=20)))


@pytest.mark.parametrize("name", [b".b.internal", b"d..internal", b"caf\xc3\xa9.local", b"db internal"])
def test_what_can_be_no_host_is_none(name: bytes) -> None:
    hello = HELLO.replace(b"db.internal", name[:11])
    assert read_hello(hello) == ("", ("h2", "http/1.1"))
