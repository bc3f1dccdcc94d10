"""Where HTTP/1 messages begin and end (RFC 9112), told from bytes as they pass. Nothing is changed or decoded.

A reader follows one side of a connection. It is lenient where servers and clients are, and gives
up (`Lost`) where two parties could read different messages out of the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from faultbox.model.message import Side
from faultbox.protocols.http.messages import Head, HttpMessage

HEAD_LIMIT = 256 * 1024
_LINE_LIMIT = 16 * 1024
_CACHED_HEAD = 4096

END = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP/1\.([0-9])\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: [^\n]*)?\r?\n")
_FRAMING = re.compile(
    rb"\n(content-length|transfer-encoding|upgrade|expect|connection)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE
)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r?$", re.DOTALL)
BEGINNING = {"request": re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?: |$)"), "response": re.compile(rb"HTTP/1\.")}


class Lost(Exception):
    """The bytes are no HTTP/1, or could be read in two ways."""


def no_http(data: bytes) -> Lost:
    """What these bytes are instead of a message, as far as that is plain."""
    if data.startswith(b"PRI * HTTP/2"):
        return Lost("HTTP/2, of which rules on http see nothing")
    if data.startswith(b"\x16\x03"):
        return Lost("TLS, of which rules see nothing where the interface has no tls=")
    return Lost("not HTTP/1")


def read_head(raw: bytes, side: Side) -> Head:
    """A whole head, parsed. Raises Lost. Heads repeat: those of ordinary size are remembered."""
    return _remembered(raw, side) if len(raw) <= _CACHED_HEAD else _read_head(raw, side)


def _read_head(raw: bytes, side: Side) -> Head:
    line = (_REQUEST_LINE if side == "request" else _STATUS_LINE).match(raw)
    if line is None:
        raise no_http(raw)
    first, second, minor = line.groups() if side == "request" else (line[1], line[2], line[1])
    fields: dict[bytes, bytes] = {}
    for name, value in _FRAMING.findall(raw):
        key = name.lower()
        fields[key] = fields[key] + b"," + value if key in fields else value
    coding = fields.get(b"transfer-encoding", b"").lower()
    chunked = coding.rpartition(b",")[2].strip() == b"chunked"
    if side == "request" and coding and not chunked:
        raise Lost("a request whose end can't be told")
    connection = fields.get(b"connection", b"").lower()
    upgrade = b"upgrade" in fields and b"upgrade" in connection
    expects = b"100-continue" in fields.get(b"expect", b"").lower()
    length = _length(fields.get(b"content-length"))
    return Head(raw, first, second, int(minor), length, chunked, bool(coding), upgrade, expects, connection)


_remembered: Callable[[bytes, Side], Head] = lru_cache(maxsize=2048)(_read_head)


def _length(value: bytes | None) -> int:
    if value is None:
        return -1
    lengths = {part.strip() for part in value.split(b",")}
    one = lengths.pop()
    if lengths or not re.fullmatch(rb"[0-9]{1,18}", one):
        raise Lost("a Content-Length that could be read in two ways")
    return int(one)


class Sized:
    """A body of known length."""

    ends_with_stream = False

    def __init__(self, length: int) -> None:
        self.size: int | None = length
        self._left = length

    def take(self, data: bytes, start: int) -> int:
        """How far into `data` the body goes, from `start`; `ended` tells whether it ends there."""
        taken = min(self._left, len(data) - start)
        self._left -= taken
        return start + taken

    @property
    def ended(self) -> bool:
        return not self._left


class Endless:
    """A body that lasts as long as the connection."""

    ended = False
    ends_with_stream = True
    size: int | None = None

    def take(self, data: bytes, start: int) -> int:  # noqa: ARG002
        return len(data)


class Chunked:
    """A chunked body, with its trailers."""

    ends_with_stream = False
    size: int | None = None

    def __init__(self) -> None:
        self.ended = False
        self._skip = 0
        self._line = b""
        self._trailing = False

    def take(self, data: bytes, start: int) -> int:
        """Raises Lost for a size that is none."""
        at = start
        while at < len(data) and not self.ended:
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            end = data.find(b"\n", at)
            self._line += data[at:] if end < 0 else data[at:end]
            if len(self._line) > _LINE_LIMIT:
                raise Lost("a chunk without a size")
            at = len(data) if end < 0 else end + 1
            if end >= 0:
                line, self._line = self._line, b""
                self._lined(line)
        return at

    def _lined(self, line: bytes) -> None:
        if self._trailing:
            self.ended = not line.strip()
            return
        size = _CHUNK_SIZE.match(line)
        if size is None:
            raise Lost("a chunk without a size")
        length = int(size[1], 16)
        self._trailing = not length
        self._skip = length + 2 if length else 0


def whole_chunks(data: bytes, start: int) -> bool:
    """Whether a chunked body goes from there to the end of these bytes, and ends there."""
    body = Chunked()
    try:
        return body.take(data, start) == len(data) and body.ended
    except Lost:
        return False


Body = Sized | Endless | Chunked
EMPTY = Sized(0)


class Begun(NamedTuple):
    """What a reader's owner makes of a head: the message (None for one that is no rule's), its body, and whether to
    hold it whole."""

    message: HttpMessage | None
    body: Body
    replies: bool = True
    hold: bool = False
