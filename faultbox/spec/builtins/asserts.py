"""Assertions over values and over what happened, and events()."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.event import Event
from faultbox.model.event_types import LINES
from faultbox.model.host import AssertionFailed, ExitStatus, Inconclusive
from faultbox.model.spec import Function
from faultbox.model.topology import Service
from faultbox.spec.builtins import filters, kinds
from faultbox.spec.builtins.assumptions import target
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.filters import Filter
from faultbox.spec.builtins.ordering import caused
from faultbox.spec.builtins.values import nearest_name, show
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.compare import equal
from faultbox.spec.semantics.values import List, truth

_MESSAGE = kinds.text
_DRIVER = "driver"
"""Whose events steps and prints are."""
_FIELDS = ("service", "syscall", "decision")


def _said(msg: str) -> str:
    return f" ({msg})" if msg else ""


@builtin("assert_true", cond=kinds.anything, msg=_MESSAGE)
def assert_true(call: Call, cond: object, msg: str = "") -> None:
    """Fails the case unless a value is true.

    cond: the value
    msg: said when it fails
    """
    call.host.asserted()
    if not truth(cond):
        raise AssertionFailed(f"assert_true failed: got {show(cond, typed=False)}{_said(msg)}")


@builtin("assert_eq", a=kinds.anything, b=kinds.anything, msg=_MESSAGE)
def assert_eq(call: Call, a: object, b: object, msg: str = "") -> None:
    """Fails the case unless two values are equal.

    a: what there is
    b: what there should be
    msg: said when it fails
    """
    call.host.asserted()
    if not equal(a, b):
        raise AssertionFailed(f"assert_eq failed: {show(a, typed=False)} != {show(b, typed=False)}{_said(msg)}")


@builtin("assert_eventually", where=kinds.function_of(1), within=kinds.duration, filters=filters.value)
def assert_eventually(call: Call, where: Function | None = None, *, within: float = 2_000, **filters: str) -> None:
    """Waits for an event, past or to come, and fails the case when it doesn't come in time.

    where: a function of an event that says whether it is the one
    within: how long to wait; a failing assertion costs that much
    **filters: what its fields must be: type="syscall", service="db", decision="deny*"
    """
    host = call.host
    host.asserted()
    wanted = _named(call, filters, where)
    if host.await_event(wanted, within) is None:
        _check_observable(call, wanted)
        message = f"assert_eventually failed: no event with {wanted} within {within:g}ms"
        raise AssertionFailed(message, code="EVENTUALLY")


@builtin("assert_never", where=kinds.function_of(1), filters=filters.value)
def assert_never(call: Call, where: Function | None = None, **filters: str) -> None:
    """Fails the case if an event has happened up to now.

    where: a function of an event that says whether it is the one
    **filters: what its fields must be: type="syscall", service="db", decision="deny*"
    """
    host = call.host
    host.asserted()
    unwanted = _named(call, filters, where)
    found = next(filter(unwanted, host.events()), None)
    if found is not None:
        raise AssertionFailed(
            f"assert_never failed: event #{found.seq} ({found.type} of {found.service}) has {unwanted}",
            deciding=(found,),
        )
    _check_observable(call, unwanted)


@builtin("assert_before", first=filters.filter_or_function, then=filters.filter_or_function, causal=kinds.boolean)
def assert_before(call: Call, *, first: Filter, then: Filter, causal: bool = False) -> None:
    """Fails the case unless both events have happened, the first of one kind before the first of the other.

    first: filters, or a function of an event
    then: filters, or a function of an event
    causal: messages must lead from one to the other; where it isn't known whether they do, the case is inconclusive
    """
    host = call.host
    host.asserted()
    seen = host.events()
    found: list[Event] = []
    for name, wanted in (("first", first), ("then", then)):
        _check_fields(call, wanted.fields)
        event = next(filter(wanted, seen), None)
        if event is None:
            _check_observable(call, wanted)
            raise AssertionFailed(f"assert_before failed: no event is {name}: {wanted}", deciding=found)
        if reason := host.missing(wanted.fields, wanted.where):
            raise Inconclusive(f"assert_before({name}: {wanted}): {reason}")
        found.append(event)
    if found[0].seq >= found[1].seq:
        message = f"assert_before failed: {first} came at #{found[0].seq}, not before {then} at #{found[1].seq}"
        raise AssertionFailed(message, deciding=sorted(found, key=lambda event: event.seq))
    if causal and not caused(*found):
        order = f"{first} at #{found[0].seq} came before {then} at #{found[1].seq}"
        raise AssertionFailed(
            f"assert_before failed: {order} by the clock alone, no messages lead there", deciding=found
        )


@builtin("events", where=kinds.function_of(1), filters=filters.value)
def events(call: Call, where: Function | None = None, **filters: str) -> List:
    """The events that have happened up to now, in order.

    where: a function of an event that says whether it is wanted
    **filters: what its fields must be: type="stdout", service="db"
    gives: a list of events
    """
    _check_fields(call, filters)
    wanted = Filter.of(filters, where)
    found = List(filter(wanted, call.host.events()))
    _check_observable(call, wanted)
    return found


@builtin("fail", args=kinds.anything, sep=kinds.text)
def fail(call: Call, *args: object, sep: str = " ") -> None:
    """Fails the case, or the load of the spec.

    *args: what is said
    sep: what stands between them
    """
    from faultbox.spec.semantics.printing import text

    said = sep.join(text(each) for each in args)
    if call.session.loading:
        raise Wrong("FAIL", said or "without a reason")
    raise AssertionFailed(said or "fail() was called without a reason", code="FAIL")


@builtin(
    "assert_exited",
    service=target,
    code=kinds.integer,
    signal=kinds.signal_number,
    within=kinds.duration,
    msg=_MESSAGE,
)
def assert_exited(
    call: Call,
    service: Service,
    *,
    code: int | None = None,
    signal: int | None = None,
    within: float = 2_000,
    msg: str = "",
) -> None:
    """Waits for a service's end and accepts it; fails the case when it doesn't end so in time.

    service: whose main process is meant
    code: the exit code it must have
    signal: the signal that must have killed it, by name or number
    within: how long to wait
    msg: said when it fails
    """
    call.host.asserted()
    if code is not None and signal is not None:
        raise Wrong("WRONG_TYPE", "code and signal can't both be: a process exits or is killed", at="signal")
    ended = call.host.exit_of(service.name, within)
    if ended is None:
        message = f"assert_exited failed: {service.name} still runs after {within:g}ms{_said(msg)}"
        raise AssertionFailed(message, code="EVENTUALLY")
    if (code is not None and ended.code != code) or (signal is not None and ended.signal != signal):
        wanted = f"code {code}" if code is not None else _signal_name(signal or 0)
        raise AssertionFailed(f"assert_exited failed: {service.name} {_ending(ended)} (want {wanted}){_said(msg)}")


def _ending(ended: ExitStatus) -> str:
    return f"exited with code {ended.code}" if ended.signal is None else f"was killed by {_signal_name(ended.signal)}"


def _signal_name(number: int) -> str:
    from signal import Signals

    return Signals(number).name if number in Signals.__members__.values() else f"signal {number}"


def _named(call: Call, fields: dict[str, str], where: Function | None) -> Filter:
    if not fields and where is None:
        raise Wrong("MISSING_ARGUMENT", 'which event? name fields like type="syscall", or where=lambda e: ...')
    _check_fields(call, fields)
    return Filter.of(fields, where)


def _check_fields(call: Call, fields: Mapping[str, str]) -> None:
    """A name misspelt would match no event for ever, and an assert_never() would hold. Raises Wrong."""
    services = call.state(Declarations).services
    service = fields.get("service", _DRIVER)
    if not {"*", "?"} & set(service) and service not in services and service != _DRIVER:
        message = f"{service!r} is no service of this spec"
        near = nearest_name(service, list(services))
        raise Wrong("UNKNOWN_SERVICE", message, accepted=", ".join(services), nearest=near, at="service")
    kind = fields.get("type", "syscall" if {"syscall", "decision"} & fields.keys() else "stdout")
    if kind in LINES or "*" in kind:
        return  # fields are what the service prints
    for name in fields:
        near = nearest_name(name, _FIELDS)
        if near and name != near:
            raise Wrong("UNKNOWN_FIELD", f"{kind} events have no field {name!r}", nearest=near, at=name, naming=True)


def _check_observable(call: Call, wanted: Filter) -> None:
    """What can't be seen here is no proof of anything."""
    reason = call.host.observable(wanted.fields, wanted.where)
    if reason:
        raise Inconclusive(f"{call.name}({wanted}): {reason}")
