"""What all cases of a run together showed of its dependencies."""

from __future__ import annotations

from collections import Counter

from faultbox.evidence.reporting.coverage import Shown
from faultbox.evidence.reporting.kinds import Link
from faultbox.evidence.reporting.trace import Trace
from faultbox.model.declared import Declared
from faultbox.model.observation import Observed
from faultbox.model.verdict import CaseResult, RuleReport


class Gathered:
    """Rules' counters, edges, services that write files: by events, and by what the kernel counted."""

    def __init__(self, declared: Declared | None) -> None:
        services = declared.services if declared is not None else ()
        self._ports = {(each.name, one.port): one.name for each in services for one in each.interfaces}
        self._reports: list[RuleReport] = []
        self._links: set[Link] = set()
        self._disks: set[str] = set()
        self._fired: Counter[tuple[str, Link]] = Counter()

    def add(self, result: CaseResult, trace: Trace) -> None:
        self._reports += result.rules
        self._links |= trace.links
        self._disks |= trace.disks
        self._fired += trace.fired
        if result.observed is not None:
            self._count(result.observed)

    def all(self) -> Shown:
        return Shown(tuple(self._reports), frozenset(self._links), frozenset(self._disks), self._fired)

    def _count(self, observed: Observed) -> None:
        """A service that only reads files needs no disk of its own; a port that is no interface is no edge."""
        self._disks |= {each.service for each in observed.files if each.writes or each.syncs}
        for each in observed.connections:
            interface = self._ports.get((each.callee, each.port))
            if interface is not None:
                self._links.add(Link(each.caller, each.callee, interface))
