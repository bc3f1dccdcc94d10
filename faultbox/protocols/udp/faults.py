"""Datagrams as rules see them: each one is a message."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.message import MessageFault, Side
from faultbox.protocols.answers import octets


class Datagram:
    def __init__(self, side: Side, data: bytes) -> None:
        self.side: Side = side
        self._data = data

    @property
    def identity(self) -> str:
        return f"udp {self.side}"

    @property
    def summary(self) -> Mapping[str, str]:
        return {"size": str(len(self._data))}

    def value(self, key: str) -> str | None:
        return self._data.decode("utf-8", "surrogateescape") if key == "data" else None


def answer(fault: MessageFault) -> bytes:
    """The datagram that a response() sends back."""
    body = fault.arguments.get("body", b"")
    return octets(body) if isinstance(body, str) else bytes(body)
