"""HTTP/1.1 as bytes (RFC 9112): writing a request, reading its response. No sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from faultbox.protocols.answers import BODY_LIMIT, octets

_HEAD_LIMIT = 256 * 1024
_LINE_LIMIT = 16 * 1024
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: .*)?$")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class ProtocolError(Exception):
    """The bytes are no HTTP response."""


def is_token(text: str) -> bool:
    """Whether the text can be a header's name."""
    return _TOKEN.fullmatch(text) is not None


def canonical(name: str) -> str:
    """A header's name as responses show it: `Content-Type`."""
    return "-".join(part.capitalize() for part in name.split("-"))


def request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request for one connection, all of it. Names and values must have been checked."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return b"\r\n".join(map(octets, lines)) + b"\r\n\r\n" + body


class ResponseReader:
    """Takes the bytes of one response as they come. Every method raises ProtocolError.

    Interim (1xx) responses are passed over, but for 101. `headers` have canonical names; values
    of one name are joined by commas.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.done = False
        self._bodiless = method == "HEAD"
        self._buffer = bytearray()
        self._reading = self._head
        self._searched = 0
        self._missing = 0
        self._unlimited = False
        self._started = False
        self._trailer = 0

    def feed(self, data: bytes) -> None:
        self._started = True
        self._buffer += data
        while not self.done and self._reading():
            pass

    def end(self) -> None:
        """The connection was closed."""
        if self.done:
            return
        if not self._started:
            raise ProtocolError("the connection was closed without an answer")
        if not self._unlimited:
            raise ProtocolError(f"the connection was closed in the middle of the {self._place}")
        self.done = True

    @property
    def _place(self) -> str:
        if self._reading == self._head:
            return "head"
        if self._reading == self._sized and self._missing:
            return f"body: {len(self.body)} of {len(self.body) + self._missing} bytes came"
        return "body"

    # Each of these consumes what it can and tells whether another one should go on.

    def _head(self) -> bool:
        end = _HEAD_END.search(self._buffer, self._searched)
        if (end.start() if end else len(self._buffer)) > _HEAD_LIMIT:
            raise ProtocolError(f"a head of more than {_HEAD_LIMIT >> 10} KiB")
        if end is None:
            self._searched = max(0, len(self._buffer) - 3)
            if len(self._buffer) >= 5 and not self._buffer.startswith(b"HTTP/"):
                raise ProtocolError(f"not an HTTP/1 response: {_shown(self._buffer)}")
            return False
        lines = re.split(rb"\r?\n", bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        self._searched = 0
        self.status = _status(lines[0])
        self.headers = _headers(lines[1:])
        if 100 <= self.status < 200 and self.status != 101:
            return True
        self._begin_body()
        return True

    def _begin_body(self) -> None:
        coding = self.headers.get("Transfer-Encoding", "").lower()
        length = self.headers.get("Content-Length")
        if self._bodiless or self.status in (101, 204, 304):
            self.done = True
        elif coding:
            # Whatever else is applied, only a last "chunked" delimits the body (RFC 9112, 6.3).
            chunked = coding.rpartition(",")[2].strip() == "chunked"
            self._reading = self._chunk_size if chunked else self._rest
            self._unlimited = not chunked
        elif length is not None:
            self._missing = _length(length)
            _check_size(self._missing)
            self._reading = self._sized
        else:
            self._reading = self._rest
            self._unlimited = True

    def _sized(self) -> bool:
        self._take()
        self.done = not self._missing
        return False

    def _rest(self) -> bool:
        _check_size(len(self.body) + len(self._buffer))
        self.body += self._buffer
        self._buffer.clear()
        return False

    def _chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):
            raise ProtocolError(f"a chunk whose size is {_shown(line)}")
        self._missing = int(size, 16)
        _check_size(len(self.body) + self._missing)
        self._reading = self._chunk if self._missing else self._trailers
        return True

    def _chunk(self) -> bool:
        self._take()
        if self._missing:
            return False
        self._reading = self._chunk_end
        return True

    def _chunk_end(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise ProtocolError(f"a chunk longer than its size, by {_shown(line)}")
        self._reading = self._chunk_size
        return True

    def _trailers(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._trailer += len(line)
        if self._trailer > _HEAD_LIMIT:
            raise ProtocolError(f"trailers of more than {_HEAD_LIMIT >> 10} KiB")
        self.done = not line
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LINE_LIMIT:
                raise ProtocolError(f"a line of more than {_LINE_LIMIT >> 10} KiB between chunks")
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def _take(self) -> None:
        taken = self._buffer[: self._missing]
        self.body += taken
        self._missing -= len(taken)
        del self._buffer[: len(taken)]


def _status(line: bytes) -> int:
    found = _STATUS.match(line)
    if found is None:
        raise ProtocolError(f"not an HTTP/1 response: {_shown(line)}")
    return int(found[1])


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode("utf-8", "surrogateescape")
        if line[:1] in (b" ", b"\t") and name:  # a folded value (RFC 9112, 5.2)
            headers[name] += " " + text.strip()
            continue
        key, colon, value = text.partition(":")
        if not colon or not is_token(key):
            raise ProtocolError(f"not a header: {_shown(line)}")
        name = canonical(key)
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


def _length(value: str) -> int:
    lengths = {part.strip() for part in value.split(",")}
    length = lengths.pop()
    if lengths or not re.fullmatch(r"[0-9]{1,18}", length, re.ASCII):
        raise ProtocolError(f"a Content-Length of {value!r}")
    return int(length)


def _check_size(size: int) -> None:
    if size > BODY_LIMIT:
        raise ProtocolError(f"a body of more than {BODY_LIMIT >> 20} MiB")


def _shown(data: bytes | bytearray) -> str:
    return repr(bytes(data[:40]).decode("latin-1"))
