"""TLS in the middle: ended towards the caller with a certificate of the run's authority, begun anew to the service.

No sockets: bytes of both sides in, bytes for both and what they mean out. The service comes
first, with the caller's own SNI and ALPN, so that the caller is offered what the service chose.
The service's certificate is asked about as the interface's tls_cert(ca=) says: what else the caller
would ask is between the two, and the proxy stands in for both.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from faultbox.model.message import Side
from faultbox.protocols.secure import words
from faultbox.proxy.certificates import CERTIFICATE_FAULTS
from faultbox.proxy.stand_in import StandIn

_HELLO_LIMIT = 64 * 1024
_RECORD_HEADER = 5
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_ALPN, _SNI = 16, 0
_READ = 256 * 1024
_REFUSALS = {
    "handshake": b"\x15\x03\x03\x00\x02\x02\x28",
    "version": b"\x15\x03\x03\x00\x02\x02\x46",
    "close": b"",
}
"""What a caller is told whose handshake is refused: handshake_failure, protocol_version (RFC 8446, 6), nothing."""
_HOST = re.compile(r"(?=.{1,253}$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")
"""What can be a host's name: all else in SNI is a caller's mistake, or an attack (RFC 6066, 3)."""


class Hello(NamedTuple):
    """What a ClientHello says."""

    host: str
    alpn: tuple[str, ...]


class NotTls(Exception):
    """The caller's first bytes are no ClientHello."""


def read_hello(data: bytes) -> Hello | None:
    """The ClientHello that a stream begins with; None while it isn't whole. Raises NotTls."""
    if not data.startswith(bytes([_HANDSHAKE, 3])[: len(data)]) or len(data) > _HELLO_LIMIT:
        raise NotTls
    message = b""
    at = 0
    while at + _RECORD_HEADER <= len(data):  # a hello may be spread over records (RFC 8446, 5.1)
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        message += data[at + _RECORD_HEADER : at + _RECORD_HEADER + size]
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return _parsed(message)
        at += _RECORD_HEADER + size
    return None


def _parsed(message: bytes) -> Hello:
    import dpkt

    if message[0] != _CLIENT_HELLO:
        raise NotTls
    try:
        hello = dpkt.ssl.TLSClientHello(message[4:])
        extensions = dict(hello.extensions)
    except (dpkt.dpkt.Error, IndexError, ValueError):
        raise NotTls from None
    names = extensions.get(_SNI, b"")
    host = names[5 : 5 + int.from_bytes(names[3:5], "big")].decode("ascii", "replace") if len(names) > 5 else ""
    return Hello(host if _HOST.fullmatch(host) else "", tuple(_protocols(extensions.get(_ALPN, b"")[2:])))


def _protocols(data: bytes) -> list[str]:
    """The names of an ALPN list: a length and as many bytes, each (RFC 7301, 3.1); without those no software speaks.

    What is no ASCII is there to see whether servers ignore it (GREASE, RFC 8701).
    """
    names = []
    while data:
        names.append(data[1 : 1 + data[0]].decode("latin-1"))
        data = data[1 + data[0] :]
    return [name for name in names if name and name.isascii()]


