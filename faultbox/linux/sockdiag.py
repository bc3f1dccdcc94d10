"""TCP sockets of this network namespace: listing and destroying them (sock_diag(7)).

Destroying needs CAP_NET_ADMIN over the namespace and CONFIG_INET_DIAG_DESTROY (Linux 4.9).
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from faultbox.linux import _netlink

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY, _DESTROY = 20, 21
_LISTEN, _TIME_WAIT, _CLOSE = 10, 6, 7
_CONNECTED = 0xFFF & ~(1 << _LISTEN | 1 << _TIME_WAIT | 1 << _CLOSE)
"""States with a peer that can still be told: from SYN_SENT to LAST_ACK."""

_FILTER = struct.Struct("=BBBxI")
"""The start of struct inet_diag_req_v2: family, protocol, extensions, states; then an identity."""
_IDENTITY = slice(4, 52)
"""struct inet_diag_sockid within an answer: ports, addresses, interface, cookie."""
_PORTS = struct.Struct("!HH")


class Connection(NamedTuple):
    """One end of a TCP connection; `identity` names it to the kernel and holds a cookie, so it can't be mistaken."""

    family: int
    local_port: int
    remote_port: int
    identity: bytes

    @property
    def local_address(self) -> str:
        return self._address(4)

    @property
    def remote_address(self) -> str:
        return self._address(20)

    def _address(self, start: int) -> str:
        """Source and destination follow the ports, 16 bytes each, of which IPv4 uses the first four."""
        packed = self.identity[start : start + (4 if self.family == socket.AF_INET else 16)]
        return socket.inet_ntop(self.family, packed).removeprefix("::ffff:")


def connections() -> list[Connection]:
    """Both ends of every TCP connection of this network namespace. Raises OSError."""
    with _netlink.connect(_NETLINK_SOCK_DIAG) as link:
        return [found for family in (socket.AF_INET, socket.AF_INET6) for found in _dump(link, family)]


def destroy(connection: Connection) -> bool:
    """Reset one end: its peer gets a RST, its owner ECONNABORTED. False where it had gone already. Raises OSError."""
    with _netlink.connect(_NETLINK_SOCK_DIAG) as link:
        body = _FILTER.pack(connection.family, socket.IPPROTO_TCP, 0, _CONNECTED) + connection.identity
        try:
            _netlink.tell(link, _DESTROY, 0, body)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            if error.errno == errno.EOPNOTSUPP:
                text = "this kernel can't cut TCP connections: it needs CONFIG_INET_DIAG_DESTROY"
                raise OSError(error.errno, text) from error
            raise
    return True


def _dump(link: socket.socket, family: int) -> Iterator[Connection]:
    body = _FILTER.pack(family, socket.IPPROTO_TCP, 0, _CONNECTED) + bytes(48)
    for answer in _netlink.ask(link, _BY_FAMILY, _netlink.REQUEST | _netlink.DUMP, body):
        local, remote = _PORTS.unpack_from(answer, 4)
        yield Connection(answer[0], local, remote, answer[_IDENTITY])
