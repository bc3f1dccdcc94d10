"""Traffic control: programs that see every packet of an interface (tc(8), tc-bpf(8)).

A clsact qdisc and its filters stay until they are removed or their network namespace ends, whoever made them.
"""

from __future__ import annotations

import socket
import struct

from faultbox.linux import _netlink

INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
"""Where a filter of a clsact qdisc sits."""

_ROUTE = 0
_NEW_QDISC, _DEL_QDISC, _NEW_FILTER, _DEL_FILTER = 36, 37, 44, 45
_CLSACT_HANDLE, _CLSACT_PARENT = 0xFFFF0000, 0xFFFFFFF1
_MESSAGE = struct.Struct("=B3xiIII")
"""struct tcmsg: family, interface, handle, parent, info."""
_KIND, _OPTIONS = 1, 2
_BPF_FD, _BPF_NAME, _BPF_FLAGS = 6, 7, 8
_DIRECT = struct.pack("=I", 1)
"""TCA_BPF_FLAG_ACT_DIRECT: what the program returns is the action."""
_EVERY_PROTOCOL = socket.htons(3)


def add_clsact(interface: int) -> None:
    """Give an interface the place that filters sit in. Raises OSError: EEXIST where it has one."""
    with _netlink.connect(_ROUTE) as link:
        body = _MESSAGE.pack(0, interface, _CLSACT_HANDLE, _CLSACT_PARENT, 0)
        body += _netlink.attribute(_KIND, b"clsact\0")
        _netlink.tell(link, _NEW_QDISC, _netlink.CREATE | _netlink.EXCLUSIVE, body)


def remove_clsact(interface: int) -> None:
    """Remove it with every filter in it. Raises OSError."""
    with _netlink.connect(_ROUTE) as link:
        _netlink.tell(link, _DEL_QDISC, 0, _MESSAGE.pack(0, interface, _CLSACT_HANDLE, _CLSACT_PARENT, 0))


def add_filter(interface: int, side: int, program: int, name: str, priority: int) -> None:
    """Run a program on each packet of one side; lower priorities go first. Raises OSError."""
    options = (
        _netlink.attribute(_BPF_FD, struct.pack("=I", program)),
        _netlink.attribute(_BPF_NAME, name.encode() + b"\0"),
        _netlink.attribute(_BPF_FLAGS, _DIRECT),
    )
    body = _filter(interface, side, priority) + _netlink.attribute(_OPTIONS, b"".join(options))
    with _netlink.connect(_ROUTE) as link:
        _netlink.tell(link, _NEW_FILTER, _netlink.CREATE | _netlink.EXCLUSIVE, body)


def remove_filter(interface: int, side: int, priority: int) -> None:
    """Remove the filter of a priority. Raises OSError."""
    with _netlink.connect(_ROUTE) as link:
        _netlink.tell(link, _DEL_FILTER, 0, _filter(interface, side, priority))


def _filter(interface: int, side: int, priority: int) -> bytes:
    message = _MESSAGE.pack(0, interface, 0, side, priority << 16 | _EVERY_PROTOCOL)
    return message + _netlink.attribute(_KIND, b"bpf\0")
