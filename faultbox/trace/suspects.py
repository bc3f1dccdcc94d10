"""What something may have been done for."""

from __future__ import annotations

from dataclasses import dataclass

from faultbox.model.event import Event
from faultbox.trace.streams import End, Turn


@dataclass(eq=False, slots=True)
class Step:
    """One operation of the driver, between its two events."""

    sent: Event
    received: Event | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Whatever asked, in all its life, on a connection whose turns can't be told apart."""

    turn: Turn


class Unseen:
    """Something that no flow shows: a timer, a signal, a datagram."""


UNSEEN = Unseen()
Suspect = Turn | Step | Answers | End | Unseen
"""What something may have been done for. An End stands for a new connection on which nothing has been asked yet."""
