"""The client's end of TLS, for steps, readiness and proxies alike."""

from __future__ import annotations

import re
import select
import socket
import ssl
from typing import NamedTuple

from faultbox.linux import memfd
from faultbox.model.topology import Tls
from faultbox.protocols.connection import StepFailed

_OPENSSL = re.compile(r"\[SSL[^]]*\] (.*?)(?: \(_ssl\.c:\d+\))?$")
"""An error that Python's ssl has no name for: `[SSL] tlsv1 alert no application protocol (_ssl.c:1006)`."""
_CLOSED = "TLS: the connection was closed in the handshake"


class Securing(NamedTuple):
    """How a connection is secured, and the name that the service is asked for (SNI)."""

    context: ssl.SSLContext
    name: str


class SecuredSocket:
    """A non-blocking socket that speaks TLS, with the manners of a plain one: BlockingIOError where it must wait.

    What TLS itself has to complain about is raised as StepFailed, `TLS: …`.
    """

    def __init__(self, plain: socket.socket, tls: Securing) -> None:
        try:
            self._tls = tls.context.wrap_socket(plain, server_hostname=tls.name, do_handshake_on_connect=False)
        except OSError:  # it was reset meanwhile
            raise StepFailed(_CLOSED) from None

    def shake_hands(self) -> int:
        """Go on with the handshake; gives what to wait for (of poll(2)), 0 when it is over."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return select.POLLIN
        except ssl.SSLWantWriteError:
            return select.POLLOUT
        except (ssl.SSLEOFError, ConnectionResetError):
            raise StepFailed(_CLOSED) from None
        except ssl.SSLError as error:
            raise StepFailed(f"TLS: {words(error)}") from None
        return 0

    def fileno(self) -> int:
        return self._tls.fileno()

    def pending(self) -> int:
        """How many bytes can be received without the socket becoming readable."""
        return self._tls.pending()

    def recv(self, size: int) -> bytes:
        try:
            return self._tls.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError as error:
            raise StepFailed(f"TLS: {words(error)}") from None

    def send(self, data: bytes | memoryview, _flags: int = 0) -> int:
        """As many bytes as can go. Flags mean nothing to TLS: Python ignores SIGPIPE anyhow."""
        try:
            return self._tls.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLEOFError:
            raise BrokenPipeError from None
        except ssl.SSLError as error:
            raise StepFailed(f"TLS: {words(error)}") from None

    def shutdown(self, how: int) -> None:
        """As of the plain socket: SSLSocket's own would forget its TLS under whoever reads in another thread."""
        socket.socket.shutdown(self._tls, how)

    def close(self) -> None:
        self._tls.close()


def client_context(tls: Tls, *, trusting: bytes = b"") -> ssl.SSLContext:
    """What talks to the service of an interface. `trusting`: further authorities (PEM), those of proxies.

    With `ca` the service's certificate must have been issued by it and be valid now. For which name it was issued is
    not asked: in a world a service goes by several. Without `ca` nothing is asked, as of any server with a
    certificate of its own making.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if tls.ca:
        context.load_verify_locations(cadata="\n".join((tls.ca, trusting.decode("ascii"))))
        # Somebody's own certificate may be named as its authority, and is then as good as one.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    else:
        context.verify_mode = ssl.CERT_NONE
    if tls.own:
        load_identity(context, tls.own.encode("ascii"))
    return context


def load_identity(context: ssl.SSLContext, pem: bytes) -> None:
    """Have a context show a key's certificates, both in PEM. Raises ssl.SSLError where they don't fit together."""
    with memfd.holding(pem, "faultbox-certificate") as path:
        context.load_cert_chain(path, password=_no_password)


def words(error: ssl.SSLError) -> str:
    """What went wrong, in few words: `certificate verify failed: certificate has expired`."""
    said = (error.reason or _OPENSSL.sub(r"\1", str(error))).replace("_", " ").lower()
    for prefix in ("sslv3 alert ", "tlsv1 alert ", "tlsv13 alert "):
        said = said.removeprefix(prefix)
    why = getattr(error, "verify_message", "")
    return f"{said}: {why}" if why else said


def _no_password() -> str:
    """OpenSSL would ask the terminal for the password of an encrypted key."""
    raise ValueError("the key is encrypted")
