"""Which ways to fail an assumption gives a dependency, told from what it declares alone."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from faultbox.evidence.reporting.kinds import Link
from faultbox.model.declared import DeclaredAssumption, DeclaredFault, DeclaredMessageFault, DeclaredService
from faultbox.model.syscalls import FAMILIES, READERS, WRITERS


class Mode(StrEnum):
    """A way to fail."""

    DOWN = "down"
    SLOW = "slow"
    ERRORS = "errors"


_SLOWING = {"delay", "slow", "drop", "hang"}
"""What is done to a message and makes its caller wait; everything else gives errors."""
_SILENCING = {"drop", "hang", "reset"}
"""Done to every message, the caller is as alone as if nobody were there."""
_MOVING = frozenset({"read", "write"}) | READERS | WRITERS
"""Calls on files and sockets alike, as far as `on` and `path` don't say which."""
_TALKING = frozenset({"accept", "send", "recv"}) | FAMILIES["accept"] | FAMILIES["send"] | FAMILIES["recv"]
_FILING = frozenset({"fsync", "open", "rename", "truncate", "unlink", "mkdir", "rmdir", "link", "symlink"})
_ON_FILES = _FILING.union(*(FAMILIES[name] for name in _FILING), {"pread64", "pwrite64", "preadv", "pwritev"})


def modes_of_edge(assumption: DeclaredAssumption, edge: Link, target: DeclaredService | None) -> Iterator[Mode]:
    """How an assumption about the service `target` makes an edge fail, each mode once, in the order of Mode."""
    modes = {_mode(each) for each in assumption.faults if target and _meets_edge(each, target, edge)}
    on_interface = assumption.interface == edge.interface or not edge.interface
    if assumption.target == edge.service and on_interface and assumption.source in {"", edge.caller}:
        modes |= {_mode_of_message(each) for each in assumption.rules}
    return (mode for mode in Mode if mode in modes)


def modes_of_disk(assumption: DeclaredAssumption, service: DeclaredService) -> Iterator[Mode]:
    """How an assumption makes a service's disk fail, each mode once."""
    if assumption.target != service.name:
        return
    modes = {_mode(each) for each in assumption.faults if _meets_disk(each, service)}
    yield from (mode for mode in (Mode.SLOW, Mode.ERRORS) if mode in modes)


def names_disk(fault: DeclaredFault, service: DeclaredService) -> bool:
    """Whether a fault is about files and nothing else, so that there must be some."""
    return bool(
        fault.path or fault.on == "file" or fault.keyword in service.files or _calls(fault, service) & _ON_FILES
    )


def _meets_edge(fault: DeclaredFault, target: DeclaredService, edge: Link) -> bool:
    """A rule about connecting names either end of an edge; one about bytes those of its service's callers."""
    if fault.keyword == "connect":
        inward = target.name == edge.service and fault.direction != "out"
        outward = target.name == edge.caller and fault.direction != "in"
        return inward or outward
    if target.name != edge.service or fault.on not in {"", "socket"} or names_disk(fault, target):
        return False
    return fault.on == "socket" or bool(_calls(fault, target) & (_TALKING | _MOVING))


def _meets_disk(fault: DeclaredFault, service: DeclaredService) -> bool:
    if fault.on not in {"", "file"}:
        return False
    return names_disk(fault, service) or bool(_calls(fault, service) & (_MOVING - _TALKING))


def _calls(fault: DeclaredFault, service: DeclaredService) -> set[str]:
    """The names of the calls: those of an operation, or the keyword itself."""
    return set(service.ops.get(fault.keyword, (fault.keyword,)))


def _mode(fault: DeclaredFault) -> Mode | None:
    if fault.action == "allow":
        return None
    if fault.action == "delay":
        return Mode.SLOW
    return Mode.DOWN if fault.keyword == "connect" else Mode.ERRORS


def _mode_of_message(fault: DeclaredMessageFault) -> Mode:
    if fault.action in _SILENCING and not fault.match:
        return Mode.DOWN
    return Mode.SLOW if fault.action in _SLOWING else Mode.ERRORS
