"""How our values look in a spec: their attributes, methods, text and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from faultbox.model.event import Event
from faultbox.model.fault import Assumption, Fault, Operation
from faultbox.model.host import Response
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.spec import Monitor
from faultbox.model.topology import Endpoint, Healthcheck, Interface, Observation, Service, Tls
from faultbox.spec.attributes import register
from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.builtins.filters import Filter
from faultbox.spec.builtins.matchers import Several
from faultbox.spec.builtins.messages import Draft
from faultbox.spec.builtins.observing import Decoder
from faultbox.spec.builtins.ordering import METHODS as ORDERINGS
from faultbox.spec.builtins.steps import bound_step
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.builtins.values import frozen
from faultbox.spec.semantics.arguments import positional
from faultbox.spec.semantics.compare import equal
from faultbox.spec.semantics.printing import quote, represent
from faultbox.spec.semantics.values import Dict, List


def _fields(*names: str) -> dict[str, Any]:
    """Attributes that are read from the Python object as they are."""

    def get(value: Any, name: str) -> object:
        if name not in names:
            raise AttributeError(name)
        return frozen(getattr(value, name))

    return {"get": get, "names": lambda _value: names}


# --- services and interfaces ---


def _service_attribute(service: Service, name: str) -> object:
    if name == "name":
        return service.name
    endpoint = service.endpoint(name)
    if endpoint is not None:
        return endpoint
    candidates = [each for each in service.endpoints if name in PROTOCOLS[each.interface.protocol].methods]
    main = [each for each in service.endpoints if len(service.interfaces) == 1 or each.interface.name == "default"]
    found = [each for each in candidates if each in main] or candidates
    if len(found) == 1:
        return bound_step(found[0], name)
    if found:
        choices = " or ".join(f"{each}.{name}" for each in found)
        raise AttributeError(f"service {service.name} has several interfaces with .{name}: write {choices}")
    there = ", ".join(f".{each.name} ({each.protocol})" for each in service.interfaces)
    raise AttributeError(f"service {service.name} has no .{name}: it has {there or 'no interfaces'} and their steps")


def _service_names(service: Service) -> Iterable[str]:
    steps = {name for each in service.interfaces for name in PROTOCOLS[each.protocol].methods}
    return {"name", *(each.name for each in service.interfaces), *steps}


_ENDPOINT = ("addr", "host", "name", "port")


def _endpoint_attribute(endpoint: Endpoint, name: str) -> object:
    if name == "name":
        return endpoint.interface.name
    if name in _ENDPOINT:
        return getattr(endpoint, name)
    step = bound_step(endpoint, name)
    if step is None:
        protocol = PROTOCOLS[endpoint.interface.protocol]
        steps = f"its steps are {', '.join(protocol.methods)}"
        if not protocol.methods:
            steps = f"steps on {protocol.name} are not available in this version"
        raise AttributeError(f"interface {endpoint} has no .{name}: {steps} (known besides: {', '.join(_ENDPOINT)})")
    return step


register(
    Service, name="service", get=_service_attribute, names=_service_names, text=lambda each: f"<service {each.name}>"
)
register(
    Endpoint,
    name="interface",
    get=_endpoint_attribute,
    names=lambda each: (*_ENDPOINT, *PROTOCOLS[each.interface.protocol].methods),
    text=lambda each: f"<interface {each}>",
)
register(
    Interface, name="interface", **_fields("name", "protocol", "port"), text=lambda each: f"<interface {each.name}>"
)


# --- responses ---

_RESPONSE = ("status", "status_code", "headers", "body", "data", "fields", "ok", "error", "duration_ms")


class Headers:
    """The headers of a response: a mapping whose names don't care for case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self._lower = {name.lower(): value for name, value in headers.items()}

    def find(self, name: object) -> str | None:
        return self._lower.get(name.lower()) if isinstance(name, str) else None


def _response_attribute(response: Response, name: str) -> object:
    if name not in _RESPONSE:
        raise AttributeError(name)
    if name == "status_code":
        return response.status
    if name == "headers":
        return Headers(response.headers)
    return frozen(getattr(response, name))


def _response_text(response: Response) -> str:
    parts = [f"status={response.status}"] if response.status or not response.error else []
    parts += [f"error={quote(response.error)}"] if response.error else [f"body={quote(response.body)}"]
    return f"response({', '.join(parts)}, duration_ms={response.duration_ms:.0f})"


def _compare_response(response: Response, op: str, other: object) -> object:
    """A tcp response is equal to the text it holds, as specs for the Go tool expect."""
    if op in ("==", "!=") and isinstance(other, str) and response.protocol == "tcp":
        return (response.body == other) == (op == "==")
    return NotImplemented


