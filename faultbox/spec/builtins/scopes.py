"""Faults while a scenario runs: fault(), fault_start(), fault_stop(), fault_all(), and trace()."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from faultbox.model.fault import Assumption, Fault
from faultbox.model.host import Inconclusive
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.assumptions import bound, check_level, faults, service_or_interface, target
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.faults import syscall_name
from faultbox.spec.builtins.messages import Draft
from faultbox.spec.builtins.rules import bound_rules, rule, source
from faultbox.spec.builtins.values import invoke
from faultbox.spec.builtins.wrong import Wrong


def _anything_that_breaks(value: Any, label: str) -> Service | Endpoint | Assumption:
    """a service, for system calls, one of its interfaces, for messages, or a fault_assumption()"""
    return value if isinstance(value, Assumption) else service_or_interface(value, label)


@builtin("fault", service=_anything_that_breaks, rules=rule, source=source, run=kinds.function_of(0), syscalls=faults)
def fault(
    call: Call,
    service: Service | Endpoint | Assumption,
    *rules: Draft,
    source: str = "",
    run: Callable[..., Any],
    **syscalls: tuple[Fault, ...],
) -> object:
    """Breaks something while a function runs, for all callers and all branches of parallel().

    fault(db, write=deny("EIO"), run=f) is about system calls, fault(db.main, error(key="a*"), run=f) about
    messages. Faults that are armed later are inner: they are asked first.

    service: whose system calls, or the interface the messages to which, are meant, or a fault_assumption()
    *rules: what is done to messages
    source: only the messages of this caller
    run: called without arguments
    **syscalls: what is done to a family ("write"), a system call ("openat") or an op of the service
    gives: what the function returned
    """
    host = call.host
    if isinstance(service, Assumption):
        _check_nothing_more(syscalls, rules, source)
        handle = host.arm_assumption(service)
    else:
        handle = _arm(call, service, rules, source, syscalls)
    try:
        return invoke(run)
    finally:
        host.disarm(handle)


@builtin("fault_start", service=service_or_interface, rules=rule, source=source, syscalls=faults)
def fault_start(
    call: Call, service: Service | Endpoint, *rules: Draft, source: str = "", **syscalls: tuple[Fault, ...]
) -> None:
    """Breaks something until fault_stop() or the end of the case.

    service: whose system calls, or the interface the messages to which, are meant
    *rules: what is done to messages
    source: only the messages of this caller
    **syscalls: as for fault()
    """
    _arm(call, service, rules, source, syscalls, started=True)


@builtin("fault_stop", service=service_or_interface)
def fault_stop(call: Call, service: Service | Endpoint) -> None:
    """Ends all that fault_start() began on a service and its interfaces, or on one interface.

    service: the service or interface
    """
    if isinstance(service, Endpoint):
        call.host.disarm_started(service.service, service.interface.name)
    else:
        call.host.disarm_started(service.name)


@builtin("fault_all", services=kinds.list_of(target), run=kinds.function_of(0), syscalls=faults)
def fault_all(
    call: Call, services: tuple[Service, ...], *, run: Callable[..., Any], **syscalls: tuple[Fault, ...]
) -> object:
    """Breaks the same on several services while a function runs.

    services: whose system calls are meant
    run: called without arguments
    **syscalls: as for fault()
    gives: what the function returned
    """
    host = call.host
    if not services:
        raise Wrong("EMPTY", "services is empty: nothing would be broken", at="services")
    armed = [(each.name, _pairs(call, each, syscalls)) for each in services]
    with ExitStack() as scopes:
        for name, pairs in armed:
            scopes.callback(host.disarm, host.arm(name, pairs, call.position))
        return invoke(run)


def _arm(
    call: Call,
    target: Service | Endpoint,
    rules: tuple[Draft, ...],
    source: str,
    syscalls: dict[str, tuple[Fault, ...]],
    *,
    started: bool = False,
) -> int:
    """Begin a scope on a service's system calls or on the messages to an interface."""
    host = call.host
    check_level(target, syscalls, rules=bool(rules), source=source)
    if isinstance(target, Service):
        return host.arm(target.name, _pairs(call, target, syscalls), call.position, started=started)
    if not rules:
        raise Wrong("EMPTY", f"nothing is broken on {target}: add faults like error(...) or drop(...)")
    return host.arm_messages(
        target, bound_rules(call, target, rules, source, 1), source, call.position, started=started
    )


def _check_nothing_more(syscalls: dict[str, tuple[Fault, ...]], rules: tuple[Draft, ...], source: str) -> None:
    if syscalls:
        raise Wrong("UNKNOWN_KEYWORD", "an assumption says by itself what is broken", at=next(iter(syscalls)))
    if rules or source:
        at = 1 if rules else "source"
        raise Wrong("UNKNOWN_KEYWORD", "an assumption says by itself what is broken, and for whom", at=at)


def _pairs(call: Call, service: Service, syscalls: dict[str, tuple[Fault, ...]]) -> tuple[tuple[str, Fault], ...]:
    if not syscalls:
        raise Wrong("EMPTY", f'nothing is broken on {service.name}: add faults like write=deny("EIO")')
    return bound(call, service, syscalls, inline=True)


_syscalls = kinds.list_of(syscall_name)


@builtin("trace", service=target, syscalls=_syscalls, run=kinds.function_of(0))
def trace(call: Call, service: Service, *, syscalls: tuple[str, ...], run: Callable[..., Any]) -> object:
    """Runs a function of whose case the named system calls are events, whether a fault meets them or not.

    What is traced anywhere in a case is traced from its begin to its end.

    service: whose system calls are meant
    syscalls: families ("write") and system calls ("openat")
    run: called without arguments
    gives: what the function returned
    """
    _observe(call, service, syscalls)
    return invoke(run)


@builtin("trace_start", service=target, syscalls=_syscalls)
def trace_start(call: Call, service: Service, *, syscalls: tuple[str, ...]) -> None:
    """Makes the named system calls events of the case, from its begin to its end.

    service: whose system calls are meant
    syscalls: families ("write") and system calls ("openat")
    """
    _observe(call, service, syscalls)


@builtin("trace_stop", service=target)
def trace_stop(call: Call, service: Service) -> None:  # noqa: ARG001
    """Marks the end of a trace_start(), for specs that have it; tracing goes on to the end of the case.

    service: the service
    """
    _ = call.host


def _observe(call: Call, service: Service, syscalls: tuple[str, ...]) -> None:
    """The plan has read from the body what to observe; make sure that it has."""
    for each in syscalls:
        reason = call.host.observable({"type": "syscall", "service": service.name, "syscall": each})
        if reason:
            raise Inconclusive(f"{call.name}(): {reason}")
