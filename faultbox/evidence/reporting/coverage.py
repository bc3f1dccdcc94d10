"""How much of what can go wrong is asked about: assumptions defined and fired against possible failures.

A dependency is an edge (a caller to an interface) or a service's disk. An edge can be down, slow or give
errors, a disk can be slow or give errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from faultbox.evidence.reporting.kinds import Link
from faultbox.evidence.reporting.reach import Mode, modes_of_disk, modes_of_edge, names_disk
from faultbox.model.declared import Declared, DeclaredAssumption, DeclaredService
from faultbox.model.frozen import frozen
from faultbox.model.verdict import RuleReport


@frozen
class Shown:
    """What a run showed: rules' counters of all cases, edges, services with files, what fired on which edge."""

    reports: tuple[RuleReport, ...] = ()
    links: frozenset[Link] = frozenset()
    disks: frozenset[str] = frozenset()
    fired: Mapping[tuple[str, Link], int] = field(default_factory=dict)


@frozen
class Cover:
    """An assumption that makes a dependency fail in a mode, and how often its rules fired on it in this run."""

    assumption: str
    fired: int


@frozen
class Dependency:
    """`modes` has an entry for each that is possible, empty where no assumption covers it. A disk has no caller."""

    caller: str
    on: str
    modes: Mapping[Mode, tuple[Cover, ...]]


@frozen
class Coverage:
    """`defined` and `fired` of `possible` pairs of a dependency and a mode.

    `unused` assumptions are in no case; `elsewhere` those about no dependency: what the driver meets, other calls.
    """

    dependencies: tuple[Dependency, ...]
    possible: int
    defined: int
    fired: int
    unused: tuple[str, ...]
    elsewhere: tuple[str, ...]


def coverage(declared: Declared, shown: Shown) -> Coverage:
    """Every dependency that the spec declares or the run showed, with the assumptions about it."""
    services = {each.name: each for each in declared.services}
    assumptions = [each for each in declared.assumptions if each.faults or each.rules]
    found = [_edge(edge, assumptions, services, shown) for edge in _edges(services, shown)]
    on_disk = shown.disks | _named_disks(assumptions, services)
    found += [_disk(each, assumptions, shown) for each in services.values() if each.name in on_disk]
    modes = [covers for each in found for covers in each.modes.values()]
    used = {each.assumption for each in shown.reports}
    about = {cover.assumption for covers in modes for cover in covers}
    return Coverage(
        dependencies=tuple(found),
        possible=len(modes),
        defined=sum(1 for covers in modes if covers),
        fired=sum(1 for covers in modes if any(each.fired for each in covers)),
        unused=tuple(each.name for each in assumptions if each.name not in used),
        elsewhere=tuple(each.name for each in assumptions if each.name not in about),
    )


def _edges(services: Mapping[str, DeclaredService], shown: Shown) -> list[Link]:
    """Edges between services, in the order of declaration.

    `depends_on` says which service is called, not on which interface: until the run shows one, it may be any.
    """
    seen = {edge for edge in (*shown.links, *_connected(shown.reports)) if {edge.caller, edge.service} <= set(services)}
    certain = {edge for edge in seen if edge.interface}
    pairs = {edge[:2] for edge in seen} | {(each.name, on) for each in services.values() for on in each.depends_on}
    open_pairs = {pair for pair in pairs if pair[1] in services} - {edge[:2] for edge in certain}
    for caller, service in open_pairs:
        interfaces = [each.name for each in services[service].interfaces] or [""]
        certain |= {Link(caller, service, interface) for interface in interfaces}
    order = {name: number for number, name in enumerate(services)}
    return sorted(certain, key=lambda edge: (order[edge.caller], order[edge.service], edge.interface))


def _connected(reports: Iterable[RuleReport]) -> Iterator[Link]:
    """Edges on which a rule about connecting has met calls."""
    for each in reports:
        if each.direction == "in" and each.counts.matched and each.service != each.target:
            yield Link(each.service, each.target, "")


def _named_disks(assumptions: Iterable[DeclaredAssumption], services: Mapping[str, DeclaredService]) -> set[str]:
    about = ((services.get(each.target), fault) for each in assumptions for fault in each.faults)
    return {service.name for service, fault in about if service is not None and names_disk(fault, service)}


def _edge(
    edge: Link, assumptions: Iterable[DeclaredAssumption], services: Mapping[str, DeclaredService], shown: Shown
) -> Dependency:
    covers: dict[Mode, list[Cover]] = {mode: [] for mode in Mode}
    for each in assumptions:
        for mode in modes_of_edge(each, edge, services.get(each.target)):
            covers[mode].append(Cover(each.name, _fired(each.name, shown, edge)))
    on = f"{edge.service}.{edge.interface}" if edge.interface else edge.service
    return Dependency(edge.caller, on, {mode: tuple(found) for mode, found in covers.items()})


def _disk(service: DeclaredService, assumptions: Iterable[DeclaredAssumption], shown: Shown) -> Dependency:
    covers: dict[Mode, list[Cover]] = {Mode.SLOW: [], Mode.ERRORS: []}
    for each in assumptions:
        for mode in modes_of_disk(each, service):
            covers[mode].append(Cover(each.name, _fired(each.name, shown, None)))
    return Dependency("", f"{service.name}’s disk", {mode: tuple(found) for mode, found in covers.items()})


def _fired(assumption: str, shown: Shown, edge: Link | None) -> int:
    """How often its rules fired: on this edge where the trace says on which one they did, else at all."""
    reports = [each for each in shown.reports if each.assumption == assumption]
    if edge is None:
        return sum(each.counts.fired for each in reports)
    located = {rule for rule, _ in shown.fired}
    here = sum(
        number
        for (rule, link), number in shown.fired.items()
        if rule in {each.rule for each in reports} and link[:2] == edge[:2] and link.interface in {"", edge.interface}
    )
    return here + sum(each.counts.fired for each in reports if each.rule not in located)
