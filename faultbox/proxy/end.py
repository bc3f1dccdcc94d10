"""One transport of a pair, and when it is read."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from faultbox.model.message import Side

if TYPE_CHECKING:
    from faultbox.proxy.pump import Pair

HELD_LIMIT = 256 * 1024
"""Bytes of a side that may wait before its speaker is no longer read."""
_BUFFER = 1024 * 1024
"""Bytes that a slow hearer may have unread in our buffer before its speaker is no longer read."""
_NO_LINGER = struct.pack("ii", 1, 0)

CONNECTING, FULL, HELD = 1, 2, 4
"""Reasons to read nothing: there is no connection to pass it on yet, its hearer is slow, or too much waits."""
OTHER: Mapping[Side, Side] = {"request": "response", "response": "request"}


class End(asyncio.Protocol):
    """One transport of a pair: the caller's speaks the `request` side, the service's the `response` side."""

    def __init__(self, pair: Pair, side: Side) -> None:
        self.pair = pair
        self.side: Side = side
        self.transport: asyncio.Transport | None = None
        self.bytes = 0
        """Bytes it has sent us."""
        self._stopped = 0
        self._early: list[bytes] | None = []
        """What is to be written before there is a connection; None once there has been one."""
        self._finish_early = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_BUFFER)
        early, self._early = self._early, None
        if early:
            self.transport.write(b"".join(early))
        if self._finish_early:
            self.transport.write_eof()
        self.pair.made(self)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        pair = self.pair
        if pair.tls is not None:
            pair.decrypt(self.side, data)
        elif pair.flow is not None:
            pair.heard(self.side, data)
        elif pair.plain or pair.talk.passes(self.side, data):  # nearly always: with as few calls as can be
            (pair.service if self.side == "request" else pair.caller).send(data)
        else:
            pair.do(pair.talk.received(self.side, data))

    def eof_received(self) -> bool:
        self.pair.ended(self.side)
        return True  # the other direction lives on

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.pair.lost(self.side, exc)

    def pause_writing(self) -> None:
        self.pair.ends[OTHER[self.side]].stop(FULL)

    def resume_writing(self) -> None:
        self.pair.ends[OTHER[self.side]].go_on(FULL)

    def stop(self, reason: int) -> None:
        """Read nothing further while any reason stands."""
        if not self._stopped and self.transport is not None:
            self.transport.pause_reading()
        self._stopped |= reason

    def go_on(self, reason: int) -> None:
        before, self._stopped = self._stopped, self._stopped & ~reason
        if before and not self._stopped and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def hold(self, held: int) -> None:
        """Read further or not, by how many bytes that it has sent wait for their time."""
        if held > HELD_LIMIT:
            self.stop(HELD)
        elif self._stopped & HELD:
            self.go_on(HELD)

    def write(self, data: bytes) -> None:
        """Pass on what the other end says."""
        if self.side == "request" and self.pair.flow is not None:
            self.pair.flow.said("response", data)
        tls = self.pair.tls
        if tls is not None:
            data = tls.say(OTHER[self.side], data)
        if data:
            self.send(data)

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        if self._early is not None:
            self._early.append(data)
            self.pair.ends[OTHER[self.side]].stop(CONNECTING)
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        """The other end has nothing more to say."""
        if self.side == "request" and self.pair.flow is not None:
            self.pair.flow.ended("response")
        if self.pair.tls is not None:
            self.send(self.pair.tls.finish(OTHER[self.side]))
        self._finish_early = self._early is not None
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):  # it is no longer connected, which we are about to hear
                self.transport.write_eof()

    def renew(self) -> None:
        """Let go of this end's connection: another one comes, and what is written meanwhile waits for it."""
        old, self.transport, self._early = self.transport, None, []
        if old is not None:
            old.set_protocol(asyncio.Protocol())
            old.close()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """Close so that the other end gets RST: with SO_LINGER of 0 seconds (socket(7))."""
        if self.transport is None:
            return
        if self.side == "request" and self.pair.flow is not None:
            self.pair.flow.reset()
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()
