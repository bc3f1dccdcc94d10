"""Services and how they are started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from faultbox.model.fault import Operation, Port
from faultbox.model.frozen import frozen
from faultbox.model.source import Position


@frozen
class Tls:
    """How TLS is spoken at an interface: by default as to a server of tests, whose certificate nobody asks about.

    All but `ca_file` is PEM text, as it was read when the spec was loaded. `shown`: key and certificates that a
    proxy shows in the service's stead, "" for one of the run's authority. `own`: key and certificates that the
    steps, readiness and proxies show to the service, "" for none. `ca`: who must have signed the service's
    certificate, "" for anybody; `ca_file` is where that text came from.
    """

    shown: str = ""
    own: str = ""
    ca: str = ""
    ca_file: str = ""


@frozen
class Interface:
    """A protocol on a port, as declared by interface(). `tls`: how it is secured, None where it is not."""

    name: str
    protocol: str
    port: int
    position: Position
    tls: Tls | None = None


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
class Attachment:
    """Where a function of a probe runs.

    `kind`: tracepoint (of `symbol` category:name), raw_tracepoint, uprobe and uretprobe (of a symbol of `binary`), usdt
    (of `symbol` provider:name or name, of `binary`).
    """

    function: str
    kind: Literal["tracepoint", "raw_tracepoint", "uprobe", "uretprobe", "usdt"]
    symbol: str
    binary: str = ""


@frozen
class Probe:
    """A program for the kernel, in the C of bcc. `origin` is what messages call its text: a file, or a place in a spec.

    `outputs`: the tables by which it puts out what becomes events.
    """

    name: str
    text: str
    origin: str
    position: Position
    outputs: tuple[str, ...]
    attach: tuple[Attachment, ...] = ()


ObservationKind = Literal["stdout", "stderr", "tail", "files", "probe"]


@frozen
class Observation:
    """A source of events asked for by observe=, for example observe.stdout(decoder=...).

    `decoder` and `pattern` say how lines become fields. `paths`: files as the service sees them, for tail, or globs of
    such, for files. `probe`: for probe.
    """

    kind: ObservationKind
    decoder: str = ""
    pattern: str = ""
    paths: tuple[str, ...] = ()
    probe: Probe | None = None


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
