"""udp steps: send a datagram, and wait for one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from faultbox.model.host import Response, SpecError
from faultbox.protocols.answers import DEFAULT_TIMEOUT_S, octets
from faultbox.protocols.connection import Datagrams, StepFailed


def ready(address: tuple[str, int], timeout_s: float) -> str:
    """Always: a datagram socket accepts nothing, and what it would answer to is not known."""
    with Datagrams(address, time.monotonic() + timeout_s):
        return ""


def step(
    address: tuple[str, int], method: str, arguments: Mapping[str, Any], timeout_s: float = DEFAULT_TIMEOUT_S
) -> Response:
    """send(data=, hex=, timeout_ms=): a datagram, and the first one that comes back; send_no_reply(data=, hex=).

    The response's body is the answer as text; `data` has it as hex in `raw`, and its `size` in bytes
    (of send_no_reply the size of what was sent). Where nobody listens: "connection refused".
    """
    if method not in ("send", "send_no_reply"):
        raise ValueError(f"udp has no step {method!r}")
    data = _data(arguments)
    start = time.monotonic()
    deadline = start + arguments.get("timeout_ms", timeout_s * 1000) / 1000
    try:
        with Datagrams(address, deadline) as connection:
            connection.put(data)
            received = connection.get() if method == "send" else None
    except StepFailed as failed:
        return Response(error=str(failed), duration_ms=_since(start), protocol="udp")
    if received is None:
        return Response(ok=True, data={"size": len(data)}, duration_ms=_since(start), protocol="udp")
    value = {"raw": received.hex(), "size": len(received)}
    fields = {"raw": received.hex(), "size": str(len(received))}
    body = received.decode("utf-8", "surrogateescape")
    return Response(body=body, data=value, fields=fields, ok=True, duration_ms=_since(start), protocol="udp")


def _data(arguments: Mapping[str, Any]) -> bytes:
    if arguments.get("hex"):
        if arguments.get("data"):
            raise SpecError("WRONG_VALUE", "data= and hex= are both given", accepted="one of them")
        try:
            return bytes.fromhex(arguments["hex"])
        except ValueError:
            raise SpecError("WRONG_VALUE", f"hex={arguments['hex']!r} is not hexadecimal") from None
    data = arguments.get("data", "")
    return octets(data) if isinstance(data, str) else bytes(data)


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
