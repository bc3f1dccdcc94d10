"""Commands and replies as rules see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.message import Side, Unknown
from faultbox.protocols.redis.commands import CONTAINERS, UNQUEUED, full_name, keys_of
from faultbox.protocols.redis.values import Failure, Push, Simple, decode
from faultbox.protocols.redis.wire import Piece, arguments_of

_SHOWN = 80
"""Characters of a key or value in an event."""
_KIND_OF_BYTE = {
    b"$": "string", b"=": "string", b":": "integer", b"(": "integer", b",": "double", b"#": "boolean",
    b"*": "array", b"~": "array", b"%": "map", b">": "push", b"|": "attribute",
}  # fmt: skip
JOINT = "\0"
"""Between the keys of a command with several."""


def text(data: bytes) -> str:
    """As specs write it; bytes that are no UTF-8 as `\\xff`."""
    return data.decode("utf-8", "backslashreplace")


class Transaction:
    """What has been queued since MULTI."""

    __slots__ = ("refused",)

    def __init__(self) -> None:
        self.refused = False
        """MULTI itself was answered by a rule: the service knows of no transaction."""


class Request:
    """A command: the first piece of it. `arguments` may lack the last ones where a large one was not held."""

    __slots__ = (
        "_arguments",
        "_identity",
        "_keys",
        "_raw",
        "lasting",
        "name",
        "protocol",
        "special",
        "total",
        "transaction",
    )
    side: Side = "request"

    def __init__(self, piece: Piece, *, special: bytes, protocol: int, transaction: Transaction | None) -> None:
        self.name = piece.name.upper()
        self.total = piece.total
        """How many arguments it has, its name included."""
        self.special = special
        """Its name, where it changes how the connection is to be read."""
        self.protocol = protocol
        """RESP version of its answer (what HELLO asks for holds from the next command on)."""
        self.transaction = transaction
        """The one that is open when it comes."""
        self._raw = piece.raw
        self._arguments = piece.arguments
        self._keys: tuple[bytes, ...] | None = None
        self._identity = ""
        self.lasting = False
        """The same object stands for the same bytes whenever they come."""

    @property
    def arguments(self) -> tuple[bytes, ...]:
        if self._arguments is None:
            self._arguments = arguments_of(self._raw)
        return self._arguments

    @property
    def command(self) -> str:
        """Its name in capitals, with the subcommand: `GET`, `CONFIG SET`."""
        return text(full_name(self.arguments) if self.name in CONTAINERS else self.name)

    @property
    def in_transaction(self) -> bool:
        return self.transaction is not None and not self.transaction.refused

    @property
    def queued(self) -> bool:
        """It is answered with QUEUED, and done when EXEC comes."""
        return self.in_transaction and self.name not in UNQUEUED

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Raises Unknown where not all of them are there."""
        if self._keys is None:
            self._keys = keys_of(self.arguments, self.total)
            if self._keys is None:
                raise Unknown("a command too large to be held before all its keys have come")
        return self._keys

    @property
    def identity(self) -> str:
        if not self._identity:
            self._identity = f"redis {self.command} {self._first_key()}"
        return self._identity

    @property
    def summary(self) -> Mapping[str, str]:
        key = self._first_key()
        return {"command": self.command[:_SHOWN], **({"key": key[:_SHOWN]} if key else {})}

    def value(self, key: str) -> str | None:
        if key == "command":
            return self.command
        if key == "key":
            return JOINT.join(map(text, self.keys)) if self.keys else None
        return None

    def _first_key(self) -> str:
        try:
            return text(self.keys[0]) if self.keys else ""
        except Unknown:
            return ""


class Response:
    """A reply, or what a service says unasked (without a request). `raw` may be only its beginning (not `whole`)."""

    __slots__ = ("raw", "request", "whole")
    side: Side = "response"

    def __init__(self, raw: bytes, request: Request | None, *, whole: bool) -> None:
        self.raw = raw
        self.request = request
        self.whole = whole

    @property
    def identity(self) -> str:
        return self.request.identity if self.request else f"redis {' '.join(self._origin().values())}"

    @property
    def summary(self) -> Mapping[str, str]:
        return {**self._origin(), "status": self.status[:_SHOWN]}

    def value(self, key: str) -> str | None:
        if key == "status":
            return self.status
        if key == "value":
            return self._text()
        return self.request.value(key) if self.request else self._origin().get(key)

    @property
    def status(self) -> str:
        """The code of an error, the text of a status line, `nil`, or the kind of value."""
        kind, line = self.raw[:1], self.raw[1 : self.raw.find(b"\r\n")]
        if kind == b"+":
            return text(line)
        if kind == b"-":
            return text(line.partition(b" ")[0])
        if kind == b"_" or (kind in b"$*" and line == b"-1"):
            return "nil"
        if kind == b"!":
            return text(self.raw[len(line) + 3 :].partition(b" ")[0])
        return _KIND_OF_BYTE.get(kind, "")

    def decoded(self) -> Any:
        """The value. Raises Unknown where it isn't whole, or is none."""
        if not self.whole:
            raise Unknown("a reply too large to be held")
        try:
            return decode(self.raw)
        except ValueError:
            raise Unknown("a reply that makes no sense") from None

    def _text(self) -> str | None:
        value = self.decoded()
        if isinstance(value, Simple | Failure):
            return text(value.text)
        if isinstance(value, bytes):
            return text(value)
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _origin(self) -> dict[str, str]:
        """What it belongs to: a command, or the kind and channel of what was not asked for."""
        if self.request:
            return dict(self.request.summary)
        words = words_of(self.raw) if self.whole else ()
        return dict(zip(("command", "key"), (text(word)[:_SHOWN] for word in words if word), strict=False))


def words_of(frame: bytes) -> tuple[bytes, ...]:
    """The items of a whole array or push, with b"" for those which are no strings; none where it is neither."""
    if frame[:1] not in (b"*", b">"):
        return ()
    try:
        value = decode(frame)
    except ValueError:
        return ()
    items = value.items if isinstance(value, Push) else value or ()
    return tuple(item if isinstance(item, bytes) else b"" for item in items)
