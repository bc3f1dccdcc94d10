"""RESP2 and RESP3 as streams (the protocol specification of redis.io), cut into commands and replies. No sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from faultbox.protocols.contract import HOLD_LIMIT
from faultbox.protocols.redis.inline import split

DEPTH_LIMIT: Final = 128
"""Aggregates within aggregates; Redis itself stays below ten outside of scripts."""
LINE_LIMIT: Final = 64 * 1024
"""Bytes of a line that a caller sends: an inline command (Redis' PROTO_INLINE_MAX_SIZE), a length."""
STRING_LIMIT: Final = 1 << 40
COUNT_LIMIT: Final = 1 << 31

_LINES = frozenset(b"+-:_#,(")
_STRINGS = frozenset(b"$!=")
_AGGREGATES = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
_ATTRIBUTE = ord("|")
_ARRAY, _STRING, _PUSH = ord("*"), ord("$"), ord(">")
_NUMBER = re.compile(rb"-1|[0-9]{1,18}")
_COMMAND = re.compile(rb"\*([0-9]{1,7})\r\n\$([0-9]{1,3})\r\n")
"""How nearly every command begins."""
_LENGTH = re.compile(rb"\$([0-9]{1,10})\r\n")
_SCALAR = re.compile(rb"\$([0-9]{1,10})\r\n|[+:_#,(-][^\r\n]*\r\n|\$-1\r\n")
"""How a reply that is no aggregate begins, or all of it: what nearly every reply is."""


class Piece(NamedTuple):
    """A part of a stream. `begins`: a frame begins here. `last`: it ends here too.

    The first piece of a command has its `name`, as it was written, how many arguments it has in `total`,
    and those `arguments` which are known where it isn't whole: else they can be read from `raw`. Its last argument
    begins at `payload`, where all of it is there.
    """

    raw: bytes
    begins: bool
    last: bool
    name: bytes = b""
    total: int = 0
    arguments: tuple[bytes, ...] | None = None
    payload: int = 0


class _BrokenError(Exception):
    """The bytes are no RESP."""


class _Cutter:
    """Cuts whole frames out of what arrives; a frame that may go by in parts is not held."""

    line_limit = LINE_LIMIT

    def __init__(self) -> None:
        self.broken = ""
        """Why this stream can't be understood any more; its bytes have been given back then."""
        self._buffer: bytes | bytearray = b""
        self._at = 0
        """Where cutting goes on."""
        self._skip = 0
        """Bytes from there on that belong to a string which isn't whole."""
        self._begun = False
        """The first part of the current frame is gone."""

    def feed(self, data: bytes) -> list[Piece]:
        """What can go now. Bytes that are no RESP come back as they are, with `broken` set."""
        pieces: list[Piece] = []
        if not self._buffer and not self._begun:
            done = self._cut_whole(data, pieces)
            if done == len(data):
                return pieces
            data = data[done:]
        self._take(data)
        start = 0
        try:
            while self._at < len(self._buffer) and self._advance():
                if self._complete():
                    pieces.append(self._piece(start, last=True))
                    start = self._at
            if start < self._at and (self._begun or self._may_begin(self._at - start)):
                pieces.append(self._piece(start, last=False))
                start = self._at
        except _BrokenError as error:
            self.broken = str(error)
            self._at = len(self._buffer)
            pieces.append(Piece(bytes(self._buffer[start:]), begins=False, last=True))
            start = self._at
        self._drop(start)
        return pieces

    def rest(self) -> bytes:
        """Give up what is held of a frame that is not whole."""
        rest, self._buffer, self._at = bytes(self._buffer), b"", 0
        return rest

    def _cut_whole(self, data: bytes, pieces: list[Piece]) -> int:
        """Cut the usual frames that come first and whole, quickly; gives where they end."""
        raise NotImplementedError

    def _advance(self) -> bool:
        """Read one element; False where it isn't whole."""
        raise NotImplementedError

    def _complete(self) -> bool:
        """Whether the frame ends here."""
        raise NotImplementedError

    def _may_begin(self, size: int) -> bool:
        """Whether the first part of a frame that isn't whole can go."""
        raise NotImplementedError

    def _piece(self, start: int, *, last: bool) -> Piece:
        begins, self._begun = not self._begun, not last
        return Piece(bytes(self._buffer[start : self._at]), begins, last)

    def _take(self, data: bytes) -> None:
        """Keep it, without copying what arrives in whole frames."""
        if not self._buffer:
            self._buffer = data
        elif isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = bytearray(self._buffer) + data

    def _drop(self, end: int) -> None:
        if end == len(self._buffer):
            self._buffer = b""
        elif end:
            self._buffer = self._buffer[end:]
        self._at -= end

    def _line(self) -> int:
        """Where the line at `_at` ends; -1 where it isn't whole."""
        end = self._buffer.find(b"\r\n", self._at)
        if (end if end >= 0 else len(self._buffer)) - self._at > self.line_limit:
            raise _BrokenError(f"a line of more than {self.line_limit >> 10} KiB")
        return end

    def _number(self, end: int, limit: int) -> int:
        """The number between the first byte of the line at `_at` and its end."""
        digits = bytes(self._buffer[self._at + 1 : end])
        if _NUMBER.fullmatch(digits) is None or int(digits) > limit:
            raise _BrokenError(f"a length of {digits[:20]!r}")
        return int(digits)

    def _pass_string(self, after: int) -> bool:
        """Go on to `after`, or as far as there are bytes."""
        self._at = min(after, len(self._buffer))
        self._skip = after - self._at
        return not self._skip


class Commands(_Cutter):
    """What a caller sends: arrays of strings, and lines (inline commands).

    A frame without arguments (an empty line, `*0`) is no command: Redis skips it. `known(arguments,
    count)` says whether a command that isn't whole is known well enough for its first part to go.
    """

    def __init__(self, known: Callable[[Sequence[bytes], int], bool]) -> None:
        super().__init__()
        self.hold = False
        """Commands are wanted whole."""
        self._known = known
        self._arguments: list[bytes] = []
        self._count = 0
        self._missing = 0
        self._first = 0
        """Where the argument that was read last begins."""

    def _cut_whole(self, data: bytes, pieces: list[Piece]) -> int:
        return _cut_commands(data, pieces)

    def _advance(self) -> bool:
        if self._skip:
            return self._pass_string(self._at + self._skip) and self._argument_ends()
        if self._missing:
            return self._argument()
        self._arguments = []
        if self._buffer[self._at] != _ARRAY:
            return self._inline()
        end = self._line()
        if end < 0:
            return False
        self._count = self._missing = max(0, self._number(end, COUNT_LIMIT))
        self._at = end + 2
        return True

    def _argument(self) -> bool:
        end = self._line()
        if end < 0:
            return False
        if self._buffer[self._at] != _STRING:
            raise _BrokenError(f"an argument that begins with {chr(self._buffer[self._at])!r}")
        length = self._number(end, STRING_LIMIT)
        if length < 0:
            raise _BrokenError("an argument of no length")
        self._first = end + 2
        return self._pass_string(end + 4 + length) and self._argument_ends()

    def _argument_ends(self) -> bool:
        if not self._begun:
            self._arguments.append(bytes(self._buffer[self._first : self._at - 2]))
        self._missing -= 1
        return True

    def _inline(self) -> bool:
        end = self._buffer.find(b"\n", self._at)
        if (end if end >= 0 else len(self._buffer)) - self._at > LINE_LIMIT:
            raise _BrokenError(f"an inline command of more than {LINE_LIMIT >> 10} KiB")
        if end < 0:
            return False
        self._arguments = split(bytes(self._buffer[self._at : end]))
        self._count = len(self._arguments)
        self._at = end + 1
        return True

    def _complete(self) -> bool:
        return not self._missing

    def _may_begin(self, size: int) -> bool:
        return size > HOLD_LIMIT or not (self.hold or not self._known(self._arguments, self._count))

    def _piece(self, start: int, *, last: bool) -> Piece:
        if self._begun:
            return super()._piece(start, last=last)
        raw, arguments = bytes(self._buffer[start : self._at]), tuple(self._arguments)
        name = arguments[0] if arguments else b""
        payload = self._first - start if last and raw[0] == _ARRAY else 0
        self._begun = not last
        return Piece(raw, True, last, name, self._count, arguments, payload)  # noqa: FBT003 - it begins

    def _drop(self, end: int) -> None:
        super()._drop(end)
        self._first -= end


class Replies(_Cutter):
    """What a service sends: replies and pushes, each with all that is in it. Attributes belong to what they precede."""

    line_limit = HOLD_LIMIT
    """A line of MONITOR's shows a whole command."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = False
        """Replies are wanted whole; pushes always are."""
        self._open: list[int] = []
        """How much is still to come of each aggregate that isn't whole, the outermost first."""

    def _cut_whole(self, data: bytes, pieces: list[Piece]) -> int:
        start, size, scalar = 0, len(data), _SCALAR.match
        while found := scalar(data, start):
            end = found.end()
            if found[1] is not None:
                end += int(found[1]) + 2
                if end > size:
                    break
            pieces.append(Piece(data[start:end], True, True))  # noqa: FBT003 - all of it
            start = end
        return start

    def _advance(self) -> bool:
        if self._skip:
            return self._pass_string(self._at + self._skip) and self._element_ends()
        end = self._line()
        if end < 0:
            return False
        kind = self._buffer[self._at]
        if kind in _STRINGS:
            length = self._number(end, STRING_LIMIT)
            return self._pass_string(end + 2 if length < 0 else end + 4 + length) and self._element_ends()
        if kind in _AGGREGATES:
            return self._aggregate(kind, end)
        if kind not in _LINES:
            raise _BrokenError(f"a reply that begins with {chr(kind)!r}")
        self._at = end + 2
        return self._element_ends()

    def _aggregate(self, kind: int, end: int) -> bool:
        count = max(0, self._number(end, COUNT_LIMIT)) * _AGGREGATES[kind] + (kind == _ATTRIBUTE)
        self._at = end + 2
        if not count:
            return self._element_ends()
        if len(self._open) == DEPTH_LIMIT:
            raise _BrokenError(f"aggregates in each other, more than {DEPTH_LIMIT} deep")
        self._open.append(count)
        return True

    def _element_ends(self) -> bool:
        """And with it whatever it was the last element of."""
        while self._open:
            self._open[-1] -= 1
            if self._open[-1]:
                break
            self._open.pop()
        return True

    def _complete(self) -> bool:
        return not self._open

    def _may_begin(self, size: int) -> bool:
        return size > HOLD_LIMIT or not (self.hold or self._buffer[self._at - size] == _PUSH)


def _cut_commands(data: bytes, pieces: list[Piece]) -> int:
    """Cut the whole arrays of strings that come first; gives where they end."""
    start, size, begins, length = 0, len(data), _COMMAND.match, _LENGTH.match
    while found := begins(data, start):
        total, first = int(found[1]), found.end()
        after = end = first + int(found[2])
        for _ in range(total - 1):
            found = length(data, after + 2)
            if found is None:
                return start
            after = found.end() + int(found[1])
        if after + 2 > size or not total:
            break
        payload = (found.end() if total > 1 else first) - start
        raw = data[start : after + 2]
        pieces.append(Piece(raw, True, True, data[first:end], total, None, payload))  # noqa: FBT003 - all of it
        start = after + 2
    return start


def whole_commands(data: bytes) -> list[bytes]:
    """The commands of which these bytes are a whole number, uncut; none where they are anything else."""
    frames: list[bytes] = []
    start, size, begins, length = 0, len(data), _COMMAND.match, _LENGTH.match
    while start < size:
        found = begins(data, start)
        total = int(found[1]) if found is not None else 0
        if found is None or not total:
            return []
        after = found.end() + int(found[2]) + 2
        for _ in range(total - 1):
            found = length(data, after)
            if found is None:
                return []
            after = found.end() + int(found[1]) + 2
        if after > size:
            return []
        frames.append(data[start:after])
        start = after
    return frames


def whole_command(frame: bytes) -> Piece:
    """What `whole_commands` gave, cut."""
    pieces: list[Piece] = []
    _cut_commands(frame, pieces)
    return pieces[0]


def whole_scalars(data: bytes, most: int) -> int:
    """How many whole replies these bytes are; 0 where they are anything else, aggregates too, or more than `most`."""
    start, size, count = 0, len(data), 0
    while start < size and count < most:
        found = _SCALAR.match(data, start)
        if found is None:
            return 0
        start = found.end() if found[1] is None else found.end() + int(found[1]) + 2
        count += 1
    return count if start == size else 0


def scalars(data: bytes) -> list[bytes]:
    """The replies that `whole_scalars` has counted in these bytes."""
    found, start = [], 0
    while start < len(data):
        match = _SCALAR.match(data, start)
        assert match is not None
        end = match.end() if match[1] is None else match.end() + int(match[1]) + 2
        found.append(data[start:end])
        start = end
    return found


def arguments_of(raw: bytes) -> tuple[bytes, ...]:
    """The arguments of a whole command that is an array of strings."""
    arguments = []
    at = raw.index(b"\n") + 1
    while at < len(raw):
        end = raw.index(b"\r", at)
        first = end + 2
        at = first + int(raw[at + 1 : end])
        arguments.append(raw[first:at])
        at += 2
    return tuple(arguments)
