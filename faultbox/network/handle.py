"""What can be ended: each thing that was put into the network gives one."""

from __future__ import annotations

from collections.abc import Callable


class Handle:
    """Something that holds until `close`, which may be called again."""

    def __init__(self, *undo: Callable[[], object]) -> None:
        self._undo = list(undo)

    def close(self) -> None:
        """End it: what was done last is undone first. Every part is tried; the first error is raised."""
        failed: OSError | None = None
        while self._undo:
            try:
                self._undo.pop()()
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def also(self, undo: Callable[[], object]) -> None:
        """Undo this too, before all that was there."""
        self._undo.append(undo)
