"""Options of sockets that Python's module has no names for (socket(7))."""

from __future__ import annotations

import contextlib
import socket
import struct

_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("=9I")
"""What SO_MEMINFO tells (Linux 4.12, include/uapi/linux/sock_diag.h); the last number is of packets dropped."""


def make_room(receiver: socket.socket, size: int) -> None:
    """Let as many bytes wait to be read; as root beyond net.core.rmem_max, else up to it."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    with contextlib.suppress(PermissionError):
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)


def dropped(receiver: socket.socket) -> int:
    """How many datagrams a socket had no room for, ever; 0 on kernels that don't tell."""
    try:
        told = receiver.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return 0
    return int(_MEMINFO.unpack(told)[-1]) if len(told) == _MEMINFO.size else 0
