"""The kernel's programs of observation on their way, and why there are none where there are none."""

from __future__ import annotations

from pathlib import Path

from faultbox.linux import cgroup
from faultbox.model.frozen import frozen
from faultbox.observe import programs

_BELOW = 2
"""A service's cgroup lies below its world's, and that below the run's."""


@frozen
class Eyes:
    """The programs of a run; where there are none, `blind` says why, and what to do."""

    programs: programs.Programs | None = None
    blind: str = ""


def level_of_services(group: Path | None) -> int | None:
    """How far below the root of the cgroup tree the cgroups of a run's services lie; None where it has none."""
    top = cgroup.mountpoint()
    return None if group is None or top is None else len(group.relative_to(top).parts) + _BELOW


class Opening:
    """The programs on their way: another process loads them while this one imports and the spec is evaluated."""

    def __init__(self, group: Path | None) -> None:
        """Only while this process has one thread. `group`: the run's cgroup."""
        level = level_of_services(group)
        self._pending = programs.begin(level) if level is not None else None

    def result(self) -> Eyes:
        """Wait for them, once."""
        if self._pending is None:
            return Eyes(blind="services are told apart by cgroups, and this user may make none: run as root")
        try:
            return Eyes(self._pending.result())
        except programs.NoObservation as error:
            return Eyes(blind=f"{error.reason}: {error.advice}")
