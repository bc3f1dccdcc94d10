"""tcp steps: send a line, read a line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faultbox.model.host import Response
from faultbox.protocols.answers import BODY_LIMIT, DEFAULT_TIMEOUT_S, octets, structured
from faultbox.protocols.connection import Connection, StepFailed

if TYPE_CHECKING:
    from faultbox.protocols.secure import Securing


def ready(address: tuple[str, int], timeout_s: float, tls: Securing | None = None) -> str:
    """Whether the port accepts: "" or what was wrong. One attempt."""
    try:
        with Connection(address, time.monotonic() + timeout_s, tls):
            return ""
    except StepFailed as failed:
        return str(failed)


def step(
    address: tuple[str, int],
    method: str,
    arguments: Mapping[str, Any],
    timeout_s: float = DEFAULT_TIMEOUT_S,
    tls: Securing | None = None,
) -> Response:
    """send(data=, timeout_ms=): a connection, the data with a newline at its end, one line read.

    Without data it only reads: a server that speaks first. The body is the line without its end; an
    end of file ends the line too, but where nothing came before it there was no answer. Bytes that
    aren't UTF-8 stay as they are. `timeout_ms` is for all of it.
    """
    if method != "send":
        raise ValueError(f"tcp has no step {method!r}")
    data = arguments.get("data", "")
    data = octets(data) if isinstance(data, str) else bytes(data)
    if data and not data.endswith(b"\n"):
        data += b"\n"
    start = time.monotonic()
    try:
        line = _exchange(address, data, start + arguments.get("timeout_ms", timeout_s * 1000) / 1000, tls)
    except StepFailed as failed:
        return Response(error=str(failed), duration_ms=_since(start), protocol="tcp")
    body = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    value, fields = structured(body)
    return Response(body=body, data=value, fields=fields, ok=True, duration_ms=_since(start), protocol="tcp")


def _exchange(address: tuple[str, int], data: bytes, deadline: float, tls: Securing | None) -> bytes:
    read = bytearray()
    with Connection(address, deadline, tls) as connection:
        for received in connection.exchange(data):
            end = received.find(b"\n")
            if end >= 0:
                return bytes(read + received[: end + 1])
            read += received
            if len(read) > BODY_LIMIT:
                raise StepFailed(f"protocol error: a line of more than {BODY_LIMIT >> 20} MiB")
    if not read:
        raise StepFailed("protocol error: the connection was closed without an answer")
    return bytes(read)


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
