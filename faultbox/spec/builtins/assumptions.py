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
from faultbox.spec.builtins.messages import Draft
from faultbox.spec.builtins.rules import bound_rules, rule, source
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
    if isinstance(value, Draft):
        message = f"{label} is about system calls, {value.text} is about messages: pass it in rules=[…] of an interface"
        return Wrong("WRONG_TYPE", message)
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
    if isinstance(value, Service):
        return value
    if isinstance(value, Endpoint):
        raise Wrong("WRONG_TYPE", f"{label} must be a service, got interface {value}; write {value.service}")
    return kinds.refuse(
        label, "a service", value, "the service's variable, without quotes" if isinstance(value, str) else ""
    )


def service_or_interface(value: Any, label: str) -> Service | Endpoint:
    """a service, for system calls, or one of its interfaces, for messages"""
    return value if isinstance(value, Endpoint) else target(value, label)


def check_level(target: Service | Endpoint, syscalls: Mapping[str, object], *, rules: bool, source: str) -> None:
    """Whether faults on system calls are on a service, and those on messages on an interface. Raises Wrong."""
    if isinstance(target, Endpoint):
        if syscalls:
            first = next(iter(syscalls))
            message = f"{first}= is about system calls, which belong to a service: write {target.service}"
            both = f" for it, and {target} for the rules, in an assumption each" if rules else f", not {target}"
            raise Wrong("WRONG_TYPE", message + both, at=first)
        return
    if rules or source:
        accepted = ", ".join(str(each) for each in target.endpoints)
        message = f"{'rules are' if rules else 'source= is'} about the messages to an interface, not about a service"
        only = f": write {accepted}" if len(target.endpoints) == 1 else ""
        raise Wrong("WRONG_TYPE", message + only, accepted=accepted or f"{target.name} has no interface")


def monitor(value: Any, label: str) -> Monitor:
    """a monitor"""
    if isinstance(value, Monitor):
        return value
    return kinds.refuse(label, "a monitor(...)", value, "monitor(<the function>)" if is_function(value) else "")


assumption = kinds.instance(Assumption, "a fault_assumption()")


@builtin(
    "fault_assumption",
    name=kinds.name,
    target=service_or_interface,
    rules=kinds.one_or_more(rule),
    source=source,
    faults=kinds.list_of(assumption),
    monitors=kinds.list_of(monitor),
    description=kinds.text,
    syscalls=faults,
)
@declaration
def fault_assumption(
    call: Call,
    name: str,
    *,
    target: Service | Endpoint | None = None,
    rules: tuple[Draft, ...] = (),
    source: str = "",
    faults: tuple[Assumption, ...] = (),
    monitors: tuple[Monitor, ...] = (),
    description: str = "",
    **syscalls: tuple[Fault, ...],
) -> Assumption:
    """Names a way in which the world can break, for fault_scenario(), fault_matrix() and fault().

    On a service it is about system calls: fault_assumption("full", target=db, write=deny("ENOSPC")). On an
    interface it is about messages: fault_assumption("limited", target=api.public, rules=[response(status=429)]).
    Both at once are two assumptions, named in faults=[...] of a third.

    A connect fault on a service meets the connects that it makes and those that other services make
    to its interfaces: connect=deny("ECONNREFUSED") on a database means that it is down.

    name: what it is called in results and in the names of matrix cells
    target: whose system calls, or the interface the messages to which, are meant
    rules: what is done to messages; every rule is asked, in this order, and the first that decides is done
    source: only the messages of this caller
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
    parts = _parts(call, target, syscalls, rules, source)
    if not syscalls and not rules and not faults:
        raise Wrong("EMPTY", f"nothing is broken: add {_something(target)}, or faults=[...]")
    made = Assumption(
        name, call.position, children=faults, monitors=monitors, description=description, source=source, **parts
    )
    declared.used.update(each.name for child in faults for each in child.leaves())
    declared.claimed.update(monitors)
    if not call.broken:
        declared.assumptions[name] = made
    return made


def _parts(
    call: Call, target: Service | Endpoint | None, syscalls: NamedFaults, rules: tuple[Draft, ...], source: str
) -> dict[str, Any]:
    """An assumption's target and what is done there, as fields of Assumption."""
    if target is None:
        if syscalls or rules or source:
            whose = next(iter(syscalls)) if syscalls else "messages"
            wanted = "<the service>" if syscalls else "<the interface>"
            raise Wrong("MISSING_ARGUMENT", f"whose {whose}? say target={wanted}")
        return {}
    check_level(target, syscalls, rules=bool(rules), source=source)
    if isinstance(target, Service):
        return {"target": target.name, "faults": bound(call, target, syscalls, inline=False)}
    found = bound_rules(call, target, rules, source, "rules")
    return {"target": target.service, "interface": target.interface.name, "rules": found}


def _something(target: Service | Endpoint | None) -> str:
    return "rules=[error(...)]" if isinstance(target, Endpoint) else 'faults like write=deny("EIO")'
