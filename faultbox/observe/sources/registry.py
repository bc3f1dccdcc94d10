"""What service(observe=) may hold: for each kind, the events that it gives and how it is opened in a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from faultbox.model.event import Source
from faultbox.model.frozen import frozen
from faultbox.model.topology import Observation, ObservationKind, Service
from faultbox.observe.decoders import decoder

if TYPE_CHECKING:
    from faultbox.observe.probes import Probes


class Opened(Source, Protocol):
    """A source that a world has opened, and closes when its log has forgotten it."""

    def launching(self) -> None:
        """The service is about to be started, for the first time or again."""
        ...

    def close(self) -> None: ...


@frozen
class Surroundings:
    """What sources of one service need of its world.

    `root`: a path to the world's disk as its services see it. `cgroup`: the service's own. `probes`: those of the run.
    """

    service: str
    root: str
    cgroup: Path | None = None
    probes: Probes | None = None


@frozen
class Kind:
    """`events`: the type of the events. `open` gives the sources of all of a service's observations of this kind; None
    where something else gives the events: whoever drains the service's output, or the kernel's programs."""

    events: str
    open: Callable[[list[Observation], Surroundings], list[Opened]] | None = None


def _tails(observations: list[Observation], around: Surroundings) -> list[Opened]:
    from faultbox.observe.sources.tail import TailSource

    return [
        TailSource(around.service, path, around.root, decoder(each.decoder, each.pattern))
        for each in observations
        for path in each.paths
    ]


def _probes(_observations: list[Observation], around: Surroundings) -> list[Opened]:
    """Raises RuntimeError where the run has not been prepared for them."""
    from faultbox.observe.probes import ProbeSource

    if around.probes is None or around.cgroup is None:
        raise RuntimeError(f"the probes of {around.service} have not been prepared")
    return [
        ProbeSource(around.service, each, around.probes, around.cgroup) for each in around.probes.of(around.service)
    ]


KINDS: Mapping[ObservationKind, Kind] = {
    "stdout": Kind("stdout"),
    "stderr": Kind("stderr"),
    "tail": Kind("tail", _tails),
    "files": Kind("file"),
    "probe": Kind("probe", _probes),
}


def events_of(service: Service) -> frozenset[str]:
    """The types of events that a service's observe= asks for."""
    return frozenset(KINDS[each.kind].events for each in service.observe)


def opened(service: Service, around: Surroundings) -> list[Opened]:
    """Open what a service is observed by, before it is started. Raises OSError."""
    found: list[Opened] = []
    for name, kind in KINDS.items():
        wanted = [each for each in service.observe if each.kind == name]
        if wanted and kind.open is not None:
            found += kind.open(wanted, around)
    return found
