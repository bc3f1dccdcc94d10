"""The driver's connections in TLS."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from faultbox.model.topology import Tls
from faultbox.protocols.connection import Connection, StepFailed
from faultbox.protocols.secure import Securing, client_context, words
from faultbox.proxy import Authority

Serving = Callable[..., tuple[str, int]]
Talk = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def serving(authority: Authority) -> Iterator[Serving]:
    """`serving(talk, context)`: the address of a server that does that with its one connection, in TLS if it can."""
    threads = []

    def serve(talk: Talk, context: ssl.SSLContext | None = None) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))

        def live() -> None:
            connection, _ = listener.accept()
            with contextlib.closing(listener), connection, contextlib.suppress(OSError):
                connection.settimeout(20)
                if context is None:
                    talk(connection)
                else:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        talk(secured)

        threads.append(threading.Thread(target=live))
        threads[-1].start()
        return "localhost", listener.getsockname()[1]

    yield serve
    for each in threads:
        each.join(20)


def soon() -> float:
    return time.monotonic() + 20


def anybody() -> Securing:
    return Securing(client_context(Tls()), "localhost")


def echo(connection: socket.socket) -> None:
    while data := connection.recv(100_000):
        connection.sendall(data)


def test_what_is_sent_comes_back_however_it_is_read(serving: Serving, authority: Authority) -> None:
    data = bytes(range(256)) * 8_000
    with Connection(serving(echo, authority.context(("localhost",))), soon(), anybody()) as connection:
        connection.write(b"small")
        assert b"".join(connection.read(1) for _ in range(5)) == b"small"
        got = b""
        for received in connection.exchange(data):
            got += received
            if len(got) == len(data):
                break
    assert got == data


def test_tls_may_begin_later(serving: Serving, authority: Authority) -> None:
    def talk(plain: socket.socket) -> None:
        plain.sendall(plain.recv(1))
        with authority.context(("localhost",)).wrap_socket(plain, server_side=True) as secured:
            echo(secured)

    with Connection(serving(talk), soon()) as connection:
        connection.write(b"S")
        assert connection.read(1) == b"S"
        connection.secure(anybody())
        connection.write(b"secret")
        assert connection.read(100) == b"secret"


@pytest.mark.parametrize(
    ("trusted", "fault", "said"),
    [
        ("ours", "", ""),
        ("proxies too", "", ""),
        ("itself", "", ""),
        ("ours", "wrong_host", ""),
        ("ours", "expired", "TLS: certificate verify failed: certificate has expired"),
        ("others", "", "TLS: certificate verify failed: self-signed certificate in certificate chain"),
    ],
)
def test_whom_a_step_trusts(serving: Serving, authority: Authority, trusted: str, fault: str, said: str) -> None:
    context = authority.context(("localhost",), "", fault)
    address = serving(echo, context)
    ours, others = authority.certificate, Authority.new().certificate
    own = ssl.get_server_certificate(serving(echo, context)).encode() if trusted == "itself" else b""
    ca, trusting = {"ours": (ours, b""), "proxies too": (others, ours), "itself": (own, b""), "others": (others, b"")}[
        trusted
    ]
    securing = Securing(client_context(Tls(ca=ca.decode()), trusting=trusting), "localhost")
    with pytest.raises(StepFailed) if said else contextlib.nullcontext() as failed:
        Connection(address, soon(), securing).__exit__()
    assert said == (str(failed.value) if failed is not None else "")


def test_a_certificate_of_ours_is_shown(serving: Serving, authority: Authority) -> None:
    key, certificate = a_client()
    context = authority.context(("localhost",))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=certificate)

    def tell(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        connection.sendall(b"shown" if connection.getpeercert(binary_form=True) else b"nothing")

    for own, told in ((key + certificate, b"shown"), ("", b"nothing")):
        securing = Securing(client_context(Tls(own=own)), "localhost")
        with Connection(serving(tell, context), soon(), securing) as connection:
            assert connection.read(100) == told


def a_client() -> tuple[str, str]:
    """Key and certificate of a client that has signed for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    now = datetime.datetime.now(datetime.UTC)
    signed = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1)).sign(
        key, hashes.SHA256()
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode(), signed.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (lambda _: None, "TLS: the connection was closed in the handshake"),
        (lambda plain: plain.sendall(b"-ERR what?\r\n" * 10), "TLS: wrong version number"),
        (lambda plain: plain.sendall(b"\x15\x03\x03\x00\x02\x02\x28") or plain.recv(1000), "TLS: handshake failure"),
    ],
)
def test_a_handshake_that_fails(serving: Serving, talk: Talk, said: str) -> None:
    def hear(plain: socket.socket) -> None:
        plain.recv(1000)
        talk(plain)

    with pytest.raises(StepFailed, match=rf"^{said}$"):
        Connection(serving(hear), soon(), anybody())


def test_a_handshake_has_its_time(serving: Serving) -> None:
    done = threading.Event()
    with pytest.raises(StepFailed, match=r"^timeout$"):
        Connection(serving(lambda _: done.wait(20)), time.monotonic() + 0.05, anybody())
    done.set()


def test_an_error_that_python_has_no_name_for() -> None:
    class Nameless(ssl.SSLError):
        reason = None  # type: ignore[assignment]

    error = Nameless(1, "[SSL] tlsv1 alert no application protocol (_ssl.c:1006)")
    assert words(error) == "no application protocol"
