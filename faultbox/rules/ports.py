"""Which interface an address means."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from faultbox.model.fault import Port


class Ports:
    """The interfaces of a world. `addresses`: services by the loopback address that they have of their own."""

    def __init__(self, ports: Sequence[Port] = (), addresses: Mapping[str, str] | None = None) -> None:
        self._addresses = dict(addresses or {})
        self._by_number: dict[int, list[Port]] = {}
        for port in ports:
            self._by_number.setdefault(port.port, []).append(port)

    def at(self, address: str, number: int) -> Port | None:
        """The interface that an IP address and a port number mean; an address that is a service's own decides."""
        found = self._by_number.get(number)
        if not found:
            return None
        owner = self._addresses.get(address)
        if owner is not None:
            return next((port for port in found if port.service == owner), None)
        ip = ipaddress.ip_address(address)
        return found[0] if ip.is_loopback or ip.is_unspecified else None
