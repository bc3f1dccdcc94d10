"""TLS of interfaces: what tls_cert() reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from faultbox.model.topology import Tls
from faultbox.proxy import Authority

SPEC = 'main = service("main", "bin/api", interface("main", "http", 8443, tls = {}))'


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def files(place: Path, authority: Authority) -> Path:
    """Where specs lie, with a pair, another pair's key, an encrypted key, an authority and what is none of these."""
    for name in ("a", "b"):
        key, begin, chain = authority.issue(("localhost",)).partition(b"-----BEGIN CERTIFICATE-----")
        (place / f"{name}.key").write_bytes(key)
        (place / f"{name}.pem").write_bytes(b"# a remark: \xc3\xa4\n" + begin + chain)
    secret = serialization.load_pem_private_key(key, password=None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (place / "secret.key").write_bytes(secret)
    (place / "ca.pem").write_bytes(authority.certificate)
    (place / "empty.pem").write_text("nothing\n")
    (place / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return place


def test_what_an_interface_holds(files: Path, load: Callable[..., Any], authority: Authority) -> None:
    written = 'tls_cert(proxy_cert = "a.pem", proxy_key = "a.key", ca = "ca.pem")'
    (tls,) = (each.tls for each in load(SPEC.format(written), preamble=False).services["main"].interfaces)
    assert tls.shown == (files / "a.key").read_text() + _certificates(files / "a.pem")
    assert (tls.own, tls.ca, tls.ca_file) == ("", authority.certificate.decode(), str(files / "ca.pem"))


def _certificates(path: Path) -> str:
    text = path.read_text()
    return text[text.index("-----BEGIN") :]


@pytest.mark.parametrize(("written", "held"), [("True", Tls()), ("False", None), ("tls_cert(insecure = True)", Tls())])
def test_without_files(load: Callable[..., Any], written: str, held: Tls | None) -> None:
    assert load(SPEC.format(written), preamble=False).services["main"].interfaces[0].tls == held


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('proxy_cert = "a.pem"', "[MISSING_ARGUMENT] tls_cert(): proxy_cert= needs proxy_key= too"),
        ('client_key = "a.key"', "[MISSING_ARGUMENT] tls_cert(): client_key= needs client_cert= too"),
        ('proxy_cert = "a.pem", proxy_key = "b.key"', "[BAD_FILE] tls_cert(): proxy_key is not the key of proxy_cert"),
        ('proxy_cert = "a.pem", proxy_key = "secret.key"', "proxy_key: the key in secret.key is encrypted"),
        ('proxy_cert = "empty.pem", proxy_key = "a.key"', "proxy_cert: empty.pem holds no certificate in PEM"),
        ('proxy_cert = "a.pem", proxy_key = "a.pem"', "proxy_key: a.pem holds no private key in PEM"),
        ('proxy_cert = "broken.pem", proxy_key = "a.key"', "proxy_cert and proxy_key can't be used"),
        (
            'ca = "caa.pem"',
            "[FILE_NOT_FOUND] tls_cert(): ca: the file does not exist: ./caa.pem | near: ./ca.pem",
        ),
        ('ca = "broken.pem"', "ca: broken.pem can't be used"),
        ('ca = "ca.pem", insecure = True', "[NO_EFFECT] tls_cert(): insecure=True asks nothing about a certificate"),
    ],
)
def test_what_is_refused(files: Path, problems: Callable[..., list[str]], written: str, said: str) -> None:
    (found,) = problems(SPEC.format(f"tls_cert({written})"), preamble=False)
    assert said in found
