"""The sources of a case that its services ask for by observe=, beside their output."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from faultbox import world as worlds
from faultbox.model.event import Source
from faultbox.model.observation import Watch
from faultbox.model.topology import Service
from faultbox.observe.sources.files import FileSource
from faultbox.observe.sources.registry import Opened, Surroundings, opened
from faultbox.run.eyes import cgroup_of
from faultbox.trace import Log

if TYPE_CHECKING:
    from faultbox.observe.probes import Probes


class Sources:
    """Opened before any service is started, so that nothing is missed; closed when the log has stopped."""

    def __init__(self, services: Sequence[Service], world: worlds.World, probes: Probes | None) -> None:
        """Raises OSError where one can't be opened; nothing is open then."""
        self._opened: dict[str, list[Opened]] = {}
        self._world = world
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            for each in services:
                if each.observe:
                    self._opened[each.name] = opened(each, self._surroundings(each.name, probes))
            undo.pop_all()

    def start(self, log: Log, observer: Source | None, watched: Mapping[str, Watch]) -> None:
        """Have the log listen to them, and to what the kernel's programs tell."""
        if observer is not None:
            log.add(FileSource(observer, watched) if any(each.globs for each in watched.values()) else observer)
        for each in (each for several in self._opened.values() for each in several):
            log.add(each)

    def launching(self, service: str) -> None:
        """A service is about to be started, for the first time or again."""
        if self._world.cgroup is not None and self._opened.get(service):
            cgroup_of(self._world, service)
        for each in self._opened.get(service, ()):
            each.launching()

    def close(self) -> None:
        for each in (each for several in self._opened.values() for each in several):
            each.close()
        self._opened = {}

    def _surroundings(self, service: str, probes: Probes | None) -> Surroundings:
        own = self._world.members_of.directory(service) if self._world.cgroup is not None else None
        return Surroundings(service, f"/proc/{self._world.init_pid}/root", own, probes)
