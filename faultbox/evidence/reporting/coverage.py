"""How much of what can go wrong is asked about: assumptions defined and fired against possible failures.

A dependency is an edge (a caller to an interface) or a service's disk. What can go wrong with it are its
failure modes: an edge can be down, slow or give errors, a disk can be slow or give errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from faultbox.evidence.reporting.kinds import Link
from faultbox.model.declared import (
    Declared,
    DeclaredAssumption,
    DeclaredFault,
    DeclaredMessageFault,
    DeclaredService,
)
from faultbox.model.frozen import frozen
from faultbox.model.verdict import RuleReport


class Mode(StrEnum):
    """A way to fail."""

    DOWN = "down"
    SLOW = "slow"
    ERRORS = "errors"


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
    """`defined` and `fired` of `possible` pairs of a dependency and a mode; `unused` assumptions are in no case."""

    dependencies: tuple[Dependency, ...]
    possible: int
    defined: int
    fired: int
    unused: tuple[str, ...]


_ALL = (Mode.DOWN, Mode.SLOW, Mode.ERRORS)
_OF_DISKS = (Mode.SLOW, Mode.ERRORS)
_OF_MESSAGES = {"delay": Mode.SLOW, "slow": Mode.SLOW, "drop": Mode.SLOW, "hang": Mode.SLOW}
"""Everything else that is done to messages gives errors."""
_SILENCING = {"drop", "hang", "reset"}
"""Done to every message, the caller is as alone as if nobody were there."""
_ON_SOCKETS = {"connect", "accept", "send", "recv", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"}
_EITHER = {"read", "write", "readv", "writev", "close", "poll", "select", "epoll_wait", "sendfile", "splice"}
"""Calls on files and sockets alike, as far as `on` and `path` don't say."""


def coverage(declared: Declared, seen: Iterable[Link], reports: Iterable[RuleReport], disks: Iterable[str]) -> Coverage:
    """`seen` are edges (interface "" where it is not known) and `disks` services with files that events showed."""
    tallies = tuple(reports)
    known = {each.name: each for each in declared.services}
    covered = [each for each in declared.assumptions if each.faults or each.rules]
    edges = _edges(declared.services, [*seen, *_met(tallies)])
    on_disk = _disks(declared, disks)
    found = [_edge(edge, covered, tallies, known) for edge in edges]
    found += [_disk(each.name, covered, tallies, known) for each in declared.services if each.name in on_disk]
    modes = [covers for each in found for covers in each.modes.values()]
    used = {each.assumption for each in tallies}
    return Coverage(
        dependencies=tuple(found),
        possible=len(modes),
        defined=sum(1 for covers in modes if covers),
        fired=sum(1 for covers in modes if any(each.fired for each in covers)),
        unused=tuple(each.name for each in covered if each.name not in used),
    )


def _edges(services: Iterable[DeclaredService], seen: Iterable[Link]) -> list[Link]:
    """Those that events showed, and those that `depends_on` names without saying to which interface."""
    by_name = {each.name: each for each in services}
    shown = {edge for edge in seen if edge.caller in by_name and edge.service in by_name}
    certain = {edge[:2] for edge in shown if edge.interface}
    edges = {edge for edge in shown if edge.interface or edge[:2] not in certain}
    for service in by_name.values():
        for name in service.depends_on:
            if name in by_name and (service.name, name) not in {edge[:2] for edge in edges}:
                interfaces = by_name[name].interfaces
                edges |= {Link(service.name, name, each.name) for each in interfaces} or {Link(service.name, name, "")}
    order = {name: number for number, name in enumerate(by_name)}
    return sorted(edges, key=lambda edge: (order[edge.caller], order[edge.service], edge.interface))


def _met(reports: Iterable[RuleReport]) -> Iterator[Link]:
    """Edges that a rule about connecting has matched calls on."""
    for each in reports:
        if each.direction == "in" and each.counts.matched and each.service != each.target:
            yield Link(each.service, each.target, "")


def _disks(declared: Declared, seen: Iterable[str]) -> set[str]:
    known = {each.name: each for each in declared.services}
    named = {
        each.target
        for each in declared.assumptions
        for fault in each.faults
        if each.target in known and (fault.path or fault.on == "file" or _on_files(fault, known[each.target]))
    }
    return named | set(seen)


