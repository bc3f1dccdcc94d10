"""What a spec declares, in a form that is read without evaluating the spec: a bundle's `declared.json`."""

from __future__ import annotations

from typing import Any

from faultbox.model.fault import Assumption, Fault
from faultbox.model.message import MessageFault
from faultbox.model.plan import Plan
from faultbox.model.topology import Service


def declared(plan: Plan) -> dict[str, Any]:
    """Services with their interfaces and dependencies, all assumptions, and the pairs that matrices exclude."""
    spec = plan.spec
    return {
        "services": [_service(each) for each in spec.services.values()],
        "assumptions": [_assumption(each) for each in spec.assumptions.values()],
        "excluded": [{"matrix": matrix, "row": row, "column": column} for matrix, row, column in plan.excluded],
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "position": str(service.position),
        "interfaces": [
            {"name": each.name, "protocol": each.protocol, "port": each.port} for each in service.interfaces
        ],
        "depends_on": list(service.depends_on),
    }


def _assumption(assumption: Assumption) -> dict[str, Any]:
    return {
        "name": assumption.name,
        "description": assumption.description,
        "position": str(assumption.position),
        "target": assumption.target,
        "interface": assumption.interface,
        "source": assumption.source,
        "children": [child.name for child in assumption.children],
        "faults": [_fault(keyword, fault) for keyword, fault in assumption.faults],
        "rules": [_message_fault(each) for each in assumption.rules],
    }


def _fault(keyword: str, fault: Fault) -> dict[str, Any]:
    return {
        "keyword": keyword,
        "action": fault.action.kind.value,
        "text": fault.text,
        "path": fault.path,
        "on": fault.on or "",
        "direction": fault.direction or "",
    }


def _message_fault(fault: MessageFault) -> dict[str, Any]:
    return {"action": fault.action.value, "side": fault.side, "match": dict(fault.match), "text": fault.text}
