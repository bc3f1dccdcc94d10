"""A run's own certificate authority, and the certificates that proxies show in a service's stead."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from faultbox.protocols.secure import load_identity

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CertificateFault = Literal["expired", "not_yet_valid", "wrong_host", "self_signed", "untrusted"]
CERTIFICATE_FAULTS: Final[tuple[CertificateFault, ...]] = (
    "expired",
    "not_yet_valid",
    "wrong_host",
    "self_signed",
    "untrusted",
)

_DAY = datetime.timedelta(days=1)
_NAME = "Faultbox test authority"


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate, for callers to trust, and its key, both in PEM."""

    certificate: bytes
    key: bytes
    _contexts: dict[tuple[tuple[str, ...], str, str], ssl.SSLContext] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def new(cls) -> Authority:
        """One that is valid from yesterday for a year."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        limits = x509.BasicConstraints(ca=True, path_length=0)
        builder = _builder(_NAME, _NAME, key.public_key(), -_DAY, 365 * _DAY).add_extension(limits, critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        ).add_extension(_usage(signs=True), critical=True)
        return cls(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))

    @property
    def file_name(self) -> str:
        """What OpenSSL looks for in a directory of authorities: a hash of its name as X509_NAME_hash(3) makes it."""
        name = _distinguished(_NAME.lower()).public_bytes()
        # The canonical form is that of lower case without the outer SEQUENCE's tag and length, one byte each.
        return f"{int.from_bytes(hashlib.sha1(name[2:], usedforsecurity=False).digest()[:4], 'little'):08x}.0"

    def context(self, names: Sequence[str], alpn: str = "", fault: str = "") -> ssl.SSLContext:
        """For a server that has these names and addresses, and speaks `alpn` where that is not empty.

        With a `fault` its certificate is wrong in that way.
        """
        wanted = (tuple(names), alpn, fault)
        if wanted not in self._contexts:
            issuer = Authority.new() if fault == "untrusted" else self
            self._contexts[wanted] = showing(issuer.issue(names, fault), alpn)
        return self._contexts[wanted]

    def issue(self, names: Sequence[str], fault: str = "") -> bytes:
        """Key and certificate for a host of these names and addresses, with the chain."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        own = serialization.load_pem_private_key(self.key, password=None)
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        begin, end = {"expired": (-30 * _DAY, -_DAY), "not_yet_valid": (30 * _DAY, 60 * _DAY)}.get(
            fault, (-_DAY, 90 * _DAY)
        )
        if fault == "wrong_host":
            names = ("wrong.host.invalid",)
        subject = names[0][:64]
        alone = fault == "self_signed"
        builder = _builder(subject, subject if alone else _NAME, key.public_key(), begin, end)
        builder = (
            builder.add_extension(x509.SubjectAlternativeName([_general_name(each) for each in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        certificate = _pem(builder.sign(key if alone else own, hashes.SHA256()))
        return _key_pem(key) + certificate + (b"" if alone else self.certificate)


def showing(pem: bytes, alpn: str = "") -> ssl.SSLContext:
    """For a server that shows a key's certificates, both in PEM, and speaks `alpn` where that is not empty."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if alpn:
        context.set_alpn_protocols([alpn])
    load_identity(context, pem)
    return context


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePublicKey,
    begin: datetime.timedelta,
    end: datetime.timedelta,
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_distinguished(subject))
        .issuer_name(_distinguished(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
    )


def _distinguished(name: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    rest = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=signs, crl_sign=signs, **rest)


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
