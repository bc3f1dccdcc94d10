"""Namespaces: leaving the host's, entering our own."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

from faultbox.linux import _netlink
from faultbox.linux._call import check, libc

NEWNS = 0x00020000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_IFF_UP = 0x1
_INTERFACE_REQUEST = struct.Struct("16sH22x")
_ROUTE, _NEW_ADDRESS = 0, 20
_IFA_LOCAL = 2
_ADDRESS_MESSAGE = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, bits of the prefix, flags, scope, interface."""
_NO_DAD, _HOST_SCOPE = 0x02, 254
_LOOPBACK = 1
_NEW_ROUTE, _ROUTE_TYPE, _LOCAL = 24, 16 + 7, 2
_ROUTES_OF_VERSION_6 = 0x400
_ROUTE_WAIT_S = 5
_ADDRESS_REQUEST = struct.Struct("16sHH4s16x")


class NoUserNamespaces(Exception):
    """This host does not let an ordinary user make namespaces. The text says what to change."""


def unshare(flags: int) -> None:
    """Leave the named namespaces for new ones (this thread alone; see unshare(2))."""
    check(libc.unshare(flags), "unshare")


def setns(fd: int, flags: int = 0) -> None:
    """Enter the namespace that `fd` refers to (this thread alone)."""
    check(libc.setns(fd, flags), "setns")


def sethostname(name: str) -> None:
    """Name this uts namespace."""
    socket.sethostname(name)


def enter_user_namespace() -> None:
    """Become root of a new user namespace that holds only the caller's own uid and gid, with mounts of its own.

    Call it with one thread. From there on worlds can be made as by root; other users do not
    exist in it. Raises NoUserNamespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(NEWUSER | NEWNS)
        Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="utf-8")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="utf-8")
    except OSError as error:
        raise NoUserNamespaces(
            f"this host lets uid {uid} make no user namespace ({error.strerror}): run as root, or allow them "
            "(sysctl user.max_user_namespaces > 0; on Debian kernel.unprivileged_userns_clone=1; "
            "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)"
        ) from error


def is_initial_user_namespace() -> bool:
    """Whether every uid exists here, as in the host's own user namespace."""
    first = Path("/proc/self/uid_map").read_text(encoding="utf-8").split()
    return first == ["0", "0", str(2**32 - 1)]


def loopback_up() -> None:
    """Bring `lo` up in this network namespace; 127.0.0.1 and ::1 come with it. netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, _INTERFACE_REQUEST.pack(b"lo", 0))
        flags: int = _INTERFACE_REQUEST.unpack(answer)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, _INTERFACE_REQUEST.pack(b"lo", flags | _IFF_UP))


def add_loopback_address(address: str) -> None:
    """Give `lo` a second IPv4 address, as its alias lo:1. netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        request = _ADDRESS_REQUEST.pack(b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(control, _SIOCSIFADDR, request)


def add_loopback_address6(address: str) -> None:
    """Give `lo` one more IPv6 address; that it has it already is fine. Raises OSError. rtnetlink(7).

    The kernel makes an address work some time after it has answered (addrconf_dad_work, also where nothing is to be
    detected): until then what is sent there is lost. So this waits for its local route.
    """
    packed = socket.inet_pton(socket.AF_INET6, address)
    body = _ADDRESS_MESSAGE.pack(socket.AF_INET6, 128, _NO_DAD, _HOST_SCOPE, _LOOPBACK)
    body += _netlink.attribute(_IFA_LOCAL, packed)
    with _netlink.connect(_ROUTE) as routes, _netlink.connect(_ROUTE) as link:
        routes.bind((0, _ROUTES_OF_VERSION_6))
        routes.settimeout(_ROUTE_WAIT_S)
        try:
            _netlink.tell(link, _NEW_ADDRESS, _netlink.CREATE | _netlink.EXCLUSIVE, body)
        except FileExistsError:
            return
        while not _is_local_route(routes.recv(4096), packed):
            pass


def _is_local_route(message: bytes, address: bytes) -> bool:
    """Whether a message tells of a new route (struct rtmsg) that delivers to this host what is for the address."""
    kind, type_ = struct.unpack_from("=H", message, 4)[0], message[_ROUTE_TYPE]
    return kind == _NEW_ROUTE and type_ == _LOCAL and address in message
