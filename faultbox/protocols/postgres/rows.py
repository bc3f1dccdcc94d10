"""Result sets: descriptions of columns, rows, and answers made of them or changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct, error
from typing import Any, NamedTuple

from faultbox.protocols.postgres.values import NoForm, encode, oid_of
from faultbox.protocols.postgres.wire import cstrings, frame, text

_count = Struct("!H")
_size = Struct("!i")
_column = Struct("!IhIhih")
_NULL = _size.pack(-1)
_COUNTED = re.compile(rb"^(SELECT|FETCH|MOVE|INSERT 0|UPDATE|DELETE) \d+")


class Column(NamedTuple):
    name: str
    oid: int
    binary: bool = False


def columns_of(description: bytes) -> tuple[Column, ...]:
    """The columns of a RowDescription frame; none where it makes no sense."""
    body = description[5:]
    found = []
    try:
        (count,), at = _count.unpack_from(body), _count.size
        for _ in range(count):
            (name,), at = cstrings(body, 1, at)
            _, _, oid, _, _, form = _column.unpack_from(body, at)
            at += _column.size
            found.append(Column(text(name), oid, form == 1))
    except error:
        return ()
    return tuple(found)


def in_formats(columns: Sequence[Column], formats: Sequence[int]) -> tuple[Column, ...]:
    """Columns of a statement, in the formats that a Bind asked for: none, one for all, or one each."""
    if not formats:
        return tuple(column._replace(binary=False) for column in columns)
    each = formats if len(formats) > 1 else [formats[0]] * len(columns)
    return tuple(column._replace(binary=form == 1) for column, form in zip(columns, each, strict=False))


def made_up_columns(rows: Sequence[Mapping[str, Any]], formats: Sequence[int] = ()) -> tuple[Column, ...]:
    """Columns for rows, typed by the first value that isn't None."""
    samples: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            if samples.get(name) is None:
                samples[name] = value
    return in_formats([Column(name, oid_of(value)) for name, value in samples.items()], formats)


def description(columns: Sequence[Column]) -> bytes:
    """A RowDescription."""
    fields = b"".join(
        column.name.encode("utf-8", "surrogateescape")
        + b"\0"
        + _column.pack(0, 0, column.oid, -1, -1, int(column.binary))
        for column in columns
    )
    return frame(b"T", _count.pack(len(columns)) + fields)


def row(cells: Sequence[bytes | None]) -> bytes:
    """A DataRow."""
    parts = [_NULL if cell is None else _size.pack(len(cell)) + cell for cell in cells]
    return frame(b"D", _count.pack(len(cells)) + b"".join(parts))


def rows(values: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> bytes:
    """DataRows; a column that a row does not have is NULL. Raises NoForm."""
    return b"".join(row([_cell(each.get(column.name), column) for column in columns]) for each in values)


def _cell(value: Any, column: Column) -> bytes | None:
    return None if value is None else encode(value, column.oid, binary=column.binary)


def cells(frame_: bytes) -> list[bytes | None]:
    """The cells of a DataRow. Raises struct.error."""
    (count,), at = _count.unpack_from(frame_, 5), 5 + _count.size
    found: list[bytes | None] = []
    for _ in range(count):
        (size,) = _size.unpack_from(frame_, at)
        at += _size.size
        found.append(frame_[at : at + size] if size >= 0 else None)
        at += max(0, size)
    return found


def frames(raw: bytes) -> Iterator[bytes]:
    """The frames of a whole answer."""
    at = 0
    while at < len(raw):
        end = at + 1 + int.from_bytes(raw[at + 1 : at + 5])
        yield raw[at:end]
        at = end


class Rewriting:
    """A whole answer with other rows (`rows`), or other values in some columns of each row (`values`).

    Raises NoForm where a value can't be put into its column, or the columns aren't known.
    """

    def __init__(self, arguments: Mapping[str, Any], columns: Sequence[Column]) -> None:
        self._rows: Sequence[Mapping[str, Any]] | None = arguments.get("rows")
        self._values: Mapping[str, Any] = arguments.get("values", {})
        self._columns = columns
        self._had_rows = False

    def changed(self, raw: bytes) -> bytes:
        return b"".join(map(self._frame, frames(raw)))

    def _frame(self, frame_: bytes) -> bytes:
        tag = frame_[:1]
        if tag == b"T":
            self._columns = columns_of(frame_)
        elif tag == b"D":
            self._had_rows = True
            return b"" if self._rows is not None else self._set(frame_)
        elif tag == b"C" and self._rows is not None and (self._columns or self._had_rows):
            if not self._columns:
                raise NoForm("rows whose columns aren't known")
            return rows(self._rows, self._columns) + frame(b"C", counted(frame_[5:], len(self._rows)))
        return frame_

    def _set(self, frame_: bytes) -> bytes:
        if not self._columns:
            raise NoForm("a row whose columns aren't known")
        try:
            old = cells(frame_)
        except error:
            raise NoForm("a row that makes no sense") from None
        pairs = zip(old, self._columns, strict=False)
        return row([_cell(self._values[c.name], c) if c.name in self._values else cell for cell, c in pairs])


def counted(tag: bytes, count: int) -> bytes:
    """A command tag that tells of so many rows."""
    return _COUNTED.sub(lambda found: found[1] + b" %d" % count, tag)
