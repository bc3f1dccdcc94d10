"""What people read when TLS through a proxy fails, and what they can do about it."""

from __future__ import annotations

from faultbox.model.message import Edge

_OF_CERTIFICATES = ("certificate", "unknown ca")


def caller_refuses(edge: Edge, why: str) -> str:
    """A caller did not go on with the handshake."""
    where = f"{edge.caller} -> {edge.service}.{edge.interface}"
    if not any(each in why for each in _OF_CERTIFICATES):
        return f"{where}: the caller and the proxy could not begin TLS: {why}"
    return f"{where}: the caller refused the proxy's certificate: {why}; {_advice(edge)}"


def handshake_failed(edge: Edge, why: str) -> str:
    """A service did not go on with the proxy's handshake, or showed what tls_cert(ca=) does not allow."""
    where = f"{edge.service}.{edge.interface}"
    advice = ""
    if "verify failed" in why:
        advice = f"; is the ca= of {where} the one that signed its certificate?"
    elif "certificate" in why or "handshake failure" in why:
        advice = f"; if it wants to see one, give {where} tls_cert(client_cert=, client_key=)"
    elif "wrong version number" in why or "record" in why:
        advice = f"; {where} does not seem to speak TLS: leave out its tls="
    return f"{edge.caller} -> {where}: the service and the proxy could not begin TLS: {why}{advice}"


def nothing_said(edge: Edge) -> str:
    """A caller ended a connection after the handshake: some refuse a certificate in this way."""
    where = f"{edge.caller} -> {edge.service}.{edge.interface}"
    return (
        f"{where}: the caller saw the proxy's certificate and left without a word; if that is because it does not "
        f"trust it: {_advice(edge)}"
    )


def _advice(edge: Edge) -> str:
    return (
        f"give {edge.service}.{edge.interface} tls=tls_cert(proxy_cert=, proxy_key=) with the service's own files, or "
        f"have {edge.caller} trust $FAULTBOX_CA"
    )
