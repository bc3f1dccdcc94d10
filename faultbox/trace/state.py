"""What a process may be working for: what came in its burst, and the requests that it has."""

from __future__ import annotations

from dataclasses import dataclass, field

from faultbox.trace.activity import Burst
from faultbox.trace.streams import Turn
from faultbox.trace.suspects import UNSEEN, Suspect

_MOST = 256
"""Requests at a time in one process, beyond which nothing is known of what it does."""
_HANDED_NS = 1_000_000
"""How long a thread may take to wake up for work that was handed to it."""


@dataclass(eq=False, slots=True)
class State:
    """Of a process: its burst, what has come in it, and the requests it has; of each the number of answers awaited."""

    burst: Burst | None = None
    suspects: set[Suspect] = field(default_factory=set)
    before: frozenset[Suspect] = frozenset()
    open: dict[Turn, int] = field(default_factory=dict)
    timer_ns: int = 0

    def enter(self, burst: Burst | None) -> None:
        """Begin a burst, unless this is the one that goes on."""
        if burst is self.burst or burst is None:
            return
        if self.burst is not None:
            close = burst.began_ns - self.burst.ended_ns < _HANDED_NS
            self.before = frozenset(self.suspects) if close else frozenset()
        self.burst, self.timer_ns = burst, 0
        self.suspects = set() if all(look.accounted for look in burst.looks[:1]) else {UNSEEN}

    def queued(self) -> frozenset[Suspect]:
        """The requests that wait for nothing we can see: any thread may take them up."""
        return frozenset(turn for turn, awaited in self.open.items() if not awaited)

    def now(self, time_ns: int) -> frozenset[Suspect]:
        """What may be behind something that the process does now."""
        if len(self.open) > _MOST:
            return frozenset((UNSEEN,))
        found = {*(self.suspects or self.before), *self.queued()}
        if not found or (self.timer_ns and time_ns >= self.timer_ns):
            found.add(UNSEEN)
        return frozenset(found)
