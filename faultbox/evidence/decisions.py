"""What rules decided, call by call, in a form in which two runs can be compared.

Two calls are the same when nothing that a spec could name tells them apart: the service, the
call, and the file or peer it is about. Their order among different identities is the
scheduler's; the order within one identity is what a seed decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Identity = tuple[str, str, str, str]
"""Service, call, what it is about, and the rule that decided."""

_ACCIDENTAL = re.compile(r"(?<=:\[)\d+(?=\])|(?<=/proc/)\d+")
"""Inode numbers of sockets and pipes, and pids: they differ in every run."""


def is_decision(event: Mapping[str, Any]) -> bool:
    """Whether a rule decided the call that an event of events.jsonl tells of."""
    fields = event.get("fields")
    return event.get("type") == "syscall" and isinstance(fields, Mapping) and fields.get("decision", "allow") != "allow"


def by_identity(events: Iterable[Mapping[str, Any]]) -> dict[Identity, tuple[str, ...]]:
    """The decisions per call identity, each in order: `deny(EIO)`, `delay(2s)`."""
    taken: dict[Identity, list[str]] = {}
    for event in events:
        if is_decision(event):
            fields = event["fields"]
            about = _ACCIDENTAL.sub("_", str(fields.get("path") or fields.get("peer") or fields.get("kind") or ""))
            identity = (str(event.get("service")), str(fields.get("syscall")), about, str(fields.get("rule", "")))
            taken.setdefault(identity, []).append(str(fields["decision"]))
    return {identity: tuple(decisions) for identity, decisions in taken.items()}
