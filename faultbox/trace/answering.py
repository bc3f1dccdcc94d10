"""What set a service going to give an answer: the question alone, or something else as well.

A question may lie with a service until another one comes (a queue's consumer, a subscriber, who polls for long). What
goes on at its asker then is for that other one, unless the asker still waits for just this answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from faultbox.trace.activity import Burst
from faultbox.trace.streams import Turn
from faultbox.trace.suspects import UNSEEN, Suspect

_MOST = 16
"""Things that may be behind an answer, beyond which nothing is known of it."""


class SetGoing:
    """Of every turn: in which burst of the service it came, and what else its answers may go back to."""

    def __init__(self) -> None:
        self._came_in: dict[Turn, Burst | None] = {}
        self._answered_in: dict[Turn, Burst | None] = {}
        self._others: dict[Turn, frozenset[Suspect]] = {}
        """Where the question had nothing to do with its being answered."""
        self._doubtful: dict[Turn, frozenset[Suspect]] = {}
        """Where something else may have had to do with it."""

    def asked(self, turn: Turn, burst: Burst | None) -> None:
        self._came_in.setdefault(turn, burst)

    def answered(self, turn: Turn, came: frozenset[Suspect], burst: Burst | None) -> None:
        """A part of the answer was given in a burst in which `came` had come."""
        self._answered_in[turn] = burst
        if turn not in came:
            self._others[turn] = self._others.get(turn, frozenset()) | came
        elif len(came) > 1 or self._came_in.get(turn) is not burst:
            self._doubtful[turn] = self._doubtful.get(turn, frozenset()) | came - {turn} | {UNSEEN}

    def answered_in(self, turn: Turn, burst: Burst | None) -> bool:
        """Whether the last part of the answer so far was given in this burst."""
        return self._answered_in.get(turn) is burst

    def passed_on(self, turn: Turn, asked: Iterable[Suspect]) -> None:
        """A proxy passes the answer on to `asked`."""
        for each in asked:
            if isinstance(each, Turn):
                for known in (self._others, self._doubtful):
                    if turn in known:
                        known[each] = known.get(each, frozenset()) | known[turn]

    def behind(self, turn: Turn, asked: Iterable[Suspect], *, strict: bool) -> set[Suspect]:
        """What may be behind that which the asker does once it is answered; `strict`: by doubtful answers as well."""
        found = {*asked, *self._others.get(turn, ())}
        if strict:
            found |= self._doubtful.get(turn, frozenset())
        return found if len(found) <= _MOST else {UNSEEN}
