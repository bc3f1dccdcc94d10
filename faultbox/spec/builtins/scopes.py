"""Faults while a scenario runs: fault(), fault_start(), fault_stop(), fault_all(), and trace()."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from faultbox.model.fault import Assumption, Fault
from faultbox.model.host import Inconclusive
from faultbox.model.topology import Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.assumptions import bound, faults, target
from faultbox.spec.builtins.declare import Call, builtin, not_available
from faultbox.spec.builtins.faults import syscall_name
from faultbox.spec.builtins.values import invoke
from faultbox.spec.builtins.wrong import Wrong

_LATER = {"rules": "protocol faults", "source": "protocol faults"}


def _service_or_assumption(value: Any, label: str) -> Service | Assumption:
    """a service or a fault_assumption()"""
    return value if isinstance(value, Assumption) else target(value, label)


def _no_rules(_value: Any, _label: str) -> None:
    """nothing yet"""
    raise not_available("a fault on messages needs protocol faults")


@builtin(
    "fault",
    service=_service_or_assumption,
    rules=_no_rules,
    run=kinds.function_of(0),
    syscalls=faults,
    unavailable=_LATER,
)
def fault(
    call: Call,
    service: Service | Assumption,
    *rules: None,  # noqa: ARG001
    run: Callable[..., Any],
    **syscalls: tuple[Fault, ...],
) -> object:
    """Breaks something while a function runs, for all callers and all branches of parallel().

    Faults that are armed later are inner: they are asked first.

    service: whose system calls are meant, or a fault_assumption()
    *rules: faults on messages, which this version does not have yet
    run: called without arguments
    **syscalls: what is done to a family ("write"), a system call ("openat") or an op of the service
    gives: what the function returned
    """
    host = call.host
    if isinstance(service, Assumption):
        if syscalls:
            raise Wrong("UNKNOWN_KEYWORD", "an assumption says by itself what is broken", at=next(iter(syscalls)))
        handle = host.arm_assumption(service)
    else:
        handle = host.arm(service.name, _pairs(call, service, syscalls), call.position)
    try:
        return invoke(run)
    finally:
        host.disarm(handle)


@builtin("fault_start", service=target, syscalls=faults, unavailable=_LATER)
def fault_start(call: Call, service: Service, **syscalls: tuple[Fault, ...]) -> None:
    """Breaks something until fault_stop() or the end of the case.

    service: whose system calls are meant
    **syscalls: as for fault()
    """
    call.host.arm(service.name, _pairs(call, service, syscalls), call.position, started=True)


@builtin("fault_stop", service=target)
def fault_stop(call: Call, service: Service) -> None:
    """Ends all that fault_start() began on a service.

    service: the service
    """
    call.host.disarm_started(service.name)


@builtin("fault_all", services=kinds.list_of(target), run=kinds.function_of(0), syscalls=faults, unavailable=_LATER)
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
