"""Events on their way from a supervisor to the log."""

from __future__ import annotations

import errno
import time

from faultbox.link import Link
from faultbox.model.fault import ActionKind, Decision
from faultbox.model.syscalls import family_of
from faultbox.syscalls.call import Syscall

_MOST = 64
_PATIENCE_NS = 5_000_000

Record = tuple[int, dict[str, str]]
"""Time in ns of CLOCK_MONOTONIC, and the fields of the event."""


class Outbox:
    """Records in batches: sent when 64 wait, or the oldest has waited 5 ms, or the log asks."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.records: list[Record] = []
        self._late_ns = 0

    def add(self, fields: dict[str, str]) -> None:
        now = time.monotonic_ns()
        if not self.records:
            self._late_ns = now + _PATIENCE_NS
        self.records.append((now, fields))
        if len(self.records) >= _MOST:
            self.flush()

    def patience_s(self) -> float:
        """How long the oldest record may still wait."""
        return max(0.0, (self._late_ns - time.monotonic_ns()) / 1e9)

    def flush_if_late(self) -> None:
        if time.monotonic_ns() >= self._late_ns:
            self.flush()

    def flush(self) -> None:
        """Raises BrokenPipeError or ConnectionResetError when the log is gone."""
        if self.records:
            records, self.records = self.records, []
            self._link.send("events", records)


def describe(call: Syscall, decision: Decision) -> dict[str, str]:
    """The fields of the event that a decision makes. What the call does not have is left out."""
    fields = {
        "syscall": call.name,
        "family": family_of(call.name),
        "pid": str(call.tid),
        "path": call.path,
        "fd": "" if call.fd is None else str(call.fd),
        "kind": call.kind or "",
        "peer": call.leads_to.text,
        "size": "" if call.size is None else str(call.size),
        "decision": _decision(decision),
        "errno": errno.errorcode.get(decision.errno, "") if decision.errno else "",
        "delay_ms": f"{decision.delay_ms:g}" if decision.delay_ms else "",
    }
    if decision.fired:
        rule = decision.fired[-1].rule
        fields["rule"] = rule.id
        fields["label"] = rule.fault.label
        fields["op"] = rule.keyword
    return {name: value for name, value in fields.items() if value}


def _decision(decision: Decision) -> str:
    """The answer if there is one that shows, else the delay: `deny(EIO)`, `delay(2s)`, `allow`."""
    if decision.errno:
        return f"deny({errno.errorcode.get(decision.errno, decision.errno)})"
    delayed = any(each.rule.fault.action.kind is ActionKind.DELAY for each in decision.fired)
    return f"delay({_duration(decision.delay_ms)})" if delayed else "allow"


def _duration(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g}s" if milliseconds and milliseconds % 1000 == 0 else f"{milliseconds:g}ms"
