"""fault_assumption(): a named way in which the world can break."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.fault import Assumption, Fault
from faultbox.model.spec import Monitor
from faultbox.model.syscalls import FAMILIES, known
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin, declaration
from faultbox.spec.builtins.faults import check_fault, check_keyword
from faultbox.spec.builtins.services import TAKEN
from faultbox.spec.builtins.values import is_function, nearest_name, sequence, show
from faultbox.spec.builtins.wrong import Wrong

NamedFaults = Mapping[str, tuple[Fault, ...]]


def faults(value: Any, label: str) -> tuple[Fault, ...]:
    """deny(...), delay(...) or allow(), or a list of them of which the first that answers decides"""
    items = sequence(value)
    found = tuple(items) if items is not None else (value,)
    for each in found:
        if not isinstance(each, Fault):
            raise _not_a_fault(label, each)
    return found


def _not_a_fault(label: str, value: object) -> Wrong:
    """Either the value of a system call's keyword is wrong, or the keyword was meant to be another."""
    if label not in FAMILIES and label not in known():
        message = f"unknown keyword {label!r}, and {show(value)} is no fault that could be done to an op"
        return Wrong("UNKNOWN_KEYWORD", message, nearest=nearest_name(label, sorted(TAKEN)), naming=True)
    advice = f"; write {label}=deny({show(value, typed=False)})" if isinstance(value, str) else ""
    return Wrong("WRONG_TYPE", f'{label} must be a fault like deny("EIO"), got {show(value)}{advice}')


def bound(call: Call, service: Service, named: NamedFaults, *, inline: bool) -> tuple[tuple[str, Fault], ...]:
    """Keyword and fault pairs for a service, each checked; in the order written."""
    pairs = []
    for keyword, each in named.items():
        with call.noting(keyword):
            syscalls = check_keyword(keyword, service.ops)
            for fault in each:
                check_fault(keyword, fault, syscalls, inline=inline)
                pairs.append((keyword, fault))
    return tuple(pairs)


def target(value: Any, label: str) -> Service:
    """a service"""
    if isinstance(value, Endpoint):
        message = f"{label} is an interface, {value}: faults on an interface need protocol faults"
        raise Wrong(
            "NOT_AVAILABLE", f"{message}, which this version does not have yet; for system calls write {value.service}"
        )
    if isinstance(value, Service):
        return value
    return kinds.refuse(
        label, "a service", value, "the service's variable, without quotes" if isinstance(value, str) else ""
    )


def monitor(value: Any, label: str) -> Monitor:
    """a monitor"""
    if isinstance(value, Monitor):
        return value
    return kinds.refuse(label, "a monitor(...)", value, "monitor(<the function>)" if is_function(value) else "")


assumption = kinds.instance(Assumption, "a fault_assumption()")


@builtin(
    "fault_assumption",
    name=kinds.name,
    target=target,
    faults=kinds.list_of(assumption),
    monitors=kinds.list_of(monitor),
    description=kinds.text,
    syscalls=faults,
    unavailable={"rules": "protocol faults"},
)
@declaration
def fault_assumption(
    call: Call,
    name: str,
    *,
    target: Service | None = None,
    faults: tuple[Assumption, ...] = (),
    monitors: tuple[Monitor, ...] = (),
    description: str = "",
    **syscalls: tuple[Fault, ...],
) -> Assumption:
    """Names a way in which the world can break, for fault_scenario(), fault_matrix() and fault().

    A connect fault on a service meets the connects that it makes and those that other services make
    to its interfaces: connect=deny("ECONNREFUSED") on a database means that it is down.

    name: what it is called in results and in the names of matrix cells
    target: the service whose system calls are meant
    faults: other assumptions that hold at the same time
    monitors: what must hold wherever the assumption is used
    description: what it stands for, shown in results
    **syscalls: what is done to a family ("write"), a system call ("openat") or an op of the target
    gives: an assumption
    """
    declared = call.state(Declarations)
    if name in declared.assumptions:
        first = declared.assumptions[name].position
        call.problem(Wrong("DUPLICATE_NAME", f"an assumption {name!r} is declared at {first} already", at=0))
    if syscalls and target is None:
        raise Wrong("MISSING_ARGUMENT", f"whose {next(iter(syscalls))}? say target=<the service>")
    if not syscalls and not faults:
        raise Wrong("EMPTY", 'nothing is broken: add faults like write=deny("EIO"), or faults=[...]')
    pairs = bound(call, target, syscalls, inline=False) if target is not None else ()
    made = Assumption(name, call.position, target.name if target else "", pairs, faults, monitors, description)
    declared.used.update(each.name for child in faults for each in child.leaves())
    declared.claimed.update(monitors)
    if not call.broken:
        declared.assumptions[name] = made
    return made