def _edge(
    edge: Link,
    assumptions: Iterable[DeclaredAssumption],
    reports: tuple[RuleReport, ...],
    known: Mapping[str, DeclaredService],
) -> Dependency:
    modes: dict[Mode, list[Cover]] = {mode: [] for mode in _ALL}
    for assumption in assumptions:
        for mode in _modes_of_edge(assumption, edge, known):
            modes[mode].append(Cover(assumption.name, _fired(assumption, reports, edge)))
    on = f"{edge.service}.{edge.interface}" if edge.interface else edge.service
    return Dependency(edge.caller, on, {mode: tuple(covers) for mode, covers in modes.items()})


def _disk(
    service: str,
    assumptions: Iterable[DeclaredAssumption],
    reports: tuple[RuleReport, ...],
    known: Mapping[str, DeclaredService],
) -> Dependency:
    modes: dict[Mode, list[Cover]] = {mode: [] for mode in _OF_DISKS}
    for assumption in assumptions:
        if assumption.target != service:
            continue
        about = {_mode(each) for each in assumption.faults if _reaches_files(each, known[service])}
        for mode in _OF_DISKS:
            if mode in about:
                modes[mode].append(Cover(assumption.name, _fired(assumption, reports, None)))
    return Dependency("", f"{service}'s disk", {mode: tuple(covers) for mode, covers in modes.items()})


def _modes_of_edge(assumption: DeclaredAssumption, edge: Link, known: Mapping[str, DeclaredService]) -> Iterator[Mode]:
    """How an assumption makes an edge fail, each mode once, in the order of Mode."""
    modes = {_mode(each) for each in assumption.faults if _reaches_edge(each, assumption.target, edge, known)}
    on_interface = assumption.interface == edge.interface or not edge.interface
    if assumption.target == edge.service and on_interface and assumption.source in {"", edge.caller}:
        modes |= {_mode_of_message(each) for each in assumption.rules}
    return (mode for mode in _ALL if mode in modes)


def _reaches_edge(fault: DeclaredFault, target: str, edge: Link, known: Mapping[str, DeclaredService]) -> bool:
    if fault.keyword == "connect":
        inward = target == edge.service and fault.direction != "out"
        outward = target == edge.caller and fault.direction != "in"
        return inward or outward
    if target != edge.service or fault.path or fault.on not in {"", "socket"}:
        return False
    service = known.get(target)
    calls = _calls(fault, service)
    return fault.on == "socket" or (bool(calls & (_ON_SOCKETS | _EITHER)) and not _names_path(fault, service))


def _reaches_files(fault: DeclaredFault, service: DeclaredService) -> bool:
    if fault.on not in {"", "file"}:
        return False
    return bool(fault.path or fault.on == "file" or _on_files(fault, service) or _calls(fault, service) & _EITHER)


def _on_files(fault: DeclaredFault, service: DeclaredService) -> bool:
    """Whether it is about calls that only files know: fsync, rename, an operation with a path."""
    from faultbox.model.syscalls import FAMILIES

    about_files = {"open", "openat", "fsync", "fdatasync", "rename", "unlink", "truncate", "mkdir", "rmdir", "pwrite64"}
    widened = about_files.union(*(FAMILIES[name] for name in about_files & FAMILIES.keys()))
    return _names_path(fault, service) or bool(_calls(fault, service) & widened)


def _names_path(fault: DeclaredFault, service: DeclaredService | None) -> bool:
    return service is not None and fault.keyword in service.files


def _calls(fault: DeclaredFault, service: DeclaredService | None) -> set[str]:
    """The names of the calls: an operation's, or the keyword itself."""
    return set(service.ops[fault.keyword]) if service is not None and fault.keyword in service.ops else {fault.keyword}


def _mode(fault: DeclaredFault) -> Mode | None:
    if fault.action == "allow":
        return None
    if fault.action == "delay":
        return Mode.SLOW
    return Mode.DOWN if fault.keyword == "connect" else Mode.ERRORS


def _mode_of_message(fault: DeclaredMessageFault) -> Mode:
    if fault.action in _SILENCING and not fault.match:
        return Mode.DOWN
    return _OF_MESSAGES.get(fault.action, Mode.ERRORS)


def _fired(assumption: DeclaredAssumption, reports: Iterable[RuleReport], edge: Link | None) -> int:
    """How often its rules fired; of rules about connecting only those that are about this edge's caller."""
    total = 0
    for each in reports:
        if each.assumption != assumption.name:
            continue
        if edge is not None and each.keyword == "connect" and each.service != edge.caller:
            continue
        total += each.counts.fired
    return total
