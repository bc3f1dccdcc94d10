"""A caller's side: frames to statements."""

from __future__ import annotations

from faultbox.protocols.contract import Part
from faultbox.protocols.postgres.messages import Request, Statement, parameter_types
from faultbox.protocols.postgres.session import Kind, Session
from faultbox.protocols.postgres.wire import (
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    SSL_REQUEST,
    UNTAGGED,
    Piece,
    Requests,
    Responses,
    cstrings,
    startup_code,
    startup_parameters,
    text,
)

_HEAD = 5
"""Bytes of a frame before its body."""


class Asking:
    """Makes parts of what a caller sends.

    A Bind waits for its Execute, so that both are one message: nothing is lost by that, since the
    service need not answer before a Flush or a Sync. Where statements are wanted whole, an Execute waits for its Sync
    too: done twice with one Sync, both would be one transaction, and the second one's failure the end of the first.
    """

    def __init__(self, session: Session, responses: Responses) -> None:
        self.frames = Requests()
        self.hold = False
        """Statements are wanted whole."""
        self._session = session
        self._responses = responses
        self._held: list[bytes] = []
        self._portal = b""
        self._opening = b""
        self._executed: Part | None = None
        """An Execute that waits for its Sync."""
        self._parts: list[Part] = []
        self._handlers = {
            UNTAGGED: self._begin,
            ord("Q"): self._query,
            ord("P"): self._parse,
            ord("B"): self._bind,
            ord("D"): self._describe,
            ord("E"): self._execute,
            ord("C"): self._close,
            ord("S"): self._sync,
            ord("F"): self._function,
            ord("c"): self._copied,
            ord("f"): self._copied,
            ord("p"): self._password,
        }

    def feed(self, data: bytes) -> list[Part]:
        """What can go now."""
        self._parts = []
        for piece in self.frames.feed(data):
            if self._executed is not None and piece.tag != ord("S"):
                self._go(self._executed)
            handler = self._handlers.get(piece.tag) if piece.begins else None
            if handler is not None:
                handler(piece)
            else:
                self._pass(piece)
        if self.frames.broken:
            self._release()
        return self._parts

    def rest(self) -> bytes:
        """Give up what is held."""
        executed, self._executed = self._executed.raw if self._executed is not None else b"", None
        held, self._held = b"".join(self._held), []
        return executed + held + self.frames.rest()

    def _pass(self, piece: Piece) -> None:
        """It goes by unseen by rules."""
        if piece.begins or not piece.tag:
            self._release()
        self._parts.append(Part(piece.raw, last=piece.last))

    def _release(self) -> None:
        """What waits for an Execute goes by without one."""
        if not self._held:
            return
        for letter in self._opening:
            self._expect(Kind.BIND if letter == ord("B") else Kind.DESCRIBE)
        self._parts.append(Part(b"".join(self._held)))
        self._held = []

    def _expect(self, kind: Kind, statement: Statement | None = None) -> None:
        if not self._session.skipping:
            self._session.expect(kind, statement=statement)

    def _ask(self, piece: Piece, kind: Kind, request: Request, raw: bytes, payload: int = 0) -> None:
        if self._session.skipping:
            self._parts.append(Part(raw, last=piece.last))
            return
        self._session.expect(kind, request)
        self._parts.append(Part(raw, request, last=piece.last, payload=payload))

    # -- one a frame

    def _begin(self, piece: Piece) -> None:
        code = startup_code(piece.raw)
        if code == CANCEL_REQUEST:
            self._parts.append(Part(piece.raw, Request("CANCEL"), replies=False))
        elif code in (SSL_REQUEST, GSSENC_REQUEST):
            self._responses.bytes_due += 1
            self._parts.append(Part(piece.raw))
        else:
            self._session.parameters = startup_parameters(piece.raw)
            self._session.login.startup = piece.raw
            self._ask(piece, Kind.STARTUP, Request("CONNECT", parameters=self._session.parameters), piece.raw)

    def _password(self, piece: Piece) -> None:
        self._parts.append(Part(piece.raw, last=piece.last, anew=self._session.login.answered(piece.body)))

    def _query(self, piece: Piece) -> None:
        self._release()
        statement = Statement(text(piece.body.removesuffix(b"\0")) if piece.last else None)
        request = Request("QUERY", statement, parameters=self._session.parameters)
        self._ask(piece, Kind.QUERY, request, piece.raw, _HEAD)

    def _parse(self, piece: Piece) -> None:
        (name, words), at = cstrings(piece.body, 2)
        whole = piece.last
        statement = Statement(text(words) if whole else None, parameter_types(piece.body, at) if whole else ())
        self._session.parsed(name, statement)
        self._expect(Kind.PARSE, statement)
        self._pass(piece)

    def _bind(self, piece: Piece) -> None:
        self._release()
        (portal, statement), _ = cstrings(piece.body, 2)
        self._session.bound(portal, statement, piece.body if piece.last else None)
        if piece.last:
            self._held, self._portal, self._opening = [piece.raw], portal, b"B"
        else:
            self._expect(Kind.BIND)
            self._parts.append(Part(piece.raw, last=False))

    def _describe(self, piece: Piece) -> None:
        what, name = piece.body[:1], piece.body[1:].removesuffix(b"\0")
        if self._held and what == b"P" and name == self._portal:
            self._held.append(piece.raw)
            self._opening += b"D"
            return
        self._release()
        self._expect(Kind.DESCRIBE, self._session.statement(name) if what == b"S" else None)
        self._parts.append(Part(piece.raw, last=piece.last))

    def _execute(self, piece: Piece) -> None:
        (name,), _ = cstrings(piece.body, 1)
        if self._held and name != self._portal:
            self._release()
        opening = self._opening if self._held else b""
        portal = self._session.portal(name)
        request = Request("EXECUTE", portal.statement, portal, parameters=self._session.parameters, opening=opening)
        raw = b"".join((*self._held, piece.raw))
        self._held = []
        part = Part(raw, request, last=piece.last, payload=_HEAD if opening else 0)
        if self.hold and piece.last and self._session.between and request.command != "COPY":
            self._executed = part
        else:
            self._go(part)

    def _go(self, part: Part, kind: Kind = Kind.EXECUTE) -> None:
        """An Execute goes by, with its Sync where it is SYNCED."""
        self._executed = None
        request = part.message
        if self._session.skipping or not isinstance(request, Request):
            self._parts.append(Part(part.raw, last=part.last))
            return
        self._session.expect(kind, request)
        self._parts.append(part)

    def _close(self, piece: Piece) -> None:
        self._release()
        self._session.closed(piece.body[:1], piece.body[1:].removesuffix(b"\0"))
        self._expect(Kind.CLOSE)
        self._pass(piece)

    def _sync(self, piece: Piece) -> None:
        part = self._executed
        if part is not None and self._session.skipping:
            self._go(part)
        elif part is not None:
            self._go(Part(part.raw + piece.raw, part.message, payload=part.payload), Kind.SYNCED)
            return
        self._release()
        self._session.skipping = False
        self._session.expect(Kind.SYNC)
        self._pass(piece)

    def _function(self, piece: Piece) -> None:
        self._release()
        self._ask(piece, Kind.FUNCTION, Request("FUNCTION", parameters=self._session.parameters), piece.raw)

    def _copied(self, piece: Piece) -> None:
        self._release()
        self._session.expect(Kind.COPIED)
        self._pass(piece)
