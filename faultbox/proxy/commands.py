"""What a conversation asks of whoever holds its sockets. Each command speaks of one of the two sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from faultbox.model.message import MessageFired, Side


class Send(NamedTuple):
    """Write to the peer that is to hear what `side` says: bytes of requests go to the service."""

    side: Side
    data: bytes


class Finish(NamedTuple):
    """No more of `side` will be sent: end the stream to its hearer, once all before is written."""

    side: Side


class Close(NamedTuple):
    """End the connection both ways, once what was sent to the caller is written."""


class Reset(NamedTuple):
    """End the connection with RST to the caller; what is still unsent is thrown away."""


class Timer(NamedTuple):
    """Call `timer(side)` in `delay_ms`. A side has at most one; it need not be cancelled."""

    side: Side
    delay_ms: float


class StartTls(NamedTuple):
    """Both sides begin TLS now: what is received from here on is decrypted before it is shown."""


class Anew(NamedTuple):
    """Meet the service on a new connection, in plain, and tell it this before all that follows."""

    opening: bytes


class Again(NamedTuple):
    """Say this to the service on a connection of its own, and call `timer("response")` when it has answered: of the
    rule that `fired`. `ends`: nothing more is said on the first connection; the service may wait to hear just that."""

    data: bytes
    fired: MessageFired
    ends: bool = False


class Note(NamedTuple):
    """Something for the trace: fields of an event."""

    fields: Mapping[str, str]


Command = Send | Finish | Close | Reset | Timer | StartTls | Anew | Again | Note
