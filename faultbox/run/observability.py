"""Whether a case can see the events that an assertion asks for."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.plan import Needs
from faultbox.model.spec import Spec
from faultbox.model.syscalls import UnknownSyscall, expand

ALWAYS = frozenset(
    {
        "step_send", "step_recv", "service_started", "service_ready", "service_exited", "service_detached",
        "service_restarted", "fault_applied", "fault_removed", "severed", "partition_applied", "partition_removed",
        "print",
    }
)  # fmt: skip
LINES = frozenset({"stdout", "stderr"})


def why_not_observable(filters: Mapping[str, str], needs: Needs, spec: Spec) -> str:
    """Why no event of this shape could reach the trace of a case with these needs; "" when it could.

    System calls are seen where the service's filter notifies them. A decision other than
    `allow` is always seen, since whoever decides also reports it.
    """
    kind = filters.get("type", "syscall" if "syscall" in filters or "decision" in filters else "")
    services = _services(filters.get("service", ""), spec)
    if kind == "syscall":
        return _why_no_calls(filters, services, needs)
    if kind == "proxy":
        met = {edge.service for edge in needs.edges}
        return "" if met & set(services) else f"no proxy stands before {' or '.join(services)} in this case"
    if kind in LINES:
        unread = [name for name in services if name not in needs.lines]
        return (
            f"the output of {unread[0]} is not observed in this case" if unread and len(unread) == len(services) else ""
        )
    if kind and kind not in ALWAYS and not set("*?") & set(kind):
        return f"nothing in this version gives events of type {kind!r}"
    return ""


def _services(pattern: str, spec: Spec) -> list[str]:
    return [pattern] if pattern in spec.services else list(spec.services)


def _why_no_calls(filters: Mapping[str, str], services: list[str], needs: Needs) -> str:
    decision = filters.get("decision", "*")
    if not decision.startswith(("allow", "trace", "*")):
        return ""
    try:
        wanted = expand(filters["syscall"]) if "syscall" in filters else None
    except UnknownSyscall:
        wanted = None
    seen = [needs.filters.get(service, frozenset()) for service in services]
    if wanted is None and any(seen):
        return 'not every system call is observed in this case: name the one that is meant, as in syscall="fsync"'
    if wanted is not None and any(wanted & each for each in seen):
        return ""
    named = filters.get("syscall", "system calls")
    return f"{named} of {' or '.join(services)} are not observed in this case"
