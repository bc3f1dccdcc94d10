"""The interfaces of a world by address, as events name them: "db.main", and "to api.public" for an own one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence

from faultbox.model.fault import Port
from faultbox.rules.ports import Ports


class Peers:
    """`addresses`: services by the loopback address that they have of their own, where ports clash."""

    def __init__(self, ports: Sequence[Port] = (), addresses: Mapping[str, str] | None = None) -> None:
        self._ports = Ports(ports, addresses)
        self._own = {(port.service, port.port): port for port in ports}
        self._named: dict[tuple[int, int, bytes], str] = {}

    def port_at(self, address: str, number: int) -> Port | None:
        """The interface that an IP address and a port mean."""
        return self._ports.at(address, number)

    def accepted_on(self, service: str, number: int) -> str:
        """ "to api.public" where the service itself listens on that port, else ""."""
        port = self._own.get((service, number))
        return f"to {port.service}.{port.interface}" if port is not None else ""

    def text(self, family: int, number: int, address: bytes) -> str:
        """An interface by its name, what is none as "127.0.0.1:5432"; "" for other families and no port."""
        key = (family, number, address)
        said = self._named.get(key)
        if said is None:
            said = self._named[key] = self._text(family, number, address)
            if len(self._named) > 4096:  # callers' own ports would fill memory
                self._named.clear()
        return said

    def _text(self, family: int, number: int, address: bytes) -> str:
        shown = shown_address(family, address)
        if not shown or not number:
            return ""
        port = self.port_at(shown, number)
        if port is not None:
            return f"{port.service}.{port.interface}"
        return f"[{shown}]:{number}" if ":" in shown else f"{shown}:{number}"


def shown_address(family: int, address: bytes) -> str:
    """An IP address in words, IPv4 where it is a mapped one; "" for other families."""
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(address[:4]))
    if family == socket.AF_INET6:
        six = ipaddress.IPv6Address(address[:16])
        return str(six.ipv4_mapped or six)
    return ""
