"""Netlink: requests to the kernel and their answers (netlink(7))."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

REQUEST, ACK, DUMP, CREATE, EXCLUSIVE = 0x1, 0x4, 0x300, 0x400, 0x200
"""Flags of a message."""

_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
_ATTRIBUTE = struct.Struct("=HH")
"""struct nlattr: length, type; its payload is padded to four bytes."""
_ANSWER_BYTES = 1 << 18


def connect(protocol: int) -> socket.socket:
    """A socket to the kernel's side of a protocol, in this thread's network namespace."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, to be put behind the fixed part of a message or into another attribute."""
    data = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def ask(link: socket.socket, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Send a request; the bodies of what the kernel answers, until it says that this was all. Raises OSError."""
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
    while True:
        data = link.recv(_ANSWER_BYTES)
        at = 0
        while at + _HEADER.size <= len(data):
            length, answer, _, _, _ = _HEADER.unpack_from(data, at)
            payload = data[at + _HEADER.size : at + length]
            at += (length + 3) & ~3
            if answer == _DONE:
                return
            if answer == _ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                if code:
                    raise OSError(code, f"netlink: {os.strerror(code)}")
                return
            yield payload


def tell(link: socket.socket, kind: int, flags: int, body: bytes) -> None:
    """Send a request that only wants to be acknowledged. Raises OSError."""
    for _ in ask(link, kind, flags | REQUEST | ACK, body):
        pass
