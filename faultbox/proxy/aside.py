"""A connection to the service for one request more, whose answer nobody hears."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class Over(Protocol):
    """Called once, when the connection is over: whether the service has answered at all."""

    def __call__(self, *, answered: bool) -> None: ...


class Aside(asyncio.Protocol):
    """Says its request and waits for the end, which the request has asked for."""

    def __init__(self, request: bytes, over: Over) -> None:
        self._request = request
        self._over = over
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - only that there is any
        self._answered = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        self._over(answered=self._answered)
