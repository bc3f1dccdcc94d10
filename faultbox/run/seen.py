"""What the kernel saw of a case, as far as it belongs to its result."""

from __future__ import annotations

import dataclasses
import signal
from collections import Counter
from collections.abc import Iterable, Iterator

from faultbox.model.event import Event
from faultbox.model.observation import Observed

_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGSYS}
"""Signals that a process gets for its own errors, not because somebody wants it to end."""


def of_services(seen: Observed, services: Iterable[str]) -> Observed:
    """The totals without the calls and files of our own processes; connections of the driver stay.

    Of files only those that were written to, or may have been through a mapping: a program reads hundreds to start.
    """
    names = frozenset(services)
    return dataclasses.replace(
        seen,
        calls=tuple(each for each in seen.calls if each.service in names),
        files=tuple(
            each for each in seen.files if each.service in names and (each.writes or each.syncs or each.mappings)
        ),
    )


def crashes(events: Iterable[Event]) -> Iterator[str]:
    """Remarks on processes that crashed, or were killed for want of memory, though their service lived on."""
    mains: set[str] = set()
    commands: dict[str, str] = {}
    crashed: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        pid = event.fields.get("pid", "")
        if event.type == "service_started":
            mains.add(pid)
        elif event.type == "process" and event.fields["op"] == "exec":
            commands[pid] = event.fields["path"]
        elif event.type == "process" and (how := _crash(event)):
            crashed[event.service, pid, how] += 1
    told = Counter((service, commands.get(pid, ""), how) for service, pid, how in crashed if pid not in mains)
    for (service, command, how), times in told.items():
        what = f"a process of {service}{f' ({command})' if command else ''} {how}"
        yield f"{what}, {times} times" if times > 1 else what


def _crash(event: Event) -> str:
    if event.fields["op"] != "exit" or "signal" not in event.fields:
        return ""
    number = int(event.fields["signal"])
    if event.fields.get("oom") == "true":
        return "was killed because there was no memory left"
    return f"crashed: {signal.Signals(number).name}" if number in _CRASHES else ""
