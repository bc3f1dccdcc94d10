"""Who is at the other end of a service's socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from faultbox.linux import pidfd
from faultbox.model.fault import Port

_PIDFD_THREAD = os.O_EXCL
"""Linux 6.9: a pidfd of any thread, not only of a process's first."""

_TRANSPORTS: Mapping[int, str] = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}

PortAt = Callable[[str, int], Port | None]


def peer_of(tid: int, fd: int, port_at: PortAt, own: Mapping[int, Port]) -> str:
    """The interface that a connected socket leads to ("db.main"), or the own one it was accepted on ("to api.public").

    "" where it is neither. Numbers that differ between two runs are never part of it.
    """
    with contextlib.suppress(OSError), contextlib.closing(_borrowed(tid, fd)) as borrowed:
        if borrowed.family not in (socket.AF_INET, socket.AF_INET6):
            return ""
        local = own.get(borrowed.getsockname()[1])
        if local is not None:
            return f"to {local.service}.{local.interface}"
        address, number = borrowed.getpeername()[:2]
        port = port_at(address.removeprefix("::ffff:"), number)
        if port is not None:
            return f"{port.service}.{port.interface}"
    return ""


def transport_of(tid: int, fd: int) -> str:
    """`tcp` or `udp`, or "" for a socket of another kind."""
    with contextlib.suppress(OSError), contextlib.closing(_borrowed(tid, fd)) as borrowed:
        kind = borrowed.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        return _TRANSPORTS.get(kind, "")
    return ""


def _borrowed(tid: int, fd: int) -> socket.socket:
    handle = _pidfd(tid)
    try:
        own = pidfd.getfd(handle, fd)
    finally:
        os.close(handle)
    try:
        return socket.socket(fileno=own)
    except OSError:
        os.close(own)
        raise


def _pidfd(tid: int) -> int:
    try:
        return os.pidfd_open(tid, _PIDFD_THREAD)
    except OSError:
        return os.pidfd_open(_process_of(tid))


def _process_of(tid: int) -> int:
    status = Path(f"/proc/{tid}/status").read_text(encoding="utf-8", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("Tgid:")).split()[1])
