"""What an event is to somebody who looks at a timeline: its kind, and the other end where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

KINDS: Final = ("other", "output", "call", "message", "step", "life", "scope", "fault", "bad")
"""Least telling first: where several fall on one point of a timeline, the last of them is drawn."""

_OTHER, _OUTPUT, _CALL, _MESSAGE, _STEP, _LIFE, _SCOPE, _FAULT, _BAD = range(len(KINDS))
_BY_TYPE: Final = {
    "stdout": _OUTPUT,
    "stderr": _OUTPUT,
    "tail": _OUTPUT,
    "syscall": _CALL,
    "file": _CALL,
    "process": _LIFE,
    "proxy": _MESSAGE,
    "proxy_opened": _MESSAGE,
    "socket": _MESSAGE,
    "step_send": _STEP,
    "step_recv": _STEP,
    "severed": _SCOPE,
}
_BY_BEGINNING: Final = {"service_": _LIFE, "fault_": _SCOPE, "partition_": _SCOPE}
_ARRIVING: Final = frozenset({"read", "accept"})
"""Families of system calls whose bytes or connections come from the peer."""


class Far(NamedTuple):
    """The other end of what an event tells: a service's name, or `driver`. `arriving`: it came from there."""

    name: str
    arriving: bool


class Link(NamedTuple):
    """A caller to an interface of a service."""

    caller: str
    service: str
    interface: str


def kind_of(kind: str, fields: Mapping[str, str]) -> int:
    """An index into KINDS."""
    if kind == "service_exited" and fields.get("expected") != "true":
        return _BAD
    if kind == "step_recv" and fields.get("ok") == "false":
        return _BAD
    if is_fault(kind, fields):
        return _FAULT
    found = _BY_TYPE.get(kind)
    if found is not None:
        return found
    return next((known for start, known in _BY_BEGINNING.items() if kind.startswith(start)), _OTHER)


def is_fault(kind: str, fields: Mapping[str, str]) -> bool:
    """Whether a rule fired on the call or the message."""
    if kind == "syscall":
        return fields.get("decision", "allow") != "allow"
    return kind == "proxy" and bool(fields.get("rule"))


def far_end(kind: str, service: str, fields: Mapping[str, str]) -> Far | None:
    """Where an arrow leads to or comes from; None where the event concerns one service alone."""
    if kind in {"step_send", "step_recv"}:
        name, arriving = _service(fields.get("target", "")), kind == "step_recv"
    elif kind in {"proxy", "proxy_opened"}:
        name, arriving = fields.get("caller", ""), fields.get("side") != "response"
    elif kind == "socket":
        arriving = fields.get("caller") != service
        name = fields.get("caller" if arriving else "callee", "")
    elif kind == "syscall":
        name, arriving = _service(fields.get("peer", "")), fields.get("family") in _ARRIVING
    elif kind.startswith("partition_"):
        name, arriving = fields.get("with", ""), False
    else:
        return None
    return Far(name, arriving) if name and name != service else None


def link_of(kind: str, service: str, fields: Mapping[str, str]) -> Link | None:
    """The edge that an event shows to be there: a message on it, or a connection that was tried."""
    if kind in {"proxy", "proxy_opened"}:
        return Link(fields.get("caller", ""), service, fields.get("interface", ""))
    if kind == "socket" and fields.get("caller") and fields.get("callee"):
        return Link(fields["caller"], fields["callee"], "")
    if kind == "syscall" and "connect" in {fields.get("family"), fields.get("syscall")}:
        peer = fields.get("peer", "")
        name = _service(peer)
        return Link(service, name, peer.rpartition(".")[2]) if name else None
    return None


def _service(endpoint: str) -> str:
    """`db` of `db.main`; nothing of an address."""
    name, dot, interface = endpoint.rpartition(".")
    return name if dot and not interface[:1].isdigit() and not set("/:") & set(endpoint) else ""
