"""TLS of an interface: tls_cert()."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from faultbox.linux import memfd
from faultbox.model.topology import Tls
from faultbox.spec.builtins import kinds, paths
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.wrong import Wrong

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_LIMIT = 4 * 1024 * 1024
"""Bytes of a file of certificates that are read at most."""


def tls_of_interface(value: Any, label: str) -> Tls | None:
    """True, or a tls_cert(...)"""
    if isinstance(value, Tls):
        return value
    if isinstance(value, bool):
        return Tls() if value else None
    return kinds.refuse(label, "True or tls_cert(...)", value)


@builtin(
    "tls_cert",
    proxy_cert=kinds.text,
    proxy_key=kinds.text,
    client_cert=kinds.text,
    client_key=kinds.text,
    ca=kinds.text,
    insecure=kinds.boolean,
)
def tls_cert(
    call: Call,
    *,
    proxy_cert: str = "",
    proxy_key: str = "",
    client_cert: str = "",
    client_key: str = "",
    ca: str = "",
    insecure: bool = False,
) -> Tls:
    """How TLS is spoken at an interface, for interface(tls=).

    All files are PEM, and are read while the spec is loaded. Without `ca` nothing is asked about the service's
    certificate, by Faultbox that is: its callers ask what they always do.

    proxy_cert: what callers are shown where faults may act, best the service's own; by default one made for the run
    proxy_key: its key
    client_cert: what steps, readiness and proxies show to a service that asks for a certificate
    client_key: its key
    ca: the authority that must have signed the service's certificate, for steps, readiness and proxies; where a service
        reads this very file, it finds the run's authority in it too
    insecure: True says in so many words that nothing is asked about the service's certificate
    gives: something for interface(tls=)
    """
    if ca and insecure:
        raise Wrong("NO_EFFECT", "insecure=True asks nothing about a certificate, so ca= has no meaning", at="ca")
    shown = _identity(call, "proxy", proxy_cert, proxy_key)
    own = _identity(call, "client", client_cert, client_key)
    file, authority = "", ""
    with call.noting("ca"):
        if ca:
            file, authority = str(paths.absolute(call.session, ca)), _authority(call, ca)
    return Tls(shown, own, authority, file)


def _identity(call: Call, whose: str, certificate: str, key: str) -> str:
    """Key and certificates as one text, "" where there are none; what is wrong with them is a problem of the call."""
    names = (f"{whose}_cert", f"{whose}_key")
    if not certificate and not key:
        return ""
    if not certificate or not key:
        missing, given = names if key else reversed(names)
        call.problem(Wrong("MISSING_ARGUMENT", f"{given}= needs {missing}= too", at=given))
        return ""
    with call.noting(names[0]):
        chain = [block for kind, block in _blocks(call, certificate, names[0]) if kind == b"CERTIFICATE"]
        if not chain:
            raise _no_pem(names[0], certificate, "certificate", "BEGIN CERTIFICATE")
        with call.noting(names[1]):
            found = _fitting(_key(call, key, names[1]), chain, names)
            return found.decode("ascii")
    return ""


def _key(call: Call, path: str, name: str) -> bytes:
    blocks = _blocks(call, path, name)
    if any(kind == b"ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block for kind, block in blocks):
        raise Wrong("BAD_FILE", f"{name}: the key in {path} is encrypted; write it without: openssl pkey -in {path}")
    for kind, block in blocks:
        if kind.endswith(b"PRIVATE KEY"):
            return block
    raise _no_pem(name, path, "private key", "BEGIN PRIVATE KEY")


def _fitting(key: bytes, chain: list[bytes], names: tuple[str, str]) -> bytes:
    """A key and its certificates, tried as a server would. Raises Wrong."""
    import ssl

    pem = b"\n".join((key, *chain, b""))
    with memfd.holding(pem) as path:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise Wrong("BAD_FILE", f"{names[1]} is not the key of {names[0]}") from None
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise Wrong("BAD_FILE", f"{names[0]} and {names[1]} can't be used: {reason}") from None
    return pem


def _authority(call: Call, path: str) -> str:
    import ssl

    found = [block for kind, block in _blocks(call, path, "ca") if kind in (b"CERTIFICATE", b"TRUSTED CERTIFICATE")]
    if not found:
        raise _no_pem("ca", path, "certificate", "BEGIN CERTIFICATE")
    text = b"\n".join((*found, b"")).decode("ascii")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise Wrong("BAD_FILE", f"ca: {path} can't be used: {reason}") from None
    return text


def _blocks(call: Call, path: str, name: str) -> list[tuple[bytes, bytes]]:
    """The PEM blocks of a file with their kinds (RFC 7468). Raises Wrong that names the path tried."""
    found: Path = paths.absolute(call.session, path)
    if not found.is_file():
        what = "is no file" if found.exists() else "does not exist"
        raise Wrong("FILE_NOT_FOUND", f"{name}: the file {what}: {found}", nearest=paths.near(found), at=name)
    try:
        with found.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise Wrong("FILE_NOT_FOUND", f"{name}: can't read {found}: {error.strerror}", at=name) from None
    if len(data) > _LIMIT:
        raise Wrong("TOO_LARGE", f"{name}: {found} is larger than {_LIMIT >> 20} MB", at=name)
    return [(each[1], each[0]) for each in _BLOCK.finditer(data)]


def _no_pem(name: str, path: str, what: str, begins: str) -> Wrong:
    return Wrong("BAD_FILE", f"{name}: {path} holds no {what} in PEM", accepted=f"a file with -----{begins}-----")
