"""What becomes of a message whose bytes are still coming: decided at its beginning, done part by part."""

from __future__ import annotations

from faultbox.proxy.commands import Command
from faultbox.proxy.lane import Lane


class Fate:
    """The message is passed on."""

    def take(self, raw: bytes, lane: Lane) -> None:
        lane.send(raw)

    def done(self, lane: Lane) -> None:
        """The message has ended."""


class Swallowed(Fate):
    """Nobody hears of it."""

    def take(self, raw: bytes, lane: Lane) -> None:
        pass


class Slow(Fate):
    """It is passed on at a rate, in bytes a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def take(self, raw: bytes, lane: Lane) -> None:
        lane.pace(raw, self._rate)


class Cut(Fate):
    """Its first bytes are passed on, then the connection ends; a shorter message is followed by the end too."""

    def __init__(self, left: int, ending: Command, rate: float = 0) -> None:
        self._left = left
        self._ending: Command | None = ending
        self._rate = rate

    def take(self, raw: bytes, lane: Lane) -> None:
        kept = raw[: self._left]
        self._left -= len(kept)
        if self._rate:
            lane.pace(kept, self._rate)
        elif kept:
            lane.send(kept)
        if not self._left:
            self.done(lane)

    def done(self, lane: Lane) -> None:
        if self._ending is not None:
            lane.push(self._ending)
            self._ending = None


PASSED = Fate()
SWALLOWED = Swallowed()
