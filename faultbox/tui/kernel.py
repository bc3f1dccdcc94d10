"""What the kernel counted of a case, and the files that it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from faultbox.model.observation import Observed
from faultbox.tui import words

_MOST = 12
"""System calls of a service that are shown, the most frequent first."""
_FILES = 40
"""Files that are shown: a database writes to hundreds."""


def observed(seen: Observed | None, changed: Iterable[Mapping[str, Any]]) -> Text:
    text = Text()
    if seen is None:
        text.append("\nnothing yet; or no BPF on that host\n", "dim")
    else:
        _connections(text, seen)
        _calls(text, seen)
        _files(text, seen)
        if seen.lost:
            text.append(
                f"\nlost: {', '.join(f'{count} {words.plain(kind)}' for kind, count in seen.lost.items())}\n",
                "bold red",
            )
    names = [str(each.get("path", "")) for each in changed]
    if names:
        text.append("\nfiles that the case left changed\n", "bold")
        text.append("".join(f"  {words.plain(name)}\n" for name in names))
    return text


def _connections(text: Text, seen: Observed) -> None:
    if seen.connections:
        text.append("\nconnections\n", "bold")
    for each in seen.connections:
        callee = words.plain(f"{each.callee or 'nobody'}:{each.port}")
        text.append(
            f"  {words.plain(each.caller):>12} → {callee:<22} {each.opened:>5} opened {each.refused:>4} refused"
            f" {each.reset:>4} reset {words.size(each.bytes_sent):>6} out {words.size(each.bytes_received):>6} in\n"
        )


def _calls(text: Text, seen: Observed) -> None:
    for service in dict.fromkeys(each.service for each in seen.calls):
        calls = sorted((each for each in seen.calls if each.service == service), key=lambda each: -each.calls)
        text.append(f"\nsystem calls of {words.plain(service)}\n", "bold")
        for each in calls[:_MOST]:
            mean = words.duration(each.total_ns / max(each.calls, 1) / 1e6)
            errors = f", {each.errors} failed" if each.errors else ""
            text.append(f"  {words.plain(each.syscall):<18} {each.calls:>8}  {mean:>6} each{errors}\n")
        if len(calls) > _MOST:
            text.append(f"  and {len(calls) - _MOST} others\n", "dim")


def _files(text: Text, seen: Observed) -> None:
    if seen.files:
        text.append("\nfiles written\n", "bold")
    for each in seen.files[:_FILES]:
        done = f"{each.writes} writes, {words.size(each.bytes_written)}, {each.syncs} syncs"
        text.append(f"  {words.plain(each.service):>12} {words.plain(each.path)}  {done}\n")
    if len(seen.files) > _FILES:
        text.append(f"  and {len(seen.files) - _FILES} others\n", "dim")