def _method(name: str, function: Callable[..., object], least: int = 0, most: int = 0) -> Builtin:
    def call(_site: CallSite, args: tuple[Any, ...], named: dict[str, Any]) -> object:
        return function(*positional(name, args, named, least, most))

    return Builtin(name, call)


def _header_attribute(headers: Headers, name: str) -> object:
    def get(key: object, default: object = None) -> object:
        found = headers.find(key)
        return default if found is None else found

    methods: dict[str, Builtin] = {
        "get": _method("get", get, 1, 2),
        "items": _method("items", lambda: List(headers.headers.items())),
        "keys": _method("keys", lambda: List(headers.headers)),
        "values": _method("values", lambda: List(headers.headers.values())),
    }
    if name not in methods:
        raise AttributeError(name)
    return methods[name]


def _header(headers: Headers, key: object) -> str:
    found = headers.find(key)
    if found is None:
        raise KeyError(key)
    return found


register(
    Response,
    name="response",
    get=_response_attribute,
    names=lambda _each: _RESPONSE,
    text=_response_text,
    compare=_compare_response,
    hashable=False,
)
register(
    Headers,
    name="headers",
    get=_header_attribute,
    names=lambda _each: ("get", "items", "keys", "values"),
    text=lambda each: represent(frozen(dict(each.headers))),
    getitem=_header,
    iterate=lambda each: list(each.headers),
    hashable=False,
)


# --- events ---

_EVENT = ("type", "service", "seq", "time_ns", "data", "fields")


def _event_value(event: Event, name: object) -> object:
    """A core attribute or a field. Raises KeyError where the event has neither."""
    if isinstance(name, str) and name in _EVENT:
        return frozen(getattr(event, name))
    if isinstance(name, str) and name in event.fields:
        return event.fields[name]
    raise KeyError(name)


def _event_attribute(event: Event, name: str) -> object:
    """Fields that an event does not have are "", so that filters need not ask first."""
    if name == "get":
        return _method("get", lambda key, default=None: _event_get(event, key, default), 1, 2)
    if name in ORDERINGS:
        ordering = ORDERINGS[name]
        return _method(name, lambda other: ordering(event, other), 1, 1)
    try:
        return _event_value(event, name)
    except KeyError:
        return ""


def _event_get(event: Event, key: object, default: object) -> object:
    try:
        return _event_value(event, key)
    except KeyError:
        return default


def _event_text(event: Event) -> str:
    fields = "".join(f", {name}={quote(value)}" for name, value in event.fields.items())
    return f"event(seq={event.seq}, type={quote(event.type)}, service={quote(event.service)}{fields})"


register(
    Event,
    name="event",
    get=_event_attribute,
    names=lambda each: (*_EVENT, "get", *ORDERINGS, *each.fields),
    text=_event_text,
    getitem=_event_value,
    iterate=lambda each: [*_EVENT, *each.fields],
    hashable=False,
)


# --- what is declared ---


def _struct_attribute(struct: Struct, name: str) -> object:
    if name not in struct.fields:
        raise AttributeError(name)
    return struct.fields[name]


def _compare_struct(struct: Struct, op: str, other: object) -> object:
    if op not in ("==", "!=") or not isinstance(other, Struct):
        return NotImplemented
    same = equal(Dict(struct.fields.items()), Dict(other.fields.items()))
    return same == (op == "==")


def _struct_text(struct: Struct) -> str:
    return f"struct({', '.join(f'{name} = {represent(value)}' for name, value in sorted(struct.fields.items()))})"


register(
    Struct,
    name="struct",
    get=_struct_attribute,
    names=lambda each: each.fields,
    text=_struct_text,
    compare=_compare_struct,
    hashable=False,
)
register(
    Assumption,
    name="fault_assumption",
    **_fields("name", "description"),
    text=lambda each: f"<fault_assumption {each.name}>",
)
register(Filter, name="matcher", **_fields(), text=lambda each: f"match.event({each})" if each.fields else str(each))
register(Several, name="matcher", **_fields(), text=str)
register(Monitor, name="monitor", **_fields("name"), text=lambda each: f"<monitor {each.name}>")
register(Fault, name="fault", **_fields("label"), text=lambda each: each.text)
register(Draft, name="fault", **_fields("label"), text=lambda each: each.text)
register(Operation, name="op", **_fields("path"), text=lambda each: f"<op {', '.join(each.syscalls)}>")
register(Healthcheck, name="healthcheck", **_fields(), text=lambda each: f"<healthcheck {each.kind}>")
register(Tls, name="tls_cert", **_fields(), text=lambda _each: "<tls_cert>")
register(Observation, name="observation", **_fields(), text=lambda each: f"<observe.{each.kind}>")
register(Decoder, name="decoder", **_fields("name"), text=lambda each: f'decoder("{each.name}")')
