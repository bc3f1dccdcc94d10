"""One side of an HTTP/1 connection, as parts."""

from __future__ import annotations

from collections.abc import Callable

from faultbox.model.message import Side
from faultbox.protocols.contract import HOLD_LIMIT, Part
from faultbox.protocols.http.framing import BEGINNING, END, HEAD_LIMIT, Begun, Body, Lost, no_http, read_head
from faultbox.protocols.http.messages import Head


class Reader:
    """Takes bytes as they come. `begin` is asked what to make of every head.

    `lost` says why nothing more can be read, "" while all is well: then everything taken has been given.
    """

    def __init__(self, side: Side, begin: Callable[[Head], Begun]) -> None:
        self.lost = ""
        self._side: Side = side
        self._begin = begin
        self._buffer = b""
        """The beginning of a head."""
        self._body: Body | None = None
        self._begun: Begun | None = None
        """A message that is held until it is whole."""
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Part]:
        parts: list[Part] = []
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        at, size = 0, len(data)
        try:
            while at < size and not self.lost:
                after = self._take_body(data, at, parts) if self._body is not None else self._take_head(data, at, parts)
                if after == at:
                    break
                at = after
        except Lost as lost:
            self.lost = str(lost)
        if at < size:
            self._buffer = data[at:]
        if self.lost:
            parts += self.rest()
        return parts

    @property
    def within(self) -> bool:
        """A message has begun, and has a body that goes on."""
        return self._body is not None

    def rest(self) -> list[Part]:
        """All that is held, as it is: of a message that will never be whole, or of a head that will have no end."""
        parts: list[Part] = []
        self._let_go(parts, last=True)
        if self._buffer:
            parts.append(Part(self._buffer))
            self._buffer = b""
        return parts

    def end(self) -> list[Part]:
        """The stream is over: a held message that only this could end is whole now."""
        parts: list[Part] = []
        if self._begun is not None and self._body is not None and self._body.ends_with_stream:
            self._complete(parts)
        return parts + self.rest()

    def _take_head(self, data: bytes, at: int, parts: list[Part]) -> int:
        """How far the reading has come: not at all while the head is incomplete."""
        end = data.find(b"\r\n\r\n", at)
        after = end + 4
        if end < 0 or end - at > HEAD_LIMIT:
            after = self._uncommon_head(data, at)
            if after == at:
                return at
        raw = data if at == 0 and after == len(data) else data[at:after]
        if raw[:1] in b"\r\n":
            parts.append(Part(raw[:1]))
            return at + 1
        head = read_head(raw, self._side)
        begun = self._begin(head)
        self._body = None if begun.body.ended else begun.body
        if self._body is None:
            parts.append(Part(raw, begun.message, replies=begun.replies, payload=after - at))
            if begun.hold and begun.message is not None:
                begun.message.body = b""
        elif begun.hold:
            self._begun, self._held, self._size = begun, [raw], 0
        else:
            return self._with_body(data, at, after, begun, parts)
        return after

    def _uncommon_head(self, data: bytes, at: int) -> int:
        """Where a head ends whose lines end in bare newlines; `at` while none does. Raises Lost for what is no head."""
        if data[at : at + 1] in (b"\r", b"\n"):  # empty lines before a message are passed over (RFC 9112, 2.2)
            return at + 1
        line = data.find(b"\n", at, at + HEAD_LIMIT)
        if not BEGINNING[self._side].match(data, at, line if line >= 0 else len(data)):
            raise no_http(data[at:])
        if line < 0:
            if len(data) - at > HEAD_LIMIT:
                raise Lost("a first line without an end")
            return at
        found = END.search(data, at, at + HEAD_LIMIT)
        if found is not None:
            return found.end()
        if len(data) - at > HEAD_LIMIT:
            raise Lost(f"a head of more than {HEAD_LIMIT >> 10} KiB")
        read_head(data[at : line + 1] + b"\r\n", self._side)  # a first line that makes no sense need not be waited for
        return at

    def _with_body(self, data: bytes, at: int, after: int, begun: Begun, parts: list[Part]) -> int:
        """A head that is given together with what there is of its body."""
        body = begun.body
        try:
            end = body.take(data, after)
        except Lost as lost:
            self.lost, end = str(lost), len(data)
        whole = data if at == 0 and end == len(data) else data[at:end]
        parts.append(
            Part(whole, begun.message, last=body.ended, replies=begun.replies, payload=after - at, body=body.size)
        )
        if body.ended or self.lost:
            self._body = None
        return end

    def _take_body(self, data: bytes, at: int, parts: list[Part]) -> int:
        body = self._body
        assert body is not None
        end = body.take(data, at)
        piece = data if at == 0 and end == len(data) else data[at:end]
        if self._begun is None:
            parts.append(Part(piece, last=body.ended))
        else:
            self._held.append(piece)
            self._size += len(piece)
            if body.ended:
                self._complete(parts)
            elif self._size > HOLD_LIMIT:
                self._let_go(parts, last=False)
        if body.ended:
            self._body = None
        return end

    def _complete(self, parts: list[Part]) -> None:
        """A held message is whole."""
        begun = self._begun
        assert begun is not None
        assert begun.message is not None
        raw, payload = b"".join(self._held), len(self._held[0])
        begun.message.body = raw[payload:]
        parts.append(Part(raw, begun.message, replies=begun.replies, payload=payload))
        self._begun, self._held = None, []

    def _let_go(self, parts: list[Part], *, last: bool) -> None:
        """A held message goes on without being whole: too large, or cut off."""
        begun = self._begun
        if begun is not None:
            raw = b"".join(self._held)
            size = None if last else begun.body.size
            parts.append(
                Part(raw, begun.message, last=last, replies=begun.replies, payload=len(self._held[0]), body=size)
            )
            self._begun, self._held = None, []
