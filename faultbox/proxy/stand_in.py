"""What the proxy of an edge is to both ends in TLS: a service to callers, a caller to the service."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from faultbox.model.topology import Tls
from faultbox.protocols.secure import client_context
from faultbox.proxy.certificates import Authority, showing


class StandIn:
    """Of one edge. `names`: what the service is called, for callers that don't say whom they mean (SNI).

    `unspoken`: how the names begin of what may be negotiated (ALPN) but is not the interface's protocol, so that no
    rule could read it.
    """

    def __init__(self, tls: Tls, authority: Authority, names: Sequence[str], unspoken: tuple[str, ...]) -> None:
        self._tls = tls
        self._authority = authority
        self._names = tuple(names)
        self._unspoken = unspoken
        self._to_service: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._showing: dict[str, ssl.SSLContext] = {}
        self.shown = _first_certificate(tls.shown)
        """The certificate that callers see without faults, in DER; empty where each name has one of its own."""

    def to_service(self, alpn: Sequence[str]) -> ssl.SSLContext:
        """For the handshake with the service. Where nothing that a rule could read is offered, all is passed on."""
        offered = tuple(each for each in alpn if not each.startswith(self._unspoken)) or tuple(alpn)
        if offered not in self._to_service:
            context = self._to_service[offered] = client_context(self._tls)
            if offered:
                context.set_alpn_protocols(list(offered))
        return self._to_service[offered]

    def to_caller(self, host: str, alpn: str, fault: str) -> ssl.SSLContext:
        """For the handshake with a caller that asks for `host`, "" where it does not say."""
        if self._tls.shown and not fault:
            if alpn not in self._showing:
                self._showing[alpn] = showing(self._tls.shown.encode("ascii"), alpn)
            return self._showing[alpn]
        names = tuple(dict.fromkeys((host, *self._names))) if host else self._names
        return self._authority.context(names, alpn, fault)


def _first_certificate(pem: str) -> bytes:
    begin, end = pem.find(_BEGIN), pem.find(_END)
    return ssl.PEM_cert_to_DER_cert(pem[begin:end] + _END) if begin >= 0 else b""


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