class Secured:
    """One end of TLS. What it wants sent is fetched with `take`."""

    def __init__(self, context: ssl.SSLContext, *, host: str | None = None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self._tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=host)
        self._queued: list[bytes] = []
        self.ready = False
        self.ended = False
        """The other end has said that nothing more will come."""
        self.finished = False
        """It hears nothing more from us; OpenSSL answers an end without close_notify by an alert, decode_error."""

    @property
    def alpn(self) -> str:
        return self._tls.selected_alpn_protocol() or ""

    @property
    def certificate(self) -> bytes:
        """What the other end has shown, in DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    def take(self) -> bytes:
        return self._out.read()

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came; gives what they mean. Raises ssl.SSLError."""
        self._in.write(data)
        if not self.ready and not self._shake_hands():
            return b""
        plain = []
        while not self.ended:
            try:
                data = self._tls.read(_READ)
                plain.append(data)
                self.ended = not data  # it has said so, and we have not yet
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                self.ended = True
        return b"".join(plain)

    def write(self, data: bytes) -> None:
        """Say something; before the handshake is over it waits, after the last word it is not heard."""
        if not self.ready:
            self._queued.append(data)
        elif not self.finished:
            self._tls.write(data)

    def finish(self) -> None:
        """Say that nothing more will come (close_notify)."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            return  # it is sent; the other end's own may come later, or never

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        for data in self._queued:
            self._tls.write(data)
        self._queued = []
        return True


@dataclass
class Step:
    """What came of bytes: what to send to either end, and what the side said.

    `failed`: TLS can't go on. `blame`: who said so of its own accord, no rule having had a hand in it.
    """

    to_caller: bytes = b""
    to_service: bytes = b""
    plain: bytes = b""
    ended: bool = False
    failed: str = ""
    blame: Literal["caller", "service", ""] = ""


class Interception:
    """TLS of one connection, both ends. `decide` is asked once, when the caller begins: for a fault, "" for none."""

    def __init__(self, stand_in: StandIn, decide: Callable[[], str]) -> None:
        self._stand_in = stand_in
        self._decide = decide
        self.fault = ""
        self._heard = b""
        """What the caller has said before it was answered."""
        self._hello = Hello("", ())
        self._caller: Secured | None = None
        self._service: Secured | None = None
        self._unsaid: list[bytes] = []
        self._unsecured = False
        """The service is talked to in plain."""
        self._failed = False
        self.spoken = False
        """Something was said, by either."""

    @property
    def reissued(self) -> bool:
        """What the caller was shown is not the service's own certificate."""
        return self._service is None or self._stand_in.shown != self._service.certificate

    @property
    def silent(self) -> bool:
        """The caller has seen a certificate, without fault, and nothing was said since."""
        return self._caller is not None and not self.spoken and not self.fault

    def to_service(self) -> ssl.SSLContext | None:
        """How the service is met on a connection more, None for in plain."""
        return None if self._unsecured else self._stand_in.to_service(self._hello.alpn)

    def unsecure(self) -> None:
        """The service is met anew, and in plain."""
        self._service, self._unsecured = None, True

    def received(self, side: Side, data: bytes) -> Step:
        """A side has sent bytes. After a failure nothing is made of them."""
        step = Step()
        if self._failed:
            return step
        try:
            if side == "request":
                self._from_caller(data, step)
            else:
                self._from_service(data, step)
        except NotTls:
            step.failed, step.blame = "the caller does not speak TLS", "caller"
        except ssl.SSLError as error:
            self._broken(side, error, step)
        self._failed = bool(step.failed)
        step.to_caller += self._caller.take() if self._caller is not None else b""
        step.to_service += self._service.take() if self._service is not None else b""
        return step

    def _broken(self, side: Side, error: ssl.SSLError, step: Step) -> None:
        """TLS with the speaker of a side does not go on. Once we have said our last word, that is just its end."""
        end = self._caller if side == "request" else self._service
        if end is not None and end.finished:
            end.ended = step.ended = True
            return
        step.failed = words(error)
        step.blame = "" if self.fault else "caller" if side == "request" else "service"

    def say(self, side: Side, data: bytes) -> bytes:
        """Encrypt what is to be passed on of a side, for its hearer: bytes to send now."""
        hearer = self._service if side == "request" else self._caller
        if not data:
            return b""
        if self._unsecured and side == "request":
            return data
        if hearer is None:
            self._unsaid.append(data)
            return b""
        hearer.write(data)
        return hearer.take()

    def finish(self, side: Side) -> bytes:
        """Tell the hearer of a side that nothing more of it will come, if the side has said so itself.

        Where it just ended its stream the hearer is to see the same: it may have been cut off (RFC 8446, 6.1).
        """
        speaker, hearer = (self._caller, self._service) if side == "request" else (self._service, self._caller)
        if hearer is None or not hearer.ready:
            return b""
        hearer.finished = True
        if speaker is None or speaker.ended:
            hearer.finish()
        return hearer.take()

    def _from_caller(self, data: bytes, step: Step) -> None:
        if self._caller is not None:
            step.plain, step.ended = self._caller.feed(data), self._caller.ended
            self.spoken = self.spoken or bool(step.plain)
            return
        self._heard += data
        if self._service is not None or self.fault == "hang":
            return
        hello = read_hello(self._heard)
        if hello is None:
            return
        self._hello = hello
        self.fault = self._decide()
        if self.fault in _REFUSALS:
            step.to_caller, step.failed = _REFUSALS[self.fault], f"a rule: {self.fault}"
        elif self.fault != "hang":
            self._service = Secured(self._stand_in.to_service(hello.alpn), host=hello.host or None)
            self._service.feed(b"")

    def _from_service(self, data: bytes, step: Step) -> None:
        service = self._service
        if self._unsecured:
            step.plain = data
            return
        if service is None:
            step.failed, step.blame = "the service spoke before TLS began", "service"
            return
        step.plain, step.ended = service.feed(data), service.ended
        self.spoken = self.spoken or bool(step.plain)
        if service.ready and self._caller is None:
            fault = self.fault if self.fault in CERTIFICATE_FAULTS else ""
            self._caller = Secured(self._stand_in.to_caller(self._hello.host, service.alpn, fault))
            for each in self._unsaid:
                self._caller.write(each)
            self._caller.feed(self._heard)
            self._heard, self._unsaid = b"", []
