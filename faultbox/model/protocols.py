"""The protocols a spec may name, and the steps each of them offers, as data.

`spec/` checks steps against this table while a spec loads or runs, `protocols/` does them.
What reaches a step's client (`Host.step(..., arguments)`) are plain Python values (str, bytes,
int, float, bool, None, list, dict) under the parameters' names, with defaults filled in, and
with two exceptions: a `timeout` arrives as `timeout_ms` (float), and a parameter whose default
is ABSENT is there only when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

Kind = Literal["text", "content", "strings", "any", "duration"]
"""What a parameter takes: a str; a str or bytes; a dict of str to str; anything that JSON can hold; `"3s"`."""

ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword of a step. The default of a duration is written as in a spec."""

    name: str
    kind: Kind
    default: Any = ABSENT
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """One step: the parameters in the order in which positional arguments fill them."""

    name: str
    parameters: tuple[Parameter, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol of interface(). Without `methods` it can be declared, but this version has no steps for it."""

    name: str
    methods: Mapping[str, Method] = field(default_factory=dict)


_TIMEOUT = Parameter("timeout", "duration", "30s", "how long to wait for the whole answer")


def _http(name: str, doc: str) -> Method:
    return Method(
        name,
        (
            Parameter("path", "text", "/", "path, with or without a query string"),
            Parameter("body", "any", "", "sent as it is when a string or bytes, as JSON when a dict or list"),
            Parameter("headers", "strings", MappingProxyType({}), "request headers"),
            Parameter("query", "strings", MappingProxyType({}), "added to the path, percent-encoded"),
            Parameter("json", "any", ABSENT, "sent as JSON whatever its type, with a content type"),
            _TIMEOUT,
        ),
        doc,
    )


_HTTP = {
    name: _http(name, f"Sends a {name.upper()} request; redirects are not followed.")
    for name in ("get", "post", "put", "delete", "patch", "head", "options")
}
_TCP = {
    "send": Method(
        "send",
        (Parameter("data", "content", "", "sent with a newline at its end; nothing is sent when empty"), _TIMEOUT),
        "Sends a line and reads one.",
    )
}

_UNBUILT = (
    "http2", "grpc", "udp", "postgres", "mysql", "redis", "kafka", "nats", "mongodb", "cassandra", "clickhouse",
    "amqp", "memcached",
)  # fmt: skip

PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        "http": Protocol("http", MappingProxyType(_HTTP)),
        "tcp": Protocol("tcp", MappingProxyType(_TCP)),
        **{name: Protocol(name) for name in _UNBUILT},
    }
)
