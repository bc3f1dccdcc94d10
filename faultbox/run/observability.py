"""Whether a case can see the events that an assertion asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faultbox import plan as planner
from faultbox.model.event_types import LINES, OF_CASES, OF_PROXIES, WATCHED
from faultbox.model.match import fits
from faultbox.model.plan import Needs
from faultbox.model.spec import Spec
from faultbox.model.syscalls import UnknownSyscall, every, expand
from faultbox.model.topology import Service
from faultbox.observe.sources.registry import events_of

_NOT_EVERY = 'not every system call is observed in this case: name the one that is meant, as in syscall="fsync"'


def why_not_observable(filters: Mapping[str, str], needs: Needs, spec: Spec, where: object = None) -> str:
    """Why no event of this shape could reach the trace of a case with these needs; "" when it could.

    `where` is a function that judges events besides. System calls are seen where the service's filter notifies them or
    the kernel's programs watch them. A decision other than `allow` is always seen, since whoever decides also reports
    it.
    """
    kind = filters.get("type", "syscall" if "syscall" in filters or "decision" in filters else "")
    services = _services(filters.get("service", ""), spec)
    if kind == "syscall":
        return _why_no_calls(filters, services, needs)
    if kind in OF_PROXIES:
        met = {edge.service for edge in needs.edges}
        return "" if met & set(services) else f"no proxy stands before {' or '.join(services)} in this case"
    if kind in LINES:
        unread = [name for name in services if name not in needs.lines]
        return (
            f"the output of {unread[0]} is not observed in this case" if unread and len(unread) == len(services) else ""
        )
    if kind in WATCHED:
        return _why_not_watched(kind, services, needs)
    if kind and not set("*?") & set(kind):
        return _why_not_declared(kind, filters, [spec.services[name] for name in services])
    return _why_not_any(filters, services, needs) or _why_not_judged(where, needs)


def _why_not_declared(kind: str, filters: Mapping[str, str], services: Sequence[Service]) -> str:
    """Of types that services' observe= gives; of tails and probes, whether it is one of those that there are."""
    if kind not in OF_CASES.union(*(events_of(each) for each in services)):
        return f"nothing in this case gives events of type {kind!r}"
    observed = [each for service in services for each in service.observe]
    if kind == "tail":
        field, known = "path", [path for each in observed if each.kind == "tail" for path in each.paths]
    elif kind == "probe":
        field, known = "name", [each.probe.name for each in observed if each.probe is not None]
    else:
        return ""
    wanted = filters.get(field, "*")
    if any(fits(each, wanted) or fits(wanted, each) for each in known):
        return ""
    return f"no {kind} of this case has the {field} {wanted!r}, only {', '.join(known)}"


def _services(pattern: str, spec: Spec) -> list[str]:
    return [pattern] if pattern in spec.services else list(spec.services)


def _why_no_calls(filters: Mapping[str, str], services: list[str], needs: Needs) -> str:
    decision = filters.get("decision", "*")
    if not decision.startswith(("allow", "trace", "*")):
        return ""
    seen = [_seen(service, needs) for service in services]
    wanted = _expanded(filters.get("syscall", ""))
    if any(wanted & each for each in seen) if wanted else all(each >= every() for each in seen):
        return ""
    if not wanted and any(seen):
        return _NOT_EVERY + (f" ({needs.blind})" if needs.blind else "")
    named = filters.get("syscall", "system calls")
    return f"{named} of {' or '.join(services)} are not observed in this case"


def _seen(service: str, needs: Needs) -> frozenset[str]:
    watch = needs.watched.get(service)
    return needs.filters.get(service, frozenset()) | (watch.calls if watch is not None else frozenset())


def _expanded(name: str) -> frozenset[str]:
    """The calls that a filter names; none where it may mean any."""
    try:
        return expand(name)
    except UnknownSyscall:
        return frozenset()


def _why_not_watched(kind: str, services: list[str], needs: Needs) -> str:
    if needs.blind:
        return f"{kind} events need BPF, and there is none: {needs.blind}"
    if kind == "process":
        return ""
    watches = [needs.watched[name] for name in services if name in needs.watched]
    shown = any(each.files if kind == "file" else each.sockets for each in watches)
    return "" if shown else f"the {kind}s of {' or '.join(services)} are not observed in this case"


def _why_not_any(filters: Mapping[str, str], services: list[str], needs: Needs) -> str:
    """As for a filter that names no type; what it may mean its fields tell."""
    if filters.keys() <= {"service", "type"}:
        return ""
    return next(filter(None, (_why_not_watched(kind, services, needs) for kind in planner.watched_by(filters))), "")


def _why_not_judged(where: object, needs: Needs) -> str:
    """As for a function: what it may mean its text tells."""
    if where is None:
        return ""
    asked = planner.judged(where)
    if needs.blind and any(name == planner.ALL_CALLS for _, name in asked.observed):
        return f"{_NOT_EVERY} ({needs.blind})"
    kinds = sorted({kind for _, kind in asked.watched})
    return next(filter(None, (_why_not_watched(kind, list(needs.services), needs) for kind in kinds)), "")
