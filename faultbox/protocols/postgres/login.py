"""A login by SCRAM (RFC 5802) within TLS that is ended by the proxy."""

from __future__ import annotations

from typing import Final

from faultbox.protocols.postgres.wire import Piece, cstrings, frame

_HEAD: Final = 9
"""Bytes of an Authentication message before what it offers: its letter, its length, its kind."""
_OK, _SASL = 0, 10
_ADVICE: Final = "give the interface tls=tls_cert(proxy_cert=, proxy_key=) with the service's own files"
UNBOUND: Final = (
    "the caller's login by SCRAM can't be passed on within TLS, because the proxy's certificate is not the service's "
    f"own, and in plain the service does not take it; {_ADVICE}, or let the caller connect with channel_binding=disable"
)
WANTED: Final = (
    "the caller left when it was not offered SCRAM-SHA-256-PLUS (channel_binding=require?), which proves that it has "
    f"seen the service's own certificate; {_ADVICE}"
)


class Login:
    """What a client and a service are told of each other's logins.

    A client that can bind its login to the channel signs the certificate that it was shown, or signs that the
    server did not offer this; either fits the service's own view only if the certificate is the service's own.
    So the offer is taken back, and where the client then says so ("y") the service is met anew and in plain, where it
    offers no binding either.
    """

    def __init__(self) -> None:
        self.startup = b""
        """The StartupMessage, to be said again."""
        self.reissued = False
        """The client was shown a certificate that is not the service's."""
        self.withdrawn = False
        """The offer to bind was taken back, and the client has not answered yet."""
        self.anew = False
        """The service was met anew, and has not asked the client to log in yet."""
        self.over = False

    def asked(self, piece: Piece) -> bytes:
        """An Authentication message: what the client is to hear; nothing where the service says again what it had."""
        kind = int.from_bytes(piece.body[:4])
        self.over = self.over or kind == _OK
        if kind != _SASL or not self.reissued:
            return piece.raw
        if self.anew:
            self.anew = False
            return b""
        raw = _without_binding(piece.raw)
        self.withdrawn = raw != piece.raw
        return raw

    def answered(self, body: bytes) -> bytes:
        """What a client says to that; gives what the service that is met anew must be told first, if it must be."""
        self.anew = self.withdrawn and _disclaims_binding(body)
        self.withdrawn = False
        return self.startup if self.anew else b""


def _without_binding(raw: bytes) -> bytes:
    """An offer of SASL mechanisms without those that bind to the channel; the same bytes where there are none."""
    mechanisms = raw[_HEAD:].rstrip(b"\0").split(b"\0")
    kept = [each for each in mechanisms if not each.endswith(b"-PLUS")]
    return raw if kept == mechanisms else frame(b"R", raw[5:_HEAD] + b"\0".join((*kept, b"\0")))


def _disclaims_binding(body: bytes) -> bool:
    """Whether a SASLInitialResponse says that the client could bind but was not offered it (RFC 5802, 7)."""
    _mechanism, at = cstrings(body, 1)
    return body[at + 4 : at + 5] == b"y"
