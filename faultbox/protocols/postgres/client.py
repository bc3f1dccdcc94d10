"""postgres steps: one statement on a connection of its own, by pg8000."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from faultbox.model.host import Response, SpecError
from faultbox.model.printed import flat, printed
from faultbox.protocols.answers import DEFAULT_TIMEOUT_S
from faultbox.protocols.connection import Connection, StepFailed
from faultbox.protocols.postgres.wire import SSL_REQUEST, Responses, error_fields

if TYPE_CHECKING:
    from pg8000.native import Connection as Database

    from faultbox.protocols.secure import Securing

_DEFAULT_USER = "postgres"
_STARTUP = b"\0\x03\0\0user\0postgres\0database\0postgres\0application_name\0faultbox\0\0"
_SSL_REQUEST = (8).to_bytes(4) + SSL_REQUEST.to_bytes(4)
_NOT_YET = "57P03"
"""cannot_connect_now: it starts up, or shuts down."""


def defaults(env: Mapping[str, str]) -> dict[str, Any]:
    """What steps on a service with that environment take for arguments that aren't written."""
    user = env.get("POSTGRES_USER") or _DEFAULT_USER
    given = {"user": user, "password": env.get("POSTGRES_PASSWORD"), "database": env.get("POSTGRES_DB") or user}
    return {name: value for name, value in given.items() if value is not None}


def ready(address: tuple[str, int], timeout_s: float, tls: Securing | None = None) -> str:
    """Whether it takes connections, whoever may: "" or what was wrong. One attempt.

    Being asked for a password, or refused for who one is, is an answer of a server that is up.
    """
    frames = Responses()
    hello = (len(_STARTUP) + 4).to_bytes(4) + _STARTUP
    try:
        with _opened(address, time.monotonic() + timeout_s, tls) as connection:
            for received in connection.exchange(hello):
                for piece in frames.feed(received):
                    fields = error_fields(piece.body) if piece.tag == ord("E") else {}
                    if frames.broken:
                        return frames.broken
                    return fields.get("M", "") if fields.get("C") == _NOT_YET else ""
    except StepFailed as failed:
        return str(failed)
    return "the connection was closed without an answer"


def step(
    address: tuple[str, int],
    method: str,
    arguments: Mapping[str, Any],
    timeout_s: float = DEFAULT_TIMEOUT_S,
    tls: Securing | None = None,
) -> Response:
    """query(sql) or exec(sql), with args=, user=, password=, database= and timeout_ms=, which is for all of it.

    query's `data` is a list of rows, each a dict of column to value: numbers, bools, None, JSON and lists as
    such, everything else as PostgreSQL writes it. exec's is `{"rows_affected": …}`. An error of the
    server gives ok=False, `error` with its message and SQLSTATE, and its fields as `data`. Raises SpecError for
    arguments that can't be sent.
    """
    if method not in ("query", "exec"):
        raise ValueError(f"postgres has no step {method!r}")
    _check(arguments)
    start = time.monotonic()
    deadline = start + arguments.get("timeout_ms", timeout_s * 1000) / 1000
    try:
        with _opened(address, deadline, tls) as connection:
            data = _done(connection, method, arguments)
    except StepFailed as failed:
        return Response(error=str(failed), duration_ms=_since(start), protocol="postgres")
    except _Refused as refused:
        return _error(refused.fields, _since(start))
    return Response(
        body=printed(data),
        data=data,
        fields=flat(data) if isinstance(data, dict) else {},
        ok=True,
        duration_ms=_since(start),
        protocol="postgres",
    )


def _opened(address: tuple[str, int], deadline: float, tls: Securing | None) -> Connection:
    """A connection, secured where the server agrees to it; it must, where TLS is asked for."""
    connection = Connection(address, deadline)
    try:
        if tls is not None:
            connection.write(_SSL_REQUEST)
            if connection.read(1) != b"S":
                raise StepFailed("TLS: the server does not offer it (is ssl = on?)")
            connection.secure(tls)
    except StepFailed:
        connection.__exit__()
        raise
    return connection


def _check(arguments: Mapping[str, Any]) -> None:
    """Whether there is a value for each parameter of the statement."""
    from pg8000.exceptions import InterfaceError
    from pg8000.native import to_statement

    if arguments.get("args"):
        try:
            to_statement(arguments["sql"])[1](arguments["args"])
        except InterfaceError as error:
            raise SpecError("WRONG_VALUE", f"the statement can't be sent: {error}") from None


class _Refused(Exception):
    """The server's ErrorResponse."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self.fields = fields


def _done(connection: Connection, method: str, arguments: Mapping[str, Any]) -> Any:
    """The statement's result, as the method gives it."""
    from pg8000.exceptions import DatabaseError, InterfaceError

    values = dict(arguments.get("args", {}))
    try:
        database = _connected(connection, arguments)
        rows = database.run(arguments["sql"], **values)
    except DatabaseError as error:
        raise _Refused(error.args[0]) from None
    except InterfaceError as error:
        closed = str(error) == "network error"
        raise StepFailed(
            f"protocol error: {'the connection was closed without an answer' if closed else error}"
        ) from None
    if method == "exec":
        return {"rows_affected": max(0, database.row_count)}
    names = [column["name"] for column in database.columns or ()]
    return [dict(zip(names, row, strict=True)) for row in rows or ()]


def _connected(connection: Connection, arguments: Mapping[str, Any]) -> Database:
    from pg8000.native import Connection as Database

    user = arguments.get("user", _DEFAULT_USER)
    database = Database(
        user,
        password=arguments.get("password"),
        database=arguments.get("database", user),
        sock=_Socket(connection),
        ssl_context=False,
        application_name="faultbox",
    )
    plain: dict[int, Callable[[str], Any]] = {114: json.loads, 3802: json.loads, 1700: _number}
    kept = {oid: database.pg_types[oid] for oid in _KEPT}
    database.pg_types = _Types({**kept, **plain})
    return database


_KEPT = (16, 20, 21, 23, 26, 700, 701, 1000, 1005, 1007, 1009, 1015, 1016, 1021, 1022)
"""OIDs of types that pg8000 reads as a spec has them: bool, integers, floats, text, and arrays of these."""


class _Types(dict[int, Callable[[str], Any]]):
    """How values are read; those of other types stay as they are written."""

    def __missing__(self, oid: int) -> Callable[[str], Any]:
        return str


def _number(text: str) -> Any:
    """A numeric: an int where it has no fraction."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _error(fields: Mapping[str, str], duration_ms: float) -> Response:
    data = {
        "sqlstate": fields.get("C", ""),
        "message": fields.get("M", ""),
        "severity": fields.get("V", fields.get("S", "")),
        "detail": fields.get("D", ""),
    }
    text = f"{data['message']} (SQLSTATE {data['sqlstate']})"
    return Response(error=text, data=data, fields=data, duration_ms=duration_ms, protocol="postgres")


class _Socket:
    """The driver's connection as pg8000 wants it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def makefile(self, mode: str) -> io.BufferedRWPair:  # noqa: ARG002 - it is always for both
        raw = _Raw(self._connection)
        return io.BufferedRWPair(raw, raw)

    def close(self) -> None:
        """Whoever made the connection closes it."""


class _Raw(io.RawIOBase):
    """Reads and writes by the connection's deadline."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._connection.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        self._connection.write(bytes(data))
        return len(data)


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
