"""A part of a run. In a file of its own: a run is asked for before a plan's words are imported."""

from __future__ import annotations

from faultbox.model.frozen import frozen


@frozen
class Shard:
    """Which part of a run's cases is run: the `index`-th of `count`, counted from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
