"""Statements and their results as rules see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct, error
from typing import Final

from faultbox.model.message import Side, Unknown
from faultbox.protocols.postgres import sql
from faultbox.protocols.postgres.rows import Column, columns_of, in_formats
from faultbox.protocols.postgres.tables import tables
from faultbox.protocols.postgres.values import NoForm, decode
from faultbox.protocols.postgres.wire import cstrings

JOINT: Final = "\0"
"""Between the tables of a statement with several, and its commands."""
_SHOWN = 160
"""Characters of a statement in an event."""
_short = Struct("!H")
_size = Struct("!i")


@dataclass(slots=True)
class Statement:
    """A statement's text (None: too large to be held), the types of its parameters and its result's RowDescription."""

    text: str | None
    types: Sequence[int] = ()
    description: bytes = b""


@dataclass(slots=True)
class Binding:
    """What a Bind says: values, and the formats in which results are wanted."""

    values: Sequence[bytes | None] = ()
    binary: Sequence[bool] = ()
    results: Sequence[int] = ()
    broken: bool = False


@dataclass(slots=True)
class Portal:
    """A statement with its parameters. `bind` is the body of the Bind, None where it was too large to be held."""

    statement: Statement
    bind: bytes | None
    _read: Binding | None = field(default=None, repr=False)

    @property
    def binding(self) -> Binding:
        if self._read is None:
            self._read = _binding(self.bind) if self.bind is not None else Binding(broken=True)
        return self._read

    @property
    def columns(self) -> Sequence[Column]:
        """Of its result, as far as the service has described it."""
        return in_formats(columns_of(self.statement.description), self.binding.results)

    def parameter(self, name: str) -> str | None:
        """A bound parameter by its number, as text; None where there is none, or it is NULL. Raises Unknown."""
        binding = self.binding
        if binding.broken:
            raise Unknown("parameters too large to be held")
        number = int(name) - 1 if name.isascii() and name.isdigit() and len(name) < 6 else -1
        if not 0 <= number < len(binding.values):
            return None
        value = binding.values[number]
        types = self.statement.types
        try:
            oid = types[number] if number < len(types) else 0
            return None if value is None else decode(value, oid, binary=binding.binary[number])
        except NoForm as unread:
            raise Unknown(str(unread)) from None


class Request:
    """A statement that is to be done, or something else that a caller asks for (`verb`: CONNECT, CANCEL, FUNCTION).

    A statement of the extended protocol is met when it is executed, with its parameters. `opening` are the
    letters of the frames that are sent with its Execute: a Bind, a Describe.
    """

    __slots__ = ("entry", "extended", "opening", "parameters", "portal", "statement", "verb")
    side: Side = "request"

    def __init__(
        self,
        verb: str,
        statement: Statement | None = None,
        portal: Portal | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        opening: bytes = b"",
    ) -> None:
        self.verb = verb
        self.statement = statement
        self.portal = portal
        self.extended = portal is not None
        self.parameters: Mapping[str, str] = parameters or {}
        """What the connection began with: user, database …"""
        self.opening = opening
        self.entry: object = None
        """Its place among what the service will answer."""

    @property
    def text(self) -> str | None:
        return self.statement.text if self.statement is not None else None

    @property
    def command(self) -> str:
        """What it does first, in capitals, or what it is."""
        return self.commands[0]

    @property
    def commands(self) -> Sequence[str]:
        """All that it does: a text may be several statements, and WITH may change something on the way."""
        text = self.text
        return sql.commands(text) if text is not None else (self.verb,)

    @property
    def identity(self) -> str:
        text = self.text
        return f"postgres {sql.shape(text) if text is not None else self.verb}"

    @property
    def summary(self) -> Mapping[str, str]:
        text = self.text
        shown = {"command": self.command, "database": self.parameters.get("database", "")}
        if text is not None:
            shown["query"] = " ".join(text[: 2 * _SHOWN].split())[:_SHOWN]
        return {name: value for name, value in shown.items() if value}

    def value(self, key: str) -> str | None:
        if key == "command":
            return JOINT.join(self.commands)
        if key in ("user", "database"):
            return self.parameters.get(key, self.parameters.get("user"))
        return self._of_statement(key) if self.statement is not None else None

    def _of_statement(self, key: str) -> str | None:
        if key.startswith("params."):
            return self.portal.parameter(key.removeprefix("params.")) if self.portal is not None else None
        text = self.text
        if text is None:
            raise Unknown("a statement too large to be held, or prepared before the connection could be followed")
        if key == "query":
            return text
        return JOINT.join(tables(text)) or None if key == "table" else None


class Response:
    """What a service answers to a request. `status` is None while it hasn't been read that far."""

    __slots__ = ("request", "status")
    side: Side = "response"

    def __init__(self, request: Request) -> None:
        self.request = request
        self.status: str | None = None
        """The SQLSTATE of an error, or what was done: `INSERT 0 1`, SUSPENDED, EMPTY."""

    @property
    def identity(self) -> str:
        return self.request.identity

    @property
    def summary(self) -> Mapping[str, str]:
        return {**self.request.summary, **({"status": self.status} if self.status else {})}

    def value(self, key: str) -> str | None:
        if key != "status":
            return self.request.value(key)
        if self.status is None and self.request.statement is not None:
            raise Unknown("an answer too large to be held to its end")
        return self.status


def _binding(body: bytes) -> Binding:
    """Bind's body: portal, statement, formats, values, formats of results. Broken where it makes no sense."""
    try:
        _, at = cstrings(body, 2)
        formats, at = _shorts(body, at)
        (count,), at = _short.unpack_from(body, at), at + _short.size
        values: list[bytes | None] = []
        for _ in range(count):
            (size,), at = _size.unpack_from(body, at), at + _size.size
            values.append(body[at : at + size] if size >= 0 else None)
            at += max(0, size)
        results, _ = _shorts(body, at)
    except error:
        return Binding(broken=True)
    each = formats if len(formats) > 1 else [*formats, 0][:1] * count
    binary = [form == 1 for form in (*each, *[0] * (count - len(each)))]
    return Binding(values, binary, results)


def _shorts(body: bytes, at: int) -> tuple[list[int], int]:
    """A count and so many 16-bit numbers."""
    (count,) = _short.unpack_from(body, at)
    at += _short.size
    return [_short.unpack_from(body, at + 2 * each)[0] for each in range(count)], at + 2 * count


def parameter_types(body: bytes, at: int = 0) -> list[int]:
    """The type OIDs at the end of a Parse, or in a ParameterDescription; none where they make no sense."""
    try:
        (count,) = _short.unpack_from(body, at)
        return [int.from_bytes(body[at + 2 + 4 * each : at + 6 + 4 * each]) for each in range(count)]
    except error:
        return []
