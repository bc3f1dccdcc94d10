"""What a connection to PostgreSQL is in the middle of: what the service is still to answer, and the names it knows."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from faultbox.protocols.postgres.login import Login
from faultbox.protocols.postgres.messages import Portal, Request, Statement


class Kind(Enum):
    """What the service is to answer."""

    STARTUP = auto()
    QUERY = auto()
    FUNCTION = auto()
    EXECUTE = auto()
    """With the Bind and the Describe that were sent with it."""
    SYNCED = auto()
    """The same with the Sync after it: it is answered up to ReadyForQuery, as a QUERY is."""
    PARSE = auto()
    BIND = auto()
    DESCRIBE = auto()
    CLOSE = auto()
    SYNC = auto()
    COPIED = auto()
    """Nothing: here the caller has said that it has copied all its data in."""


SKIPPED = frozenset((Kind.EXECUTE, Kind.PARSE, Kind.BIND, Kind.DESCRIBE, Kind.CLOSE))
"""After a failure the service skips these, up to the next Sync."""


class Awaited:
    """Something that the service is still to answer. `request` where rules have met it."""

    __slots__ = ("again", "copies", "ends", "kind", "request", "statement")

    def __init__(self, kind: Kind, request: Request | None = None, statement: Statement | None = None) -> None:
        self.kind = kind
        self.request = request
        self.statement = statement
        """What a Describe asks about."""
        self.ends = b""
        """The letter of the frame that ends the answer to what was sent in the request's place."""
        self.again = False
        """It was answered once, and is to be answered once more (duplicate)."""
        self.copies = False
        """It copies the caller's data in."""


class Session:
    """Shared by the readers of both sides."""

    def __init__(self) -> None:
        self.pending: deque[Awaited] = deque()
        self.skipping = False
        """The service has failed, and skips what comes until the next Sync."""
        self.parameters: dict[str, str] = {}
        self.login = Login()
        self._statements: dict[bytes, Statement] = {}
        self._portals: dict[bytes, Portal] = {}

    def expect(self, kind: Kind, request: Request | None = None, statement: Statement | None = None) -> None:
        """Something was sent that will be answered."""
        entry = Awaited(kind, request, statement)
        if request is not None:
            request.entry = entry
        self.pending.append(entry)

    @property
    def between(self) -> bool:
        """No statement was sent since the last Sync."""
        for entry in reversed(self.pending):
            if entry.request is not None or entry.kind is Kind.SYNC:
                return entry.kind is not Kind.EXECUTE
        return not self.skipping

    @property
    def next(self) -> Awaited | None:
        """What is answered next."""
        pending = self.pending
        while pending and pending[0].kind is Kind.COPIED:
            pending.popleft()
        return pending[0] if pending else None

    def drop_skipped(self) -> list[Awaited]:
        """After a failure: what will not be answered any more."""
        dropped = []
        while (entry := self.next) is not None and entry.kind in SKIPPED:
            dropped.append(self.pending.popleft())
        if self.next is None:
            self.skipping = True
        return dropped

    def copied(self) -> None:
        """A COPY of the extended protocol is over: a Sync sent before the end of its data is not answered."""
        if any(entry.kind is Kind.COPIED for entry in self.pending):
            while self.pending.popleft().kind is not Kind.COPIED:
                pass

    # -- names

    def parsed(self, name: bytes, statement: Statement) -> None:
        self._statements[name] = statement

    def bound(self, name: bytes, statement: bytes, bind: bytes | None) -> Portal:
        portal = Portal(self.statement(statement), bind)
        self._portals[name] = portal
        return portal

    def closed(self, kind: bytes, name: bytes) -> None:
        if kind == b"S":
            self._statements.pop(name, None)
        else:
            self._portals.pop(name, None)

    def statement(self, name: bytes) -> Statement:
        """One that was never parsed here (by PREPARE, say) has no text."""
        return self._statements.get(name) or Statement(None)

    def portal(self, name: bytes) -> Portal:
        return self._portals.get(name) or Portal(Statement(None), None)
