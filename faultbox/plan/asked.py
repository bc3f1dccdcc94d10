"""What the functions of a case may ask of its world, and what events of some shape need."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from faultbox.model.event_types import LINES, TYPES
from faultbox.model.fault import Assumption
from faultbox.model.topology import Endpoint
from faultbox.plan.judges import meant_by, meant_in
from faultbox.plan.meant import ANYTHING, Meant, by_filters
from faultbox.plan.texts import Tells, Text, tells

ALL_CALLS = "*"
"""Stands for every system call where some are meant and none is named."""
About = Sequence[tuple[Mapping[str, object], Sequence[Text]]]
"""Filters of which one must fit, each with functions that must choose besides."""


@dataclass
class Asked:
    """What bodies ask for. A service of None means all of them.

    `armed` are keywords of inline faults, `observed` system calls named by assertions and trace(),
    `assumptions` those armed by name, `anything` says that some fault could not be read at all; it may then be any
    of those that functions are `handed`, by the keywords of their calls.
    `lines` are services whose output may be looked at, `watched` those whose events of a type that only the kernel's
    programs give may be, `files` the paths by which filters name files of theirs.
    `messages` are interfaces (None: any) whose messages an inline
    fault may meet, each with the one caller that it is about ("" for all); `any_assumption` says that some assumption
    is armed which could not be read. `parted`: services may be partitioned. `looped`: the types of events, of those
    that must be asked for, that loops over all events() are about, but for calls that are named or met by rules.
    `types`: of all events that are judged, but for those of calls that rules met: whoever decides tells them himself;
    `unknown` are those that there are none of, `misread` those of which a field is looked at that they don't have.
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
    looped: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    misread: set[tuple[str, str]] = field(default_factory=set)

    def judge(self, about: About, judges: Sequence[Text] = (), among: Meant = ANYTHING) -> None:
        """What must be shown so that silence means something: events that are meant by shape or choice, of those
        `among` which they are, and where that names no type of them, those which the `judges` mean."""
        chosen = [each for _, several in about for each in several]
        told = tells([*chosen, *judges])
        for filters, several in about:
            meant = among.such(by_filters(filters))
            self._look_at_lines(filters, meant)
            for some in meant_by(several[0], meant) if several else (meant,):
                if some.told or not judges:
                    self._want(some, told, _paths(filters))
                else:
                    for each in (found for judge in judges for found in meant_by(judge, some)):
                        self._want(each, told)

    def scan(self, text: Text, loop: ast.For | ast.comprehension | None = None) -> None:
        """What a text needs that goes through all events: one that is in a known loop, or by any way."""
        self.lines.add(None)
        told = tells([text])
        for meant in (ANYTHING,) if loop is None else meant_in(loop, text.values):
            self._want(meant, told)
            shown = {"syscall"} if meant.met or meant.calls is not None else set()
            self.looped |= meant.kinds(told) - shown

    def want(self, told: Tells) -> None:
        """What events need of which only this is told."""
        self.lines.add(None)
        self._want(ANYTHING, told)

    def _look_at_lines(self, filters: Mapping[str, object], meant: Meant) -> None:
        kind = filters.get("type")
        if not isinstance(kind, str) or kind in LINES or "*" in kind:
            self.lines.add(meant.service)

    def _want(self, meant: Meant, told: Tells, paths: Collection[str] = ()) -> None:
        self.unknown |= meant.types - TYPES
        if meant.misread:
            self.misread.update((each, meant.misread) for each in meant.types & TYPES)
        self.types |= meant.types - ({"syscall"} if meant.met else set())
        kinds = meant.kinds(told)
        if "syscall" in kinds and not meant.met:  # what a rule answers is an event without being asked for
            calls = (ALL_CALLS,) if meant.calls is None else meant.calls
            self.observed.update((meant.service, each) for each in calls)
        self.watched.update((meant.service, each) for each in kinds - {"syscall"})
        if "file" in kinds:
            named = paths or (["*"] if {"path", "to"} & told.fields else [])
            self.files.update((meant.service, each) for each in named)


def _paths(filters: Mapping[str, object]) -> list[str]:
    """The paths that a filter names; one that only the run will tell may be any."""
    named = (filters[each] for each in ("path", "to") if each in filters)
    return [path if isinstance(path, str) else "*" for path in named]
