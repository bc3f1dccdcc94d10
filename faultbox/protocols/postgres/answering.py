"""A service's side: frames to the answers of statements."""

from __future__ import annotations

from collections import deque

from faultbox.model.message import Message
from faultbox.protocols.contract import HOLD_LIMIT, Part
from faultbox.protocols.postgres.login import UNBOUND
from faultbox.protocols.postgres.messages import Request, Response, parameter_types
from faultbox.protocols.postgres.session import SKIPPED, Awaited, Kind, Session
from faultbox.protocols.postgres.wire import (
    UNTAGGED,
    Piece,
    Responses,
    error_fields,
    text,
)

_ANYTIME = frozenset(b"NAS")
"""Notices, notifications and changed parameters are no answers."""
_READY = b"Z\0\0\0\5"
_ROW, _DONE, _COLUMNS = b"DCT"
_ORDINARY = frozenset(b"TDCNS2n")
_ALONE = ([Kind.QUERY], [Kind.SYNCED], [Kind.EXECUTE, Kind.SYNC])
_NO_TAG = {ord("I"): "EMPTY", ord("s"): "SUSPENDED"}
"""What was done where CommandComplete does not say it: nothing, or rows are left for the next Execute."""
_ENDS = {
    Kind.PARSE: frozenset(b"1"),
    Kind.BIND: frozenset(b"2"),
    Kind.CLOSE: frozenset(b"3"),
    Kind.DESCRIBE: frozenset(b"Tn"),
    Kind.EXECUTE: frozenset(b"CIs"),
}
"""The letters that end an answer which ReadyForQuery does not end."""


