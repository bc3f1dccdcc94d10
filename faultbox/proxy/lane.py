"""What is to be sent of one side, in order, and what it waits for."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from faultbox.model.message import Side
from faultbox.proxy.commands import Again, Command, Send, Timer

FOREVER = float("inf")
_SLICES_A_SECOND = 20


class Wait(NamedTuple):
    """Send nothing further for that long; FOREVER lasts until `hurry`."""

    delay_ms: float


class Paced(NamedTuple):
    """Bytes to be sent at `rate` bytes a second."""

    data: bytes
    rate: float


class Lane:
    """An ordered queue with one clock. Bytes that nothing holds up are gathered, and leave with `flush`."""

    __slots__ = ("_batch", "_items", "_waits", "held", "side")

    def __init__(self, side: Side) -> None:
        self.side: Side = side
        self.held = 0
        """Bytes that wait."""
        self._batch: list[bytes] = []
        self._items: deque[bytes | Wait | Paced | Command] = deque()
        self._waits = False

    @property
    def idle(self) -> bool:
        return not (self._items or self._waits or self._batch)

    def send(self, data: bytes) -> None:
        if self._items or self._waits:
            self._items.append(data)
            self.held += len(data)
        else:
            self._batch.append(data)

    def pace(self, data: bytes, rate: float) -> None:
        if data:
            self._items.append(Paced(data, rate))
            self.held += len(data)

    def push(self, item: Wait | Command) -> None:
        self._items.append(item)

    def timer(self) -> None:
        """The time that was asked for is over."""
        self._waits = False

    def hurry(self) -> None:
        """Everything that waits goes at once, without pacing."""
        self._waits = False
        items = (each.data if isinstance(each, Paced) else each for each in self._items)
        self._items = deque(each for each in items if not isinstance(each, Wait))

    def flush(self, out: list[Command]) -> None:
        """Move what can go now to `out`, up to the next wait."""
        batch, items = self._batch, self._items
        while items and not self._waits:
            item = items.popleft()
            if isinstance(item, bytes):
                self.held -= len(item)
                batch.append(item)
            elif isinstance(item, Paced):
                self._slice(item)
            elif isinstance(item, Wait):
                self._wait(item, out)
            elif isinstance(item, Again):
                self._gathered(out)
                self._waits = True
                out.append(item)
            else:
                self._gathered(out)
                out.append(item)
        if batch:
            self._gathered(out)

    def _gathered(self, out: list[Command]) -> None:
        batch = self._batch
        if batch:
            out.append(Send(self.side, batch[0] if len(batch) == 1 else b"".join(batch)))
            self._batch = []

    def _wait(self, wait: Wait, out: list[Command]) -> None:
        if wait.delay_ms <= 0:
            return
        self._gathered(out)
        self._waits = True
        if wait.delay_ms != FOREVER:
            out.append(Timer(self.side, wait.delay_ms))

    def _slice(self, paced: Paced) -> None:
        """Send as much as a slice of a second allows, and come back for the rest."""
        size = max(1, int(paced.rate / _SLICES_A_SECOND))
        now, rest = paced.data[:size], paced.data[size:]
        self.held -= len(now)
        self._batch.append(now)
        if rest:
            self._items.appendleft(Paced(rest, paced.rate))
        self._items.appendleft(Wait(len(now) / paced.rate * 1000))
