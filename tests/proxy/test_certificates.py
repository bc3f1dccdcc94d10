"""The run's authority, as OpenSSL sees it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox.proxy import Authority
from faultbox.proxy.tls import Secured


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def met(authority: Authority) -> Callable[..., dict[str, object]]:
    """`met(client, names, fault)`: what a client's context makes of a server's certificate. Raises ssl.SSLError."""

    def meet(client: ssl.SSLContext, *names: str, host: str = "db.internal", fault: str = "") -> dict[str, object]:
        caller, server = Secured(client, host=host), Secured(authority.context(names or (host,), "", fault))
        for _ in range(3):
            caller.feed(server.take())
            server.feed(caller.take())
        assert caller.ready
        return dict(client.cert_store_stats()) | {"certificate": caller.certificate}

    return meet


def test_a_directory_of_authorities_finds_it_by_its_name(
    met: Callable[..., object], authority: Authority, tmp_path: Path
) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(capath=str(tmp_path))
    with pytest.raises(ssl.SSLCertVerificationError):
        met(client)
    (tmp_path / authority.file_name).write_bytes(authority.certificate)
    assert met(client)


def test_a_certificate_is_for_every_name(met: Callable[..., object], authority: Authority) -> None:
    client = ssl.create_default_context(cadata=authority.certificate.decode())
    for name in ("db.internal", "127.0.0.1", "::1"):
        assert met(client, "db.internal", "127.0.0.1", "::1", host=name)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        met(client, "db.internal", "127.0.0.1", host="other")


@pytest.mark.parametrize("fault", ["self_signed", "untrusted"])
def test_a_certificate_of_somebody_else(met: Callable[..., object], authority: Authority, fault: str) -> None:
    client = ssl.create_default_context(cadata=authority.certificate.decode())
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self.signed"):
        met(client, fault=fault)
