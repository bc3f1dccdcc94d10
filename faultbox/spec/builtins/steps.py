"""Steps: what the scenario does to an interface as its user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faultbox.model.host import Response
from faultbox.model.protocols import ABSENT, PROTOCOLS, Method, Parameter
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin, method_call, not_available
from faultbox.spec.builtins.values import frozen, nearest_name, plain
from faultbox.spec.builtins.wrong import Wrong


def _endpoint(value: Any, label: str) -> Endpoint:
    """an interface, like api.public"""
    if isinstance(value, Service):
        if len(value.interfaces) == 1:
            return value.endpoints[0]
        names = ", ".join(f"{value.name}.{each.name}" for each in value.interfaces) or "it has none"
        raise Wrong("WRONG_TYPE", f"{label} must be an interface, got service {value.name}", accepted=names)
    return value if isinstance(value, Endpoint) else kinds.refuse(label, "an interface", value)


@builtin("step", interface=_endpoint, method=kinds.text, arguments=kinds.anything)
def step(call: Call, interface: Endpoint, method: str, **arguments: Any) -> Response:
    """Does one operation on an interface: step(api.public, "get", path="/") is api.public.get(path="/").

    A step never raises: where no answer comes, the response has error and ok is False.

    interface: where
    method: what, for example "get"
    **arguments: as the protocol's step takes them
    gives: a response
    """
    return perform(call, interface, _method(interface, method), (), arguments)


def _method(endpoint: Endpoint, name: str) -> Method:
    protocol = PROTOCOLS[endpoint.interface.protocol]
    if not protocol.methods:
        raise not_available(f"a step on {endpoint} needs a client for {protocol.name}")
    if name not in protocol.methods:
        near = nearest_name(name, list(protocol.methods))
        message = f"{protocol.name} has no step {name!r}"
        raise Wrong("UNKNOWN_STEP", message, accepted=", ".join(protocol.methods), nearest=near, at="method")
    return protocol.methods[name]


def perform(
    call: Call, endpoint: Endpoint, method: Method, args: tuple[Any, ...], named: Mapping[str, Any]
) -> Response:
    """Check a step's arguments against its protocol's table, and do it."""
    parameters = {each.name: each for each in method.parameters}
    if len(args) > len(parameters):
        message = f"takes at most {len(parameters)} arguments, got {len(args)}"
        raise Wrong("TOO_MANY_ARGUMENTS", message, accepted=", ".join(parameters), at=len(parameters))
    given = dict(zip(parameters, args, strict=False))
    for name, value in named.items():
        if name in given:
            raise Wrong("DUPLICATE_ARGUMENT", f"{name} is given twice, by position and by name", at=name)
        if name not in parameters:
            near = nearest_name(name, list(parameters))
            message = f"unknown keyword {name!r}"
            raise Wrong("UNKNOWN_KEYWORD", message, accepted=", ".join(parameters), nearest=near, at=name, naming=True)
        given[name] = value
    arguments: dict[str, Any] = {}
    for each in parameters.values():
        _fill(arguments, each, given.get(each.name, each.default))
    response = call.host.step(endpoint, method.name, arguments)
    try:
        return replace(response, data=frozen(response.data))
    except RecursionError:
        raise Wrong("WRONG_VALUE", "the answer's JSON is nested too deeply to be looked at") from None


def _fill(arguments: dict[str, Any], parameter: Parameter, value: Any) -> None:
    if value is ABSENT:
        return
    if value is None and parameter.kind != "any":
        value = parameter.default
    if isinstance(value, Mapping) and value is parameter.default:
        arguments[parameter.name] = dict(value)
        return
    converted = kinds.PARAMETERS[parameter.kind](value, parameter.name)
    name = "timeout_ms" if parameter.kind == "duration" else parameter.name
    try:
        arguments[name] = plain(converted) if parameter.kind == "any" else converted
    except RecursionError:
        raise Wrong("WRONG_VALUE", f"{name} is nested too deeply to be sent", at=name) from None


def bound_step(endpoint: Endpoint, name: str) -> Builtin | None:
    """`api.public.get`: the step of that name, or None where the protocol has none."""
    method = PROTOCOLS[endpoint.interface.protocol].methods.get(name)
    if method is None:
        return None

    def perform_step(site: CallSite, args: tuple[Any, ...], named: dict[str, Any]) -> object:
        return method_call(f"{endpoint}.{name}", site, lambda call: perform(call, endpoint, method, args, named))

    return Builtin(name, perform_step, method.doc)
