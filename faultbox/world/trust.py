"""The run's authority inside a world: where the programs of a service look for whom to trust.

Proxies show certificates that it has signed. It is trusted in every world of the run, whether there are
proxies or not, so that what a service trusts does not depend on the case it is in.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from faultbox.model.frozen import frozen

AUTHORITY = "/run/faultbox/ca.pem"
"""The run's authority alone."""
BUNDLE = "/run/faultbox/trusted.pem"
"""The system's authorities, and the run's."""
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine; the first that Go looks for
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine and LibreSSL
)
"""Where distributions keep the authorities that everybody trusts, in one file."""
DIRECTORY = "/etc/ssl/certs"
"""Where OpenSSL looks for an authority by the hash of its name."""
VARIABLES: Mapping[str, str] = {
    "FAULTBOX_CA": AUTHORITY,
    "NODE_EXTRA_CA_CERTS": AUTHORITY,
    "SSL_CERT_FILE": BUNDLE,  # OpenSSL, hence Python and Ruby; Go
    "CURL_CA_BUNDLE": BUNDLE,
    "REQUESTS_CA_BUNDLE": BUNDLE,
    "GIT_SSL_CAINFO": BUNDLE,
}
"""What tells programs and libraries about it that don't read the system's files."""


@frozen
class Trust:
    """An authority (PEM), its name in a directory of OpenSSL's, and further files of authorities to put it into."""

    authority: bytes
    file_name: str
    beside: tuple[str, ...] = ()


def files(trust: Trust) -> dict[str, bytes]:
    """The files that a world has instead of the host's, by their real paths. Reads the host's own."""
    bundle = next((content for each in BUNDLES if (content := _read(each))), b"")
    found = {AUTHORITY: trust.authority, BUNDLE: _joined(bundle, trust.authority)}
    for path in _existing((*BUNDLES, *trust.beside)):
        found[path] = _joined(_read(path), trust.authority)
    if os.path.isdir(DIRECTORY):
        found[f"{os.path.realpath(DIRECTORY)}/{trust.file_name}"] = trust.authority
    return found


def _existing(paths: tuple[str, ...]) -> Iterator[str]:
    for each in paths:
        if os.path.isfile(each):
            yield os.path.realpath(each)


def _read(path: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes()
    return b""


def _joined(several: bytes, one: bytes) -> bytes:
    return several + (b"" if not several or several.endswith(b"\n") else b"\n") + one
