"""Partitions: services that don't hear of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faultbox.model.host import Way
from faultbox.model.topology import Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.assumptions import target
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.values import invoke
from faultbox.spec.builtins.wrong import Wrong

_BETWEEN: dict[str, kinds.Kind] = {"a": target, "b": target}
_DIRECTION = kinds.choice("both", "a_to_b", "b_to_a")


@builtin("partition", _BETWEEN, direction=_DIRECTION, run=kinds.function_of(0))
def partition(
    call: Call, a: Service, b: Service, *, direction: Way = "both", run: Callable[..., Any] | None = None
) -> object:
    """Loses all packets between two services, of connections that exist and of new ones. Nobody is told.

    Without run it lasts until partition_stop() or the end of the case, as partition_start() does.

    a: one of them
    b: the other
    direction: what is lost: all, what a sends to b, or what b sends to a
    run: called without arguments; the partition ends when it returns
    gives: what the function returned
    """
    _check(a, b)
    if run is None:
        call.host.partition(a.name, b.name, direction, call.position, started=True)
        return None
    host = call.host
    handle = host.partition(a.name, b.name, direction, call.position)
    try:
        return invoke(run)
    finally:
        host.heal(handle)


@builtin("partition_start", _BETWEEN, direction=_DIRECTION)
def partition_start(call: Call, a: Service, b: Service, *, direction: Way = "both") -> None:
    """Loses all packets between two services until partition_stop() or the end of the case.

    a: one of them
    b: the other
    direction: what is lost: all, what a sends to b, or what b sends to a
    """
    _check(a, b)
    call.host.partition(a.name, b.name, direction, call.position, started=True)


@builtin("partition_stop", _BETWEEN)
def partition_stop(call: Call, a: Service, b: Service) -> None:
    """Ends what partition_start(), or partition() without run, began between two services, in whatever order.

    a: one of them
    b: the other
    """
    _check(a, b)
    call.host.heal_started(a.name, b.name)


def _check(a: Service, b: Service) -> None:
    if a.name == b.name:
        raise Wrong("NO_EFFECT", f"{a.name} can't be parted from itself", at="b")
