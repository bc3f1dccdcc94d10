"""What a connection to Redis is in the middle of: it decides which reply belongs to which command."""

from __future__ import annotations

import re
from typing import Final

from faultbox.protocols.redis.commands import DELIVERIES, STREAMS, SUBSCRIBES, UNQUEUED, UNSUBSCRIBES
from faultbox.protocols.redis.messages import Request, Transaction, words_of
from faultbox.protocols.redis.wire import Piece

_PUBSUB = SUBSCRIBES | UNSUBSCRIBES
_SPECIAL: Final = _PUBSUB | STREAMS | UNQUEUED | {b"HELLO", b"CLIENT", b"MONITOR"}
_FAMILY = {name.lower(): name.lower().replace(b"un", b"", 1) for name in _PUBSUB}
"""The kind of a confirmation, and what it subscribes to or not: channels, patterns or shard channels."""
_MONITORED = re.compile(rb"\+[0-9]+\.[0-9]+ \[")
"""A line of MONITOR's stream: the time, then database and address in brackets."""


def special(name: bytes) -> bytes:
    """A command's name in capitals where it changes how the connection is to be read, else nothing."""
    name = name.upper()
    return name if name in _SPECIAL else b""


class Session:
    """Follows commands as they are sent and replies as they come."""

    def __init__(self) -> None:
        self.protocol = 2
        self.replicates = False
        """From here on the connection carries a replication stream."""
        self.pubsub = False
        """It has to do with publishing and subscribing: arrays may be no replies."""
        self._replies_next = True
        self._replies = True
        self._monitors = False
        self._transaction: Transaction | None = None
        self._subscribed: dict[bytes, set[bytes]] = {family: set() for family in _FAMILY.values()}
        self._confirmations = 0
        """Still to come for the subscription command that is being answered."""

    @property
    def unusual(self) -> bool:
        """Commands and replies may not come one for one, each for itself."""
        return (
            self.pubsub
            or self.replicates
            or self._monitors
            or self._transaction is not None
            or not (self._replies and self._replies_next)
        )

    def ask(self, piece: Piece) -> tuple[Request, bool]:
        """The command that a piece begins, as a message, and whether it will be answered."""
        request = Request(piece, special=special(piece.name), protocol=self.protocol, transaction=self._transaction)
        replies = self._replies and self._replies_next
        self._replies_next = True
        if request.special and not request.queued:
            replies = self._ask_special(request, replies=replies)
        return request, replies

    def answer(self, raw: bytes, asked: Request | None, *, whole: bool) -> tuple[Request | None, bool]:
        """Which command a reply belongs to (None: it was not asked for), and whether it is answered with that.

        `asked` is the oldest command that has no answer yet.
        """
        first = raw[:1]
        if first == b">" or (self.pubsub and first == b"*"):
            words = words_of(raw) if whole else ()
            kind = words[0] if words else b""
            if asked is not None and kind in _FAMILY and kind.upper() == asked.special:
                return asked, self._confirm(kind, words[1:2], asked)
            if first == b">" or kind in _FAMILY or (kind in DELIVERIES and any(self._subscribed.values())):
                return None, False
        elif self._monitors and _MONITORED.match(raw):
            return None, False
        if asked is not None and asked.special:
            self._answer_special(raw, asked)
        return asked, asked is not None

    def refuse(self, request: Request) -> None:
        """A command was answered by a rule: the service does not know of it."""
        if request.special == b"MULTI" and self._transaction is not None and request.transaction is None:
            self._transaction.refused = True
        elif request.special == b"HELLO":
            self.protocol = request.protocol

    def _ask_special(self, request: Request, *, replies: bool) -> bool:
        name = request.special
        if name in _PUBSUB:
            self.pubsub = True
        elif name in STREAMS:
            self.replicates = True
        elif name == b"MULTI":
            self._transaction = self._transaction if request.in_transaction else Transaction()
        elif name in (b"EXEC", b"DISCARD"):
            self._transaction = None
        elif name == b"HELLO" and request.arguments[1:2] in ((b"2",), (b"3",)):
            self.protocol = int(request.arguments[1])
        elif name == b"RESET":
            self._transaction, self.protocol = None, 2
            self._replies = replies = True
        elif name == b"CLIENT" and request.total > 2 and request.arguments[1].upper() == b"REPLY":
            replies = self._set_replies(request.arguments[2].upper(), replies=replies)
        return replies

    def _set_replies(self, mode: bytes, *, replies: bool) -> bool:
        """CLIENT REPLY ON is answered, OFF and SKIP are not."""
        if mode == b"ON":
            self._replies = True
        elif mode == b"OFF":
            self._replies = False
        elif mode == b"SKIP":
            self._replies_next = False
        else:
            return replies
        return mode == b"ON"

    def _answer_special(self, raw: bytes, asked: Request) -> None:
        failed = raw[:1] == b"-"
        if asked.special == b"HELLO" and failed:
            self.protocol = asked.protocol
        elif asked.special == b"MONITOR" and not failed:
            self._monitors = True
        elif asked.special == b"RESET" and not failed:
            self._monitors = False
            for channels in self._subscribed.values():
                channels.clear()

    def _confirm(self, kind: bytes, channel: tuple[bytes, ...], asked: Request) -> bool:
        """One comes for each channel; for an UNSUBSCRIBE of everything, for each there is, but at least one."""
        channels = self._subscribed[_FAMILY[kind]]
        if not self._confirmations:
            self._confirmations = asked.total - 1 or max(1, len(channels))
        self._confirmations -= 1
        if kind.upper() in SUBSCRIBES:
            channels.update(channel)
        else:
            channels.difference_update(channel)
        return not self._confirmations
