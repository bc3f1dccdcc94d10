"""What a conversation keeps of each side, and of each request that is to be answered."""

from __future__ import annotations

from faultbox.model.message import Message, Side
from faultbox.protocols.contract import Reply
from faultbox.proxy.commands import Again, Command
from faultbox.proxy.fates import PASSED, Fate
from faultbox.proxy.lane import Lane
from faultbox.proxy.rulebook import Attempt


class Exchange:
    """A request that is to be answered, in the order of requests: by the service, or by what stands here."""

    __slots__ = ("again", "answer", "began_ns", "discard", "fired", "replaced", "request", "wait_ms")

    def __init__(self, request: Message, *, wait_ms: float = 0, discard: bool = False) -> None:
        self.request = request
        self.answer: Reply | Command | None = None
        """A made-up answer, or how the connection ends here; None where the service answers."""
        self.replaced: Reply | None = None
        """What is said in place of the service's answer."""
        self.wait_ms = wait_ms
        self.discard = discard
        self.fired = False
        self.began_ns = 0
        self.again: Again | None = None
        """The service is to be asked the same again, before the last of its answer is passed on."""


PLAIN = Exchange(Attempt())
"""Every request that is passed on and answered with nothing done to either: they are all alike."""


class Stream:
    """One side of the conversation."""

    __slots__ = ("ahead", "ended", "fate", "kept", "lane", "side", "within")

    def __init__(self, side: Side) -> None:
        self.side: Side = side
        self.lane = Lane(side)
        self.fate: Fate = PASSED
        self.within = False
        """A message has begun and not ended."""
        self.kept = 0
        """Bytes that the dialogue has and has not given."""
        self.ahead = 0
        """Of those kept, the bytes that were sent on already, because no rule stood."""
        self.ended = False
