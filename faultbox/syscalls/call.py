"""A notified call as rules see it: everything about it is found when it is asked for, once."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from faultbox.linux import seccomp, vmem
from faultbox.model.arguments import (
    AT_EMPTY_PATH,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_SYMLINKS,
    PathArgument,
    Shape,
)
from faultbox.model.fault import FdKind, Port, Rule
from faultbox.model.syscalls import READERS, WRITERS
from faultbox.rules import Thing, literal_part, meets
from faultbox.rules.ports import Ports
from faultbox.syscalls.once import once
from faultbox.syscalls.peers import peer_of, transport_of
from faultbox.syscalls.places import Places

_LONGEST_ADDRESS = 128
_NO_FD = -1
_NEW = os.O_CREAT | os.O_EXCL
"""With both, a symlink is a file that is there already (open(2))."""
_OPEN_HOW = struct.Struct("=QQQ")
"""struct open_how: flags, mode, resolve."""
_ID, _TID, _ARGUMENTS_AT, _SIX = slice(0, 8), slice(8, 12), 32, struct.Struct("=6Q")


class Destination(NamedTuple):
    """Where an address leads: an interface of the world if `port` is set; `text` is for people."""

    port: Port | None
    text: str
    path: str = ""


class Surroundings:
    """What calls of one service are looked at with."""

    def __init__(self, service: str, ports: Sequence[Port], addresses: Mapping[str, str] | None = None) -> None:
        self.service = service
        self.places = Places()
        self.port_at = Ports(ports, addresses).at
        self.own_ports = {port.port: port for port in ports if port.service == service}


class Syscall:
    """One notification. Reading it may race with the program changing its memory; deciding needs no more."""

    _quick: tuple[Thing, ...] | None = None

    def __init__(
        self, around: Surroundings, name: str, shape: Shape, notification: bytes, listener: seccomp.Listener
    ) -> None:
        self.name = name
        self._around = around
        self._shape = shape
        self._notification = notification
        self._listener = listener

    @property
    def tid(self) -> int:
        """The calling thread, as our pid namespace counts."""
        return int.from_bytes(self._notification[_TID], "little")

    @once
    def arguments(self) -> Sequence[int]:
        """The six words in registers, or whatever stands for them."""
        return _SIX.unpack_from(self._notification, _ARGUMENTS_AT)

    # -- what rules ask

    def things(self, rule: Rule) -> Sequence[Thing]:
        """What the call acts on. Kinds are exact only for rules that have `on=`."""
        if rule.fault.on is not None:
            found = self.acts_on
        else:
            found = self._quick if self._quick is not None else self._look(kind=False)
            self._quick = found
        if self._shape.source is None:
            return found
        reads, writes = bool(rule.syscalls & READERS), bool(rule.syscalls & WRITERS)
        if reads == writes:
            return found
        return found[1:] if reads else found[:1]

    def within(self, path: str, glob: str) -> bool:
        if meets(path, glob):
            return True
        literal = literal_part(glob)
        if not literal:
            return False
        ends = self._around.places.locate(self.tid, literal)
        return any(end != literal and meets(path, glob, located=end) for end in ends)

    @property
    def destination(self) -> Port | None:
        """getaddrinfo(3) connects datagram sockets to the same port, only to rank addresses: those lead nowhere."""
        port = self.leads_to.port
        return port if port is not None and self._transport in ("", port.transport) else None

    @once
    def identity(self) -> str:
        things = " ".join(f"{thing.kind} {thing.path or ''}" for thing in self.acts_on)
        return f"{self.name} {things} {self.peer}"

    # -- what events tell

    @once
    def acts_on(self) -> tuple[Thing, ...]:
        """Everything it acts on: of two descriptors the one written to first, of two paths the old one."""
        return self._look(kind=True)

    @property
    def path(self) -> str:
        return next((thing.path for thing in self.acts_on if thing.path), "")

    @property
    def kind(self) -> FdKind | None:
        return self.acts_on[0].kind if self.acts_on else None

    @property
    def fd(self) -> int | None:
        return None if self._shape.fd is None else self._fd(self._shape.fd)

    @property
    def size(self) -> int | None:
        return None if self._shape.size is None else self.arguments[self._shape.size]

    @once
    def peer(self) -> str:
        """The other end of a socket, named so that it is the same in every run."""
        if self._shape.address is not None and self.leads_to.text:
            return self.leads_to.text
        fd = self.fd
        if fd is None or self.kind != "socket":
            return ""
        return peer_of(self.tid, fd, self._around.port_at, self._around.own_ports)

    @once
    def _transport(self) -> str:
        """What the socket of a connect speaks; "" where that can't be known or asked."""
        fd = self.fd
        return transport_of(self.tid, fd) if self.name == "connect" and fd is not None else ""

    @once
    def leads_to(self) -> Destination:
        """Where the address argument leads, if there is one."""
        if self._shape.address is None:
            return Destination(None, "")
        address, length = self.arguments[self._shape.address], self.arguments[self._shape.address + 1]
        if not address:
            return Destination(None, "")
        data = vmem.read(self.tid, address, min(length & 0xFFFFFFFF, _LONGEST_ADDRESS))
        self._check_that_it_was_its_own()
        return self._read_address(data)

    def _read_address(self, data: bytes) -> Destination:
        family = struct.unpack_from("=H", data)[0] if len(data) >= 2 else -1
        if family == socket.AF_UNIX:
            return self._unix(data[2:])
        if family == socket.AF_INET and len(data) >= 8:
            return self._internet(ipaddress.IPv4Address(data[4:8]), data)
        if family == socket.AF_INET6 and len(data) >= 24:
            six = ipaddress.IPv6Address(data[8:24])
            return self._internet(six.ipv4_mapped or six, data)
        return Destination(None, "")

    def _internet(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: bytes) -> Destination:
        number = int.from_bytes(data[2:4], "big")
        port = self._around.port_at(str(address), number)
        if port is not None:
            return Destination(port, f"{port.service}.{port.interface}")
        return Destination(None, f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}")

    def _unix(self, name: bytes) -> Destination:
        if name.startswith(b"\0"):
            return Destination(None, "@" + os.fsdecode(name[1:]))
        path = os.fsdecode(name.split(b"\0")[0])
        resolved = self._around.places.argument(self.tid, None, path, follow=True) if path else None
        return Destination(None, resolved or path, resolved or "")

    # -- looking

    def _look(self, *, kind: bool) -> tuple[Thing, ...]:
        shape = self._shape
        if shape.fd is not None:
            if shape.address is not None and self.leads_to.path:
                return (Thing("socket", self.leads_to.path),)
            first = self._fd_thing(self._fd(shape.fd), kind=kind)
            return (first,) if shape.source is None else (first, self._fd_thing(self._fd(shape.source), kind=kind))
        if shape.mapped:
            return (Thing("file", None),)
        return tuple(self._path_thing(argument, kind=kind) for argument in shape.paths)

    def _check_that_it_was_its_own(self) -> None:
        """Memory was read by a number that, had the caller died, could be a stranger's. Raises FileNotFoundError."""
        if not self._listener.still_waits(self._notification[_ID]):
            raise FileNotFoundError(f"task {self.tid} is gone")

    def _fd(self, index: int) -> int:
        fd = self.arguments[index] & 0xFFFFFFFF
        return fd if fd < 1 << 31 else _NO_FD

    def _fd_thing(self, fd: int, *, kind: bool) -> Thing:
        if fd == _NO_FD:
            return Thing("other", "")
        return self._around.places.descriptor(self.tid, fd, kind=kind)

    def _path_thing(self, argument: PathArgument, *, kind: bool) -> Thing:
        pointer = self.arguments[argument.path]
        flags, resolve = self._flags(argument)
        raw = vmem.read_string(self.tid, pointer) if pointer else b""
        self._check_that_it_was_its_own()
        if raw is None:
            return Thing("file", None)
        if not raw:
            empty = argument.dirfd is not None and (flags & AT_EMPTY_PATH or not pointer)
            return self._fd_thing(self._fd(argument.dirfd or 0), kind=kind) if empty else Thing("file", "")
        directory = None if argument.dirfd is None else self._fd(argument.dirfd)
        path = self._around.places.argument(
            self.tid,
            None if directory == _NO_FD else directory,
            os.fsdecode(raw),
            follow=bool(flags & AT_SYMLINK_FOLLOW) or (argument.follow and not flags & AT_SYMLINK_NOFOLLOW),
            confined=bool(resolve & RESOLVE_IN_ROOT),
        )
        return Thing("file", path)

    def _flags(self, argument: PathArgument) -> tuple[int, int]:
        """How a path is gone: bits as the *at calls have them, and those of openat2(2)."""
        if argument.flags is None:
            return 0, 0
        given, resolve = self.arguments[argument.flags], 0
        if argument.opens == "how":
            given, _, resolve = _OPEN_HOW.unpack(
                vmem.read(self.tid, given, _OPEN_HOW.size).ljust(_OPEN_HOW.size, b"\0")
            )
        if not argument.opens:
            return given, 0
        stays = given & os.O_NOFOLLOW or given & _NEW == _NEW or resolve & RESOLVE_NO_SYMLINKS
        return AT_SYMLINK_NOFOLLOW if stays else 0, resolve
