"""Services and how they are started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from faultbox.model.fault import Operation, Port
from faultbox.model.frozen import frozen
from faultbox.model.source import Position


@frozen
class Interface:
    """A protocol on a port, as declared by interface()."""

    name: str
    protocol: str
    port: int
    position: Position


@frozen
class Endpoint:
    """An interface of a service: what `db.main` is in a spec."""

    service: str
    interface: Interface
    host: str = "localhost"

    @property
    def port(self) -> int:
        return self.interface.port

    @property
    def addr(self) -> str:
        return f"{self.host}:{self.interface.port}"

    @property
    def destination(self) -> Port:
        """As rules about connect name it."""
        transport: Literal["tcp", "udp"] = "udp" if self.interface.protocol == "udp" else "tcp"
        return Port(self.service, self.interface.name, self.interface.port, transport)

    def __str__(self) -> str:
        return f"{self.service}.{self.interface.name}"


@frozen
class Healthcheck:
    """How a service is asked whether it is ready.

    `tcp` means that a connection is accepted, `http` that a GET of `url` answers with
    `expect_status` (any 2xx or 3xx where it is None), `ready` that every interface
    answers on its own protocol.
    """

    kind: Literal["tcp", "http", "ready"]
    target: str = ""
    expect_status: int | None = None
    timeout_ms: float = 30_000


@frozen
class Observation:
    """A source of events asked for by observe=, for example observe.stdout(decoder=...)."""

    kind: Literal["stdout", "stderr"]
    decoder: str = ""
    pattern: str = ""


@frozen
class Service:
    """A declared service. Relative paths have been made absolute (the spec's directory).

    `address` is where its interfaces are met: localhost, or an address of its own.
    """

    name: str
    binary: str
    position: Position
    interfaces: tuple[Interface, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    user: str = ""
    depends_on: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    seed: Callable[[], Any] | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    stop_signal: int = 15
    stop_timeout_ms: float = 1_000
    ops: Mapping[str, Operation] = field(default_factory=dict)
    observe: tuple[Observation, ...] = ()
    on_exit: Literal["fail", "ignore", "restart"] = "fail"
    address: str = "localhost"

    def endpoint(self, name: str) -> Endpoint | None:
        """The interface of that name, or None."""
        return next((each for each in self.endpoints if each.interface.name == name), None)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(Endpoint(self.name, each, self.address) for each in self.interfaces)

    @property
    def own_address(self) -> str | None:
        """The loopback address that is this service's alone, where another one has a port of it too."""
        return self.address if self.address != "localhost" else None
