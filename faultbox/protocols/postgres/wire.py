"""PostgreSQL's frames, cut out of what arrives. No meaning, no rules.

After a connection's first frames, which are a length and a number, every frame is a letter, a length
(which counts itself) and a body: PostgreSQL's manual, "Message Formats".
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from faultbox.protocols.contract import HOLD_LIMIT

SSL_REQUEST: Final = 80877103
GSSENC_REQUEST: Final = 80877104
CANCEL_REQUEST: Final = 80877102
_MAJOR: Final = 3
_STARTUP_LIMIT: Final = 10_000
"""MAX_STARTUP_PACKET_LENGTH of PostgreSQL's pqcomm.h."""
_FRAME_LIMIT: Final = 0x3FFFFFFF
"""PQ_LARGE_MESSAGE_LIMIT of libpq.h: nothing is larger."""

UNTAGGED: Final = 0
"""The tag of what has none: a connection's first frames, and the one byte that answers SSLRequest."""
REQUEST_TAGS: Final = frozenset(b"QPBEDCHSFXdcfp")
RESPONSE_TAGS: Final = frozenset(b"RSKZTDCEINA123tnsGHWdcVv")
_DATA: Final = frozenset((ord("D"), ord("d")))
_COPY: Final = frozenset((ord("d"),))

_HEAD: Final = 5
"""Bytes of a letter and a length."""
_length = Struct("!I")
_startup = Struct("!II")


class Piece(NamedTuple):
    """A frame, several whole ones of a kind that may go by in parts, or a part of one such."""

    tag: int
    raw: bytes
    begins: bool = True
    last: bool = True

    @property
    def body(self) -> bytes:
        return self.raw[5:]


class BrokenError(Exception):
    """The bytes are not PostgreSQL's."""


class Frames:
    """Cuts one side's stream. Rows and copied data go by as they come, other frames whole if they are not huge."""

    def __init__(self, tags: frozenset[int], streamed: frozenset[int]) -> None:
        self.broken = ""
        """Why this stream can't be understood any more; its bytes have been given back then."""
        self._tags = tags
        self._streamed = streamed
        self._held: list[bytes] = []
        self._have = 0
        self._need = 0
        """No frame can be given before that many bytes are held."""
        self._left = 0
        """Bytes to come of a frame whose first part was given."""
        self._tag = UNTAGGED

    def feed(self, data: bytes) -> list[Piece]:
        """What can go now. Bytes that make no sense come back as a last piece, with `broken` set."""
        if self._held:
            self._held.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._held)
            self._held = []
        pieces: list[Piece] = []
        at = 0
        try:
            at = self._rest_of_frame(data, pieces)
            while at < len(data):
                end = self._frame(data, at, pieces)
                if end == at:
                    break
                at = end
        except BrokenError as error:
            self.broken = str(error)
            at = sum(len(piece.raw) for piece in pieces)
            pieces.append(Piece(UNTAGGED, data[at:], begins=False))
            return pieces
        if at < len(data):
            self._held = [data[at:] if at else data]
            self._have = len(data) - at
        return pieces

    @property
    def between(self) -> bool:
        """Nothing is held, and the next byte begins a frame."""
        return not (self._held or self._left)

    def rest(self) -> bytes:
        """Give up what is held of a frame that is not whole."""
        rest, self._held = b"".join(self._held), []
        return rest

    def _rest_of_frame(self, data: bytes, pieces: list[Piece]) -> int:
        if not self._left:
            return 0
        end = min(self._left, len(data))
        self._left -= end
        pieces.append(Piece(self._tag, data[:end] if end < len(data) else data, begins=False, last=not self._left))
        return end

    def _frame(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        """Cut the frame that begins there; gives where the next one does, `at` itself if it isn't here yet."""
        size = len(data)
        if size - at < _HEAD:
            self._need = _HEAD
            return at
        tag, end = self._measure(data, at)
        streamed = tag in self._streamed
        if end <= size:
            if streamed:
                end = self._run(data, tag, end)
            pieces.append(Piece(tag, data[at:end]))
            return end
        if streamed or end - at > HOLD_LIMIT:
            self._tag, self._left = tag, end - size
            pieces.append(Piece(tag, data[at:], last=False))
            return size
        self._need = end - at
        return at

    def _run(self, data: bytes, tag: int, at: int) -> int:
        """Where the whole frames of that kind end which stand one after the other."""
        while len(data) - at >= _HEAD and data[at] == tag:
            _, end = self._measure(data, at)
            if end > len(data):
                break
            at = end
        return at

    def _measure(self, data: bytes, at: int) -> tuple[int, int]:
        """A frame's letter, and where it ends."""
        tag = data[at]
        length: int = _length.unpack_from(data, at + 1)[0]
        if tag not in self._tags:
            raise BrokenError(f"not PostgreSQL: a message of type {chr(tag)!r}")
        if not 4 <= length <= _FRAME_LIMIT:
            raise BrokenError(f"not PostgreSQL: a message of {length} bytes")
        return tag, at + 1 + length


class Requests(Frames):
    """What a caller sends. Its first frames have no letter."""

    def __init__(self) -> None:
        super().__init__(REQUEST_TAGS, _COPY)
        self._starting = True

    def _frame(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        if not self._starting:
            return super()._frame(data, at, pieces)
        if len(data) - at < _startup.size:
            self._need = _startup.size
            return at
        length, code = (int(each) for each in _startup.unpack_from(data, at))
        if not _startup.size <= length <= _STARTUP_LIMIT or not startup_code_known(code):
            raise BrokenError("not PostgreSQL: what begins the connection")
        if length > len(data) - at:
            self._need = length
            return at
        self._starting = code >> 16 != _MAJOR
        pieces.append(Piece(UNTAGGED, data[at : at + length]))
        return at + length


class Responses(Frames):
    """What a service sends."""

    def __init__(self) -> None:
        super().__init__(RESPONSE_TAGS, _DATA)
        self.bytes_due = 0
        """How many encryption requests will be answered with one byte each before anything else is said."""

    def _frame(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        if self.bytes_due and data[at] in b"SNG":
            self.bytes_due -= 1
            pieces.append(Piece(UNTAGGED, data[at : at + 1]))
            return at + 1
        return super()._frame(data, at, pieces)


def startup_code_known(code: int) -> bool:
    return code >> 16 == _MAJOR or code in (SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST)


def startup_code(raw: bytes) -> int:
    """The number in a connection's first frame."""
    return int.from_bytes(raw[4:8])


def frame(tag: bytes, body: bytes = b"") -> bytes:
    """A frame of one letter and a body."""
    return tag + _length.pack(len(body) + 4) + body


def text(data: bytes) -> str:
    """As specs write it; bytes that are no UTF-8 as `\\xff`."""
    return data.decode("utf-8", "backslashreplace")


def cstrings(body: bytes, count: int, at: int = 0) -> tuple[list[bytes], int]:
    """So many strings that end in NUL, and where they end. Where there are fewer, the missing ones are empty."""
    found = []
    for _ in range(count):
        end = body.find(b"\0", at)
        end = end if end >= 0 else len(body)
        found.append(body[at:end])
        at = min(end + 1, len(body))
    return found, at


def startup_parameters(raw: bytes) -> dict[str, str]:
    """`user`, `database`, `application_name` … of a StartupMessage."""
    words = [text(word) for word in raw[8:].split(b"\0")]
    return dict(zip(words[::2], words[1::2], strict=False))


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or a NoticeResponse by their letter: C is the SQLSTATE, M the message."""
    return {chr(field[0]): text(field[1:]) for field in body.split(b"\0") if field}
