"""A plan's spec as a record of what it declares."""

from __future__ import annotations

from faultbox.model.declared import (
    Declared,
    DeclaredAssumption,
    DeclaredFault,
    DeclaredInterface,
    DeclaredMessageFault,
    DeclaredService,
    ExcludedPair,
)
from faultbox.model.fault import Assumption
from faultbox.model.plan import Plan
from faultbox.model.topology import Service


def declared(plan: Plan) -> Declared:
    """Services with their interfaces and dependencies, all assumptions, and the pairs that matrices exclude."""
    spec = plan.spec
    return Declared(
        services=tuple(map(_service, spec.services.values())),
        assumptions=tuple(map(_assumption, spec.assumptions.values())),
        excluded=tuple(ExcludedPair(*pair) for pair in plan.excluded),
    )


def _service(service: Service) -> DeclaredService:
    return DeclaredService(
        name=service.name,
        position=str(service.position),
        interfaces=tuple(DeclaredInterface(each.name, each.protocol, each.port) for each in service.interfaces),
        depends_on=service.depends_on,
        ops={name: tuple(sorted(each.syscalls)) for name, each in service.ops.items()},
        files=tuple(name for name, each in service.ops.items() if each.path),
    )


def _assumption(assumption: Assumption) -> DeclaredAssumption:
    return DeclaredAssumption(
        name=assumption.name,
        position=str(assumption.position),
        description=assumption.description,
        target=assumption.target,
        interface=assumption.interface,
        source=assumption.source,
        children=tuple(child.name for child in assumption.children),
        faults=tuple(
            DeclaredFault(keyword, each.action.kind.value, each.text, each.path, each.on or "", each.direction or "")
            for keyword, each in assumption.faults
        ),
        rules=tuple(
            DeclaredMessageFault(each.action.value, each.side, each.text, dict(each.match)) for each in assumption.rules
        ),
    )
