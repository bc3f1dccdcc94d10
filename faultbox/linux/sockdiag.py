"""TCP sockets of this network namespace: listing and destroying them (sock_diag(7)).

Destroying needs CAP_NET_ADMIN over the namespace and CONFIG_INET_DIAG_DESTROY (Linux 4.9).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY, _DESTROY = 20, 21
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_LISTEN, _TIME_WAIT, _CLOSE = 10, 6, 7
_CONNECTED = 0xFFF & ~(1 << _LISTEN | 1 << _TIME_WAIT | 1 << _CLOSE)
"""States with a peer that can still be told: from SYN_SENT to LAST_ACK."""

_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
_FILTER = struct.Struct("=BBBxI")
"""The start of struct inet_diag_req_v2: family, protocol, extensions, states; then an identity."""
_IDENTITY = slice(4, 52)
"""struct inet_diag_sockid within an answer: ports, addresses, interface, cookie."""
_PORTS = struct.Struct("!HH")
_ANSWER_BYTES = 1 << 18


class Connection(NamedTuple):
    """One end of a TCP connection; `identity` names it to the kernel and holds a cookie, so it can't be mistaken."""

    family: int
    local_port: int
    remote_port: int
    identity: bytes


def connections() -> list[Connection]:
    """Both ends of every TCP connection of this network namespace. Raises OSError."""
    with _netlink() as link:
        return [found for family in (socket.AF_INET, socket.AF_INET6) for found in _dump(link, family)]


def destroy(connection: Connection) -> bool:
    """Reset one end: its peer gets a RST, its owner ECONNABORTED. False where it had gone already. Raises OSError."""
    with _netlink() as link:
        body = _FILTER.pack(connection.family, socket.IPPROTO_TCP, 0, _CONNECTED) + connection.identity
        link.send(_message(_DESTROY, _REQUEST | _ACK, body))
        try:
            for _ in _answers(link):
                pass
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            if error.errno == errno.EOPNOTSUPP:
                text = "this kernel can't cut TCP connections: it needs CONFIG_INET_DIAG_DESTROY"
                raise OSError(error.errno, text) from error
            raise
    return True


def _netlink() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _dump(link: socket.socket, family: int) -> Iterator[Connection]:
    body = _FILTER.pack(family, socket.IPPROTO_TCP, 0, _CONNECTED) + bytes(48)
    link.send(_message(_BY_FAMILY, _REQUEST | _DUMP, body))
    for answer in _answers(link):
        local, remote = _PORTS.unpack_from(answer, 4)
        yield Connection(answer[0], local, remote, answer[_IDENTITY])


def _answers(link: socket.socket) -> Iterator[bytes]:
    """The bodies of what the kernel answers, until it says that this was all."""
    while True:
        data = link.recv(_ANSWER_BYTES)
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, _, _, _ = _HEADER.unpack_from(data, at)
            body = data[at + _HEADER.size : at + length]
            at += (length + 3) & ~3
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR:
                code = -struct.unpack_from("=i", body)[0]
                if code:
                    raise OSError(code, f"sock_diag: {os.strerror(code)}")
                return
            yield body
