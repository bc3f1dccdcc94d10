"""TLS of a world, as the scenario's steps and readiness speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultbox.model.topology import Endpoint, Service, Tls

if TYPE_CHECKING:
    from faultbox.protocols.secure import Securing


class Security:
    """Makes what secures a connection, once for each interface. `authority`: the run's (PEM), which proxies show."""

    def __init__(self, authority: bytes) -> None:
        self._authority = authority
        self._made: dict[tuple[str, int], Securing] = {}

    def of(self, endpoint: Endpoint) -> Securing | None:
        """For steps on an interface; None where it does not speak TLS."""
        tls = endpoint.interface.tls
        return self._securing(endpoint.service, endpoint.host, endpoint.port, tls) if tls is not None else None

    def of_port(self, service: Service, port: int) -> Securing:
        """For a question to a port of which is known that TLS is spoken there, whoever declares it."""
        declared = next((each.tls for each in service.interfaces if each.port == port), None)
        return self._securing(service.name, service.address, port, declared or Tls())

    def _securing(self, service: str, host: str, port: int, tls: Tls) -> Securing:
        from faultbox.protocols.secure import Securing, client_context

        if (service, port) not in self._made:
            name = "localhost" if host == "localhost" else service  # an address is not asked for by SNI (RFC 6066, 3)
            self._made[service, port] = Securing(client_context(tls, trusting=self._authority), name)
        return self._made[service, port]
