"""When what services print was written: a line is read some time afterwards, which would put it behind its effects."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

from faultbox.model.flow import Flow
from faultbox.observe.flows import written

_ROUND = 1 << 32
_KEPT = 65_536
"""Writes of one pipe that are remembered until their lines are asked for; the oldest half is let go first."""


class Writes:
    """The ends of writes into pipes that are followed, by the numbers of their last bytes."""

    def __init__(self) -> None:
        self._pipes: dict[int, _Pipe] = {}

    def follow(self, pipe: int) -> None:
        """Remember, from now on, what is written into the pipe with this inode number."""
        self._pipes[pipe] = _Pipe()

    def take(self, records: Sequence[bytes]) -> None:
        """Take in what has flowed, in the order in which the kernel wrote it down."""
        if not self._pipes:
            return
        for flow in written(records):
            if flow.end in self._pipes:
                self._pipes[flow.end].wrote(flow)

    def time_of(self, pipe: int, byte: int) -> int:
        """When the write that put this byte (from 1 on) into the pipe was over; 0 where that isn't known.

        A pipe's bytes are to be asked for in their order. Where writes overlapped, nobody knows whose the bytes are.
        """
        known = self._pipes.get(pipe)
        return known.time_of(byte) if known is not None else 0


class _Pipe:
    def __init__(self) -> None:
        self._near = 0
        self._writes: list[tuple[int, int, int]] = []
        """The last byte of each, its first, and when it was over: of those whose numbers are known."""

    def wrote(self, flow: Flow) -> None:
        if not flow.position:
            return
        self._near += (flow.position - self._near + _ROUND // 2) % _ROUND - _ROUND // 2
        insort(self._writes, (self._near, self._near + 1 - flow.length, flow.time_ns))
        if len(self._writes) > _KEPT:
            del self._writes[: _KEPT // 2]

    def time_of(self, byte: int) -> int:
        del self._writes[: bisect_left(self._writes, (byte,))]
        if not self._writes or self._writes[0][1] > byte:
            return 0
        return self._writes[0][2]
