"""Whether a case can see the events that an assertion asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from faultbox import plan as planner
from faultbox.model.event import SourceLost
from faultbox.model.event_types import ASKED_FOR, LINES, OF_CASES, OF_PROXIES, TYPES, WATCHED
from faultbox.model.match import fits
from faultbox.model.observation import Watch
from faultbox.model.plan import Needs
from faultbox.model.spec import Spec
from faultbox.model.syscalls import every, known
from faultbox.model.topology import Service
from faultbox.observe.sources.registry import events_of

UNASKED = "no monitor is about them"
"""How a remark on lost events ends that decided nothing."""
_WATCHED = WATCHED | {"syscall"}
_NOT_EVERY = (
    "not every system call is observed in this case: name the one that is meant, as in "
    'syscall="fsync", or another type of event, as in type="stdout"'
)


def why_not_observable(filters: Mapping[str, str], needs: Needs, spec: Spec, where: object = None) -> str:
    """Why an event of this shape may be missing in the trace of a case with these needs; "" when none would be.

    `where` is a function that judges events besides; without it and filters all events are meant, of which the case's
    own functions choose. System calls are seen where the service's filter notifies them or
    the kernel's programs watch them. A decision other than `allow` is always seen, since whoever decides also reports
    it.
    """
    if not filters and where is None:
        return (
            f"the {needs.unlooped} that are looked for need BPF, and there is none: {needs.blind}"
            if needs.unlooped
            else ""
        )
    kind = filters.get("type", "")
    services = _services(filters.get("service", ""), spec)
    if kind in OF_PROXIES:
        met = {edge.service for edge in needs.edges}
        return "" if met & set(services) else f"no proxy stands before {' or '.join(services)} in this case"
    if kind in LINES:
        unread = [name for name in services if name not in needs.lines]
        return (
            f"the output of {unread[0]} is not observed in this case" if unread and len(unread) == len(services) else ""
        )
    if kind not in _WATCHED and kind and not set("*?") & set(kind):
        return _why_not_declared(kind, filters, [spec.services[name] for name in services])
    return why_not_all(planner.judged(filters, where), needs, spec)


def why_incomplete(lost: Iterable[SourceLost], types: Collection[str]) -> str:
    """Why events of these types may be missing though they were observed; "" where none can be."""
    found = dict.fromkeys(str(each) for each in lost if each.types is None or each.types & frozenset(types))
    return f"events were lost: {'; '.join(found)}" if found else ""


def why_not_all(asked: planner.Asked, needs: Needs, spec: Spec) -> str:
    """Why something that was asked for may be missing in the trace of a case with these needs; "" when nothing is."""
    unknown = (f"there are no events of type {each!r}{_instead(each, TYPES)}" for each in sorted(asked.unknown))
    misread = (
        f"events of type {each!r} have no field {name!r}{_instead(name, ASKED_FOR.get(each, ()))}"
        for each, name in sorted(asked.misread)
    )
    calls = (_why_no_calls(service, name, needs, spec) for service, name in sorted(asked.observed, key=str))
    others = (_why_not_watched(service, kind, needs) for service, kind in sorted(asked.watched, key=str))
    return next(filter(None, (*unknown, *misread, *calls, *others)), "")


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


def _why_no_calls(service: str | None, name: str, needs: Needs, spec: Spec) -> str:
    of = [
        spec.services[each] for each in ([service] if service is not None else needs.services) if each in spec.services
    ]
    if name == planner.ALL_CALLS:
        unseen = [each.name for each in of if not _seen(each.name, needs) >= every()]
        return _NOT_EVERY + (f" ({needs.blind})" if needs.blind else "") if unseen else ""
    if not any(planner.calls_of(each, name) for each in of):
        return f"there is no system call {name!r}{_instead(name, known())}"
    unseen = [each.name for each in of if not _seen(each.name, needs) >= planner.calls_of(each, name)]
    return f"{name} of {' and '.join(unseen)} is not observed in this case" if unseen else ""


def _instead(name: str, names: Iterable[str]) -> str:
    """What to say of a name that is none."""
    import difflib

    close = difflib.get_close_matches(name, sorted(names), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def _seen(service: str, needs: Needs) -> frozenset[str]:
    watch = needs.watched.get(service)
    return needs.observed.get(service, frozenset()) | (watch.calls if watch is not None else frozenset())


def _why_not_watched(service: str | None, kind: str, needs: Needs) -> str:
    if needs.blind:
        return f"{kind} events need BPF, and there is none: {needs.blind}"
    if kind == "process":
        return ""
    of = [service] if service is not None else list(needs.services)
    shown = {name for name in of if name in needs.watched and _shows(needs.watched[name], kind)}
    unseen = [name for name in of if name not in shown]
    return f"the {kind}s of {' and '.join(unseen)} are not observed in this case" if unseen else ""


def _shows(watch: Watch, kind: str) -> bool:
    return watch.files if kind == "file" else watch.sockets
