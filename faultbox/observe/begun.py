"""Calls that have begun and are not over: whoever asks what has happened must hear of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from faultbox.observe import layout
from faultbox.observe.calls import BEGINS

_FLAGS = layout.RECORD.size + layout.FLAGS


class Begun:
    """The records of calls that are not over, by thread. The log's thread writes, anybody reads.

    A thread is in one call at a time, and its records come in the order in which it wrote them.
    """

    def __init__(self) -> None:
        self._records: dict[int, bytes] = {}
        self._told: set[int] = set()

    def over(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """What has happened, without the beginnings; a call that was told before its end isn't told again."""
        for record in records:
            _, pid, tid, kind, *_ = layout.RECORD.unpack_from(record)
            if kind == layout.Kind.CALL:
                if record[_FLAGS] & BEGINS:
                    self._records[tid] = record
                    continue
                self._records.pop(tid, None)
                if tid in self._told:
                    self._told.discard(tid)
                    continue
            elif kind == layout.Kind.EXECED:
                self._leave(pid)
            yield record

    def __iter__(self) -> Iterator[bytes]:
        return iter(list(self._records.values()))

    def tell(self) -> list[bytes]:
        """Those that are to be told now, though they are not over."""
        told = list(self._records.values())
        self._told.update(self._records)
        self._records.clear()
        return told

    def _leave(self, pid: int) -> None:
        """Of the threads of a process that becomes another program one is left, with the process's number."""
        for tid in [tid for tid, record in self._records.items() if layout.RECORD.unpack_from(record)[1] == pid]:
            del self._records[tid]
