"""What the world of a case must hold before it starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from faultbox.model.event_types import LINES
from faultbox.model.fault import Rule
from faultbox.model.message import Edge
from faultbox.model.observation import Watch
from faultbox.model.plan import Case, Needs
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.spec import Spec
from faultbox.model.syscalls import UnknownSyscall, every, expand
from faultbox.model.topology import Service
from faultbox.plan.asked import ALL_CALLS, Asked
from faultbox.plan.bodies import read
from faultbox.plan.edges import edges, message_rules
from faultbox.rules import bind
from faultbox.rules.globs import meets

_SOURCES = {"tail": "faultbox.observe.sources.tail", "probe": "faultbox.observe.probes"}
"""What the world of a service needs that is observed so."""
Calls = dict[str, set[str]]


def needs(case: Case, spec: Spec, *, blind: str = "", captured: Collection[tuple[str, str]] = ()) -> Needs:
    """The services, filters, rules, edges, imports, output lines and watches of a case.

    Filters are the union of what its assumptions and the faults that its functions may arm ask for; what can't be
    read from a function is taken to be all that the spec's assumptions name. Calls that only assertions name are
    watched by the kernel's programs, or notified by the filter too where those can't be had: `blind` says why.
    The edges to what is `captured` (service, interface) are kept.
    """
    rules = tuple(rule for each in case.faults for rule in bind(each, spec.services, scope_id=each.name))
    monitors = (*spec.monitors, *case.monitors)
    seeds = (each.seed for each in spec.services.values())
    asked = read((case.setup, case.body, case.expect, *monitors, *seeds))
    observed = _observed(asked, spec)
    on_messages = message_rules(case, spec)
    needed = edges(on_messages, asked, spec, captured)
    filters: Calls = defaultdict(set)
    for rule in (*rules, *_armed_assumptions(asked, spec)):
        filters[rule.service] |= rule.syscalls
    for service, armed in _armed(asked, spec):
        filters[service] |= armed
    if blind:
        for service, named in observed.items():
            filters[service] |= named - {ALL_CALLS}
    return Needs(
        services=tuple(spec.services),
        filters={service: frozenset(calls) for service, calls in filters.items() if calls},
        observed={service: frozenset(_notified(calls, filters[service])) for service, calls in observed.items()},
        watched={}
        if blind
        else {name: _watch(each, asked, observed, filters[name]) for name, each in spec.services.items()},
        blind=blind,
        unlooped=_unlooped(asked) if blind else "",
        rules=rules,
        imports=_imports(spec, needed),
        lines=_lines(asked, spec),
        io_uring_blocked=frozenset(service for service, calls in filters.items() if calls),
        edges=needed,
        captures=frozenset(each for each in needed if (each.service, each.interface) in captured),
        message_rules=on_messages,
        network=bool(needed) or asked.parted or any(each.own_address for each in spec.services.values()),
    )


def _armed_assumptions(asked: Asked, spec: Spec) -> Iterator[Rule]:
    for each in asked.assumptions:
        yield from bind(each, spec.services, scope_id=each.name)


def _armed(asked: Asked, spec: Spec) -> Iterator[tuple[str, frozenset[str]]]:
    """Per service, what inline faults may meet: `connect` on a service meets its callers' connects too.

    A fault that can't be read may be any that an assumption names or a function is handed, on any service.
    """
    keywords = set(asked.armed)
    if asked.anything:
        evaluated = {keyword for each in spec.assumptions.values() for keyword, _ in each.faults}
        keywords |= {(None, keyword) for keyword in evaluated | asked.handed}
    for wanted, keyword in keywords:
        for service in _meant(wanted, spec):
            calls = calls_of(service, keyword)
            yield service.name, calls
            if "connect" in calls:
                yield from ((other, frozenset({"connect"})) for other in spec.services if other != service.name)


def _observed(asked: Asked, spec: Spec) -> Calls:
    found: Calls = defaultdict(set)
    for wanted, name in asked.observed:
        for service in _meant(wanted, spec):
            found[service.name] |= {ALL_CALLS} if name == ALL_CALLS else calls_of(service, name)
    return {service: calls for service, calls in found.items() if calls}


def _unlooped(asked: Asked) -> str:
    """What loops over events() are about that nothing shows here."""
    return " and ".join(f"{each} events" for each in sorted(asked.looped))


def _notified(observed: set[str], filtered: set[str]) -> set[str]:
    """Which of the calls of a filter are events without a rule."""
    return filtered if ALL_CALLS in observed else observed & filtered


def _watch(service: Service, asked: Asked, observed: Calls, filtered: set[str]) -> Watch:
    """What the kernel's programs are to show of a service: a call that its filter notifies is reported already."""
    calls = observed.get(service.name, set())
    wanted = every() if ALL_CALLS in calls else frozenset(calls)
    kinds = {kind for name, kind in asked.watched if name in (None, service.name)}
    globs = tuple(path for each in service.observe if each.kind == "files" for path in each.paths)
    files = "file" in kinds or bool(globs)
    paths = [path for name, path in asked.files if name in (None, service.name)]
    beyond = not all(_within(path, globs) for path in paths)  # a filter that names a path must not miss it
    return Watch(wanted - filtered, files, "socket" in kinds, globs=() if beyond else globs)


def _within(path: str, globs: Iterable[str]) -> bool:
    """Whether all that a filter's pattern means is among the files that some glob means; where in doubt, no."""
    return path in globs or (not set("*?") & set(path) and any(meets(path, glob) for glob in globs))


def _meant(name: str | None, spec: Spec) -> Iterable[Service]:
    if name is None:
        return spec.services.values()
    return [spec.services[name]] if name in spec.services else []


def calls_of(service: Service, keyword: str) -> frozenset[str]:
    """The system calls of a keyword; none where it names nothing here, which the call itself will refuse."""
    operation = service.ops.get(keyword)
    try:
        return frozenset().union(*(expand(each) for each in (operation.syscalls if operation else (keyword,))))
    except UnknownSyscall:
        return frozenset()


def _imports(spec: Spec, edges: Iterable[Edge]) -> tuple[str, ...]:
    """Clients of the protocols in the spec, for steps and for readiness, what proxies need, and sources."""
    spoken = {each.protocol for service in spec.services.values() for each in service.interfaces}
    checks = {each.healthcheck.kind for each in spec.services.values() if each.healthcheck is not None} & {
        "http",
        "tcp",
    }
    clients = (f"faultbox.protocols.{name}.client" for name in sorted(spoken | checks) if PROTOCOLS[name].methods)
    proxied = [f"faultbox.protocols.{name}.faults" for name in sorted({each.protocol for each in edges})]
    observed = {each.kind for service in spec.services.values() for each in service.observe}
    sources = [module for kind, module in _SOURCES.items() if kind in observed]
    return (*clients, *proxied, *(["faultbox.proxy"] if proxied else []), *sources)


def _lines(asked: Asked, spec: Spec) -> frozenset[str]:
    observing = {each.name for each in spec.services.values() if any(one.kind in LINES for one in each.observe)}
    if None in asked.lines:
        return frozenset(spec.services)
    return frozenset(observing | {each for each in asked.lines if each is not None and each in spec.services})