class Answering:
    """Makes parts of what a service sends.

    The answer to a statement is one message. It ends with ReadyForQuery where that is what the service says
    next, so that nothing made up can come between the two.
    """

    def __init__(self, session: Session, waiting: deque[Message]) -> None:
        self.frames = Responses()
        self.opaque = ""
        """Why nothing more can be understood of the connection."""
        self.distortion = ""
        """What has gone wrong because of us."""
        self.hold = False
        """Answers are wanted to their end."""
        self._session = session
        self._waiting = waiting
        self._raws: list[bytes] = []
        """Of the message that is under way, or of none: what is not in a part yet."""
        self._size = 0
        self._answer: Response | None = None
        """Under way."""
        self._told = False
        """Its first part was given."""
        self._asks = False
        """The caller must hear of it, or the rest will never come: a password or data is wanted."""
        self._skips = 0
        self._within = False
        """A frame of no message is under way."""
        self._payload = 0
        self._tls = False
        """Once this was said, TLS begins."""
        self._edited = 0
        """By how many bytes what has been gathered is shorter than what the service has sent."""
        self._parts: list[Part] = []

    def feed(self, data: bytes) -> list[Part]:
        """What can go now."""
        if data[-6:-1] == _READY and self.frames.between and self._answer is None and not self._raws:
            part = self._at_once(data)
            if part is not None:
                return [part]
        self._parts = []
        for piece in self.frames.feed(data):
            if self.opaque or not piece.begins:
                self._append(piece)
            elif piece.tag == UNTAGGED:
                self._encryption(piece)
            else:
                self._frame(piece)
            if self._answer is None:
                self._within = not piece.last
        self.opaque = self.opaque or self.frames.broken
        held = self.hold and not (self._asks or self._told or self.opaque or self._size > HOLD_LIMIT)
        if self._answer is None or not held:
            self._give(last=bool(self.opaque) or (self._answer is None and not self._within))
        return self._parts

    def rest(self) -> bytes:
        """Give up what is held."""
        held, self._raws = b"".join(self._raws), []
        return held + self.frames.rest()

    def _at_once(self, data: bytes) -> Part | None:
        """The ordinary case, made short: all that is awaited is one statement's success, and it is all there."""
        request = self._only_one()
        if request is None:
            return None
        at, rows, done, end = 0, 0, 0, len(data) - len(_READY) - 1
        while at < end:
            tag, start = data[at], at
            at += 1 + int.from_bytes(data[at + 1 : at + 5])
            if tag not in _ORDINARY:
                return None
            if tag == _ROW:
                rows = rows or start + 5
            elif tag == _DONE:
                done = start + 5
            elif tag == _COLUMNS and request.portal is not None:
                request.portal.statement.description = data[start:at]
        if at != end or not done:
            return None
        answer = Response(request)
        answer.status = text(data[done : end - 1])
        self._session.pending.clear()
        self._waiting.clear()
        return Part(data, answer, payload=rows)

    def _only_one(self) -> Request | None:
        """The only statement that is awaited, if nothing special is."""
        pending, waiting = self._session.pending, self._waiting
        entry = pending[0] if pending else None
        if entry is None or entry.request is None or entry.again or entry.ends:
            return None
        alone = len(waiting) == 1 and waiting[0] is entry.request
        return entry.request if alone and [each.kind for each in pending] in _ALONE else None

    # -- parts

    def _append(self, piece: Piece) -> None:
        self._raws.append(piece.raw)
        self._size += len(piece.raw)

    def _give(self, *, last: bool) -> None:
        """What has been gathered is a part."""
        answer, told = self._answer, self._told
        if self._raws or self._edited or (told and last):
            raw = self._raws[0] if len(self._raws) == 1 else b"".join(self._raws)
            message = answer if answer is not None and not told else None
            part = Part(raw, message, last=last, skips=self._skips, payload=self._payload, tls=self._tls)
            part.size += self._edited
            self._parts.append(part)
            self._told = answer is not None
        self._raws, self._size, self._skips, self._payload = [], 0, 0, 0
        self._tls, self._edited = False, 0
        if last:
            self._answer = None
            self._told = self._asks = False

    def _open(self, entry: Awaited) -> Response | None:
        """The answer to it is under way from here on; None where rules have nothing to do with it."""
        if self._answer is None and entry.request is not None:
            self._give(last=True)
            self._answer = Response(entry.request)
            self._asks = entry.kind is Kind.STARTUP
            if self._waiting:
                self._waiting.popleft()
        return self._answer

    def _finish(self, entry: Awaited) -> None:
        """The answer is over, but for ReadyForQuery where that is next."""
        if self._to_come_again(entry):
            entry.again = True
            self._give(last=True)
            return
        session = self._session
        session.pending.popleft()
        if entry.copies:
            session.copied()
        after = session.next
        if after is None or after.kind is not Kind.SYNC or entry.again or entry.ends:
            self._give(last=True)

    def _to_come_again(self, entry: Awaited) -> bool:
        """It was sent twice, and was answered once now."""
        return bool(self._waiting) and self._waiting[0] is entry.request

    # -- frames

    def _frame(self, piece: Piece) -> None:
        entry = self._session.next
        if piece.tag in _ANYTIME or entry is None:
            self._append(piece)
        elif piece.tag == ord("Z"):
            self._ready_for_query(piece, entry)
        elif piece.tag == ord("E"):
            self._failure(piece, entry)
        elif entry.request is None:
            self._small(piece, entry)
        else:
            self._of_answer(piece, entry)

    def _encryption(self, piece: Piece) -> None:
        """The byte that answers SSLRequest or GSSENCRequest."""
        self._append(piece)
        self._tls = piece.raw == b"S"
        if piece.raw == b"G":
            self.opaque = "it is encrypted by GSSAPI"

    def _small(self, piece: Piece, entry: Awaited) -> None:
        """The answer to what prepares a statement."""
        self._append(piece)
        if entry.kind is Kind.DESCRIBE and entry.statement is not None:
            if piece.tag == ord("t"):
                entry.statement.types = parameter_types(piece.body)
            elif piece.tag == ord("T"):
                entry.statement.description = piece.raw
        if piece.tag in _ENDS.get(entry.kind, b""):
            self._session.pending.popleft()

    def _of_answer(self, piece: Piece, entry: Awaited) -> None:
        answer = self._open(entry)
        if piece.tag == ord("R"):
            raw = self._session.login.asked(piece)
            self._edited += len(piece.raw) - len(raw)
            piece = piece._replace(raw=raw)
        if piece.tag == ord("D") and not self._payload:
            self._payload = self._size + 5
        self._append(piece)
        if piece.tag == ord("T") and entry.request is not None and entry.request.portal is not None:
            entry.request.portal.statement.description = piece.raw
        elif piece.tag == ord("C") and answer is not None:
            answer.status = text(piece.body.rstrip(b"\0"))
        elif piece.tag in _NO_TAG and answer is not None:
            answer.status = _NO_TAG[piece.tag]
        elif piece.tag == ord("G"):
            entry.copies = entry.kind is Kind.EXECUTE
            self._asks = True
        elif piece.tag == ord("W"):
            self.opaque = "it carries a replication stream"
        if entry.kind is Kind.EXECUTE and piece.tag in (entry.ends or _ENDS[entry.kind]):
            self._finish(entry)

    def _ready_for_query(self, piece: Piece, entry: Awaited) -> None:
        if entry.kind in SKIPPED:
            self._append(piece)
            self.opaque = "the service is ready before it has answered"
            return
        if entry.ends:
            self._give(last=True)  # what replaces the answer does not replace this
        self._append(piece)
        if entry.request is not None and self._to_come_again(entry):
            entry.again = True
        else:
            self._session.pending.popleft()
        self._give(last=True)

    def _failure(self, piece: Piece, entry: Awaited) -> None:
        """An ErrorResponse: of a statement, of what prepares it, or of the connection."""
        failed = self._failed(entry)
        if failed is not None and failed.again and failed.kind is Kind.EXECUTE:
            self._give(last=True)
            self._append(piece)  # nobody was to hear of the second time, but with it fails all up to Sync
            self._skip(None)
            return
        answer = self._answer if failed is None else self._open(failed)
        self._append(piece)
        if answer is not None:
            answer.status = error_fields(piece.body).get("C", "")
        if entry.kind is Kind.STARTUP:
            if self._session.login.anew:
                self.distortion = UNBOUND
            self._finish(entry)
        elif entry.kind in SKIPPED:
            self._skip(failed)

    def _failed(self, entry: Awaited) -> Awaited | None:
        """Whose failure it is: the next statement's, where the service was about to do what prepares it."""
        if entry.kind not in SKIPPED:
            return entry if entry.request is not None else None
        for each in self._session.pending:
            if each.kind is Kind.SYNCED:
                return each
            if each.kind not in SKIPPED:
                return None
            if each.request is not None:
                return each
        return None

    def _skip(self, failed: Awaited | None) -> None:
        """What follows a failure is not answered, up to the next Sync."""
        for entry in self._session.drop_skipped():
            while entry.request is not None and self._to_come_again(entry):
                self._waiting.popleft()
                self._skips += 1
        if failed is not None and (self._session.next is None or failed.again or failed.ends):
            self._give(last=True)
