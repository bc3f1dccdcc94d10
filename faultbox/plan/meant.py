"""Sets of events, as far as a filter or the text of a function narrows them down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from faultbox.model.event_types import ASKED_FOR, OF_ALL, TYPES
from faultbox.model.frozen import frozen
from faultbox.model.match import fits
from faultbox.model.topology import Service
from faultbox.plan.texts import Tells

_BY_FIELD: Mapping[str, frozenset[str]] = {
    "path": frozenset({"file", "syscall"}),
    "to": frozenset({"file", "syscall"}),
    "peer": frozenset({"socket", "syscall"}),
    **dict.fromkeys(("local", "caller", "callee"), frozenset({"socket"})),
    **dict.fromkeys(("syscall", "family", "decision"), frozenset({"syscall"})),
}
"""Which of them a field means in a text that names no type: fields that hardly anything else has."""


@frozen
class Meant:
    """Events of any of `types`, of one `service` (None: of any).

    `calls`: of the events that are system calls only those of these names, as specs name them (None: any).
    `met`: of them only those that a rule has answered or held up. `misread`: a field of theirs that is looked at, and
    that none of them has.
    """

    types: frozenset[str] = TYPES
    service: str | None = None
    calls: frozenset[str] | None = None
    met: bool = False
    misread: str = ""

    @property
    def told(self) -> bool:
        """Whether it is known which types are meant of those that must be asked for."""
        return not self.types >= ASKED_FOR.keys()

    @property
    def nothing(self) -> bool:
        return not self.types or self.calls == frozenset()

    def has(self, field: str) -> bool:
        """Whether any of them may have a field; what services and proxies tell may have any."""
        return field in OF_ALL or any(field in ASKED_FOR.get(each, (field,)) for each in self.types)

    def such(self, other: Meant) -> Meant:
        """Those that are among other events as well."""
        calls = other.calls if self.calls is None else self.calls if other.calls is None else self.calls & other.calls
        return Meant(self.types & other.types, self.service or other.service, calls, self.met or other.met)

    def of_types(self, named: Collection[str]) -> Meant:
        return replace(self, types=self.types & frozenset(named))

    def but_types(self, named: Collection[str]) -> Meant:
        return replace(self, types=self.types - frozenset(named))

    def of_service(self, named: Collection[str]) -> Meant:
        return replace(self, service=next(iter(named))) if len(named) == 1 and self.service is None else self

    def of_calls(self, named: Collection[str]) -> Meant:
        calls = frozenset(named) if self.calls is None else self.calls & frozenset(named)
        return replace(self.of_types(("syscall",)), calls=calls)

    def met_by_rules(self) -> Meant:
        return replace(self, met=True)

    def kinds(self, text: Tells) -> frozenset[str]:
        """The types of events that must be asked for. Where the way names none, those that a whole text tells."""
        if self.told:
            return self.types & ASKED_FOR.keys()
        if text.unspelt:
            return frozenset(ASKED_FOR)
        found = text.types & ASKED_FOR.keys() if "type" in text.fields else frozenset()
        return found.union(*(_BY_FIELD[each] for each in text.fields if each in _BY_FIELD))


ANYTHING = Meant()


def by_filters(filters: Mapping[str, object]) -> Meant:
    """What a filter means; values that only the run will tell may be anything."""
    meant = Meant().of_service([named] if (named := one_service(filters.get("service"))) else [])
    kind, call, decision = (filters.get(each) for each in ("type", "syscall", "decision"))
    if isinstance(kind, str) and kind != "*":
        meant = meant.of_types([each for each in TYPES if fits(each, kind)])
    elif "syscall" in filters or "decision" in filters:
        meant = meant.of_types(("syscall",))
    elif asked := {name for name, value in filters.items() if value != ""} - {"service", "seq", "type"}:
        meant = meant.but_types([each for each, known in ASKED_FOR.items() if not asked <= known])
    if isinstance(call, str) and not set("*?") & set(call):
        meant = meant.of_calls((call,))
    return meant.met_by_rules() if isinstance(decision, str) and answered(decision) else meant


def answered(decision: str) -> bool:
    """Whether only what a rule answered or held up has a decision of this pattern."""
    return bool(decision) and not decision.startswith(("allow", "trace", "*", "?"))


def one_service(named: object) -> str | None:
    """The one service that a filter is about."""
    name = named.name if isinstance(named, Service) else named
    return name if isinstance(name, str) and not set("*?") & set(name) else None
