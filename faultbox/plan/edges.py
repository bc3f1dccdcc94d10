"""Which messages the rules of a case may meet: every caller to every interface that they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from faultbox.model.fault import Assumption
from faultbox.model.message import Edge, MessageRule
from faultbox.model.plan import Case
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.spec import Spec
from faultbox.model.topology import Endpoint
from faultbox.plan.asked import Asked
from faultbox.rules import bind_assumption_messages

DRIVER = "driver"
"""The scenario itself, as a caller."""


def message_rules(case: Case, spec: Spec) -> tuple[MessageRule, ...]:
    """The message rules of the case's own assumptions."""
    return tuple(_bound(case.faults, spec))


def edges(
    rules: Iterable[MessageRule], asked: Asked, spec: Spec, captured: Collection[tuple[str, str]] = ()
) -> tuple[Edge, ...]:
    """The edges that these rules, and those that the case's functions may arm, need; in the order of declaration.

    Of what is `captured` (service, interface) every edge is among them.
    """
    named = spec.assumptions.values() if asked.any_assumption else asked.assumptions
    wanted = {(rule.service, rule.interface, rule.source) for rule in (*rules, *_bound(named, spec))}
    wanted |= {(service, interface, "") for service, interface in captured}
    for endpoint, source in asked.messages:
        for each in _every(spec) if endpoint is None else (endpoint,):
            wanted.add((each.service, each.interface.name, source))
    return tuple(
        _edge(caller, endpoint)
        for endpoint in _every(spec)
        for caller in _callers(endpoint, spec)
        if {(endpoint.service, endpoint.interface.name, source) for source in ("", caller)} & wanted
    )


def _bound(assumptions: Iterable[Assumption], spec: Spec) -> Iterator[MessageRule]:
    for each in assumptions:
        yield from bind_assumption_messages(each, spec.services, scope_id=each.name)


def _every(spec: Spec) -> Iterator[Endpoint]:
    """All interfaces for whose protocols there is a proxy."""
    endpoints = (each for service in spec.services.values() for each in service.endpoints)
    return (each for each in endpoints if PROTOCOLS[each.interface.protocol].actions)


def _callers(endpoint: Endpoint, spec: Spec) -> Iterator[str]:
    yield from (name for name in spec.services if name != endpoint.service)
    yield DRIVER


def _edge(caller: str, endpoint: Endpoint) -> Edge:
    interface = endpoint.interface
    return Edge(caller, endpoint.service, interface.name, interface.protocol, interface.port)
