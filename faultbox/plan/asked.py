"""What the functions of a case may ask of its world, and what events of some shape need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from faultbox.model.event_types import LINES, WATCHED
from faultbox.model.fault import Assumption
from faultbox.model.topology import Endpoint

ALL_CALLS = "*"
"""Stands for every system call where some are meant and none is named."""


@dataclass
class Asked:
    """What bodies ask for. A service of None means all of them.

    `armed` are keywords of inline faults, `observed` system calls named by assertions and trace(),
    `assumptions` those armed by name, `anything` says that some fault could not be read at all; it may then be any
    of those that functions are `handed`, by the keywords of their calls.
    `lines` are services whose output may be looked at, `watched` those whose events of a type of WATCHED may be,
    `files` the paths by which filters name files of theirs.
    `messages` are interfaces (None: any) whose messages an inline
    fault may meet, each with the one caller that it is about ("" for all); `any_assumption` says that some assumption
    is armed which could not be read. `parted`: services may be partitioned.
    """

    armed: set[tuple[str | None, str]] = field(default_factory=set)
    observed: set[tuple[str | None, str]] = field(default_factory=set)
    assumptions: set[Assumption] = field(default_factory=set)
    anything: bool = False
    handed: set[str] = field(default_factory=set)
    lines: set[str | None] = field(default_factory=set)
    watched: set[tuple[str | None, str]] = field(default_factory=set)
    files: set[tuple[str | None, str]] = field(default_factory=set)
    messages: set[tuple[Endpoint | None, str]] = field(default_factory=set)
    any_assumption: bool = False
    parted: bool = False

    def look(self, service: str | None, filters: Mapping[str, object], *, proof: bool) -> None:
        """What events of these fields need. A `proof` needs all of them: that none is there must mean something."""
        kind, syscall, decision = (filters.get(each) for each in ("type", "syscall", "decision"))
        any_kind = not isinstance(kind, str) or "*" in kind
        if any_kind or kind in LINES:
            self.lines.add(service)
        met = isinstance(decision, str) and not decision.startswith(("allow", "trace", "*"))
        if isinstance(syscall, str) and not met:  # what a rule answers is an event without being asked for
            self.observed.add((service, ALL_CALLS if set("*?") & set(syscall) else syscall))
        elif proof and not met and (kind == "syscall" or (any_kind and decision is not None)):
            self.observed.add((service, ALL_CALLS))
        if any_kind and syscall is None and decision is None:
            self.watched.update((service, each) for each in watched_by(filters))
        elif kind in WATCHED:
            self.watched.add((service, str(kind)))
        if any_kind or kind == "file":
            paths = (filters[each] for each in ("path", "to") if each in filters)
            self.files.update((service, path if isinstance(path, str) else "*") for path in paths)


def watched_by(fields: Collection[str]) -> Iterator[str]:
    """The types of WATCHED that a filter may mean which names no type, but these fields."""
    if {"path", "to"} & set(fields):
        yield "file"
    if {"peer", "local", "caller", "callee"} & set(fields):
        yield "socket"
