"""Values on the wire: as text, or binary where a driver asked for that."""

from __future__ import annotations

import json
from collections.abc import Callable
from struct import Struct, error
from typing import Any, Final

from faultbox.protocols.postgres.binary import FORMS

BOOL, BYTEA, NAME, INT8, INT2, INT4, TEXT, OID, JSON = 16, 17, 19, 20, 21, 23, 25, 26, 114
FLOAT4, FLOAT8, UNKNOWN, BPCHAR, VARCHAR, JSONB = 700, 701, 705, 1042, 1043, 3802
"""Type OIDs, from PostgreSQL's pg_type.dat."""

_TEXTS: Final = frozenset((NAME, TEXT, JSON, UNKNOWN, BPCHAR, VARCHAR))
_NUMBERS: Final = {
    BOOL: Struct("!?"), INT2: Struct("!h"), INT4: Struct("!i"), INT8: Struct("!q"), OID: Struct("!I"),
    FLOAT4: Struct("!f"), FLOAT8: Struct("!d"),
}  # fmt: skip


class NoForm(Exception):
    """The value has no form in that type, or the type's binary form isn't known here."""


def as_text(value: Any) -> bytes:
    """A value of a spec, as PostgreSQL writes it."""
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, dict | list):
        return json.dumps(value).encode()
    return str(value).encode("utf-8", "surrogateescape")


def oid_of(value: Any) -> int:
    """The type that a made-up column of such values has."""
    if isinstance(value, bool):
        return BOOL
    kinds: dict[type, int] = {int: INT8, float: FLOAT8, bytes: BYTEA, dict: JSONB, list: JSONB}
    return kinds.get(type(value), TEXT)


def encode(value: Any, oid: int, *, binary: bool) -> bytes:
    """A value as a cell of a column. Raises NoForm."""
    if not binary:
        return as_text(value)
    try:
        return _encode(value, oid)
    except (ValueError, TypeError, error, OverflowError):
        raise NoForm(f"{value!r} as type {oid}") from None


def decode(data: bytes, oid: int, *, binary: bool) -> str:
    """A value as text. Raises NoForm."""
    if not binary:
        return data.decode("utf-8", "backslashreplace")
    try:
        return _decode(data, oid)
    except (ValueError, OverflowError, error):
        raise NoForm(f"binary value of type {oid}") from None


def _encode(value: Any, oid: int) -> bytes:
    if oid in _TEXTS:
        return as_text(value)
    if oid in _NUMBERS:
        convert: Callable[[Any], Any] = {BOOL: bool, FLOAT4: float, FLOAT8: float}.get(oid, int)
        return _NUMBERS[oid].pack(convert(value))
    if oid == JSONB:
        return b"\x01" + as_text(value)
    if oid == BYTEA:
        return value if isinstance(value, bytes) else str(value).encode()
    if oid in FORMS:
        return FORMS[oid][0](value)
    raise ValueError(oid)


def _decode(data: bytes, oid: int) -> str:
    if oid in _TEXTS:
        return data.decode("utf-8", "backslashreplace")
    if oid in _NUMBERS:
        (value,) = _NUMBERS[oid].unpack(data)
        return "t" if value is True else "f" if value is False else f"{value:.9g}" if oid == FLOAT4 else str(value)
    if oid == JSONB:
        return data[1:].decode("utf-8", "backslashreplace")
    if oid == BYTEA:
        return f"\\x{data.hex()}"
    if oid in FORMS:
        return FORMS[oid][1](data)
    raise ValueError(oid)
