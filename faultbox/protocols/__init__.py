"""The steps: what a scenario does to an interface, one package a protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.host import Response, SpecError
from faultbox.model.protocols import PROTOCOLS
from faultbox.protocols.connection import cancel_all, open_ports, resume

__all__ = ["Protocol", "cancel_all", "get", "open_ports", "resume"]

Address = tuple[str, int]


def _none(_env: Mapping[str, str]) -> Mapping[str, Any]:
    return {}


@frozen
class Protocol:
    """A protocol's client.

    `ready(address, timeout_s, tls=None)` asks once: "" when it answers, else what was wrong.
    `step(address, method, arguments, timeout_s=30.0, tls=None)` does one operation, with arguments as
    `model.protocols` describes them (a `timeout_ms` among them comes first). `tls` says how the connection is
    secured (`secure.Securing`), where the protocol's table has a way. Transport errors and those of TLS are in
    its response; it raises SpecError for arguments that can't be sent. `defaults(env)` are arguments
    that a step takes from its service's environment where they aren't written (POSTGRES_USER …).
    """

    name: str
    ready: Callable[..., str]
    step: Callable[..., Response]
    defaults: Callable[[Mapping[str, str]], Mapping[str, Any]] = _none


def get(name: str) -> Protocol:
    """The client of a protocol, imported when it is first asked for. Raises KeyError for an unknown name."""
    if PROTOCOLS[name].methods:
        client = import_module(f"faultbox.protocols.{name}.client")
        return Protocol(name, client.ready, client.step, getattr(client, "defaults", _none))
    from faultbox.protocols.tcp.client import ready

    def step(*_: object) -> Response:
        raise SpecError("NOT_AVAILABLE", f"{name} steps are not available: this version has no {name} client yet")

    return Protocol(name, ready, step)
