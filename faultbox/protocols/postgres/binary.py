"""Types whose binary form is no machine number: numeric_recv, date_recv, timestamp_recv, uuid_recv of PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from struct import Struct
from typing import Any, Final

NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ, UUID = 1700, 1082, 1114, 1184, 2950
"""Type OIDs, from PostgreSQL's pg_type.dat."""

_head = Struct("!hhHH")
"""Of a numeric: how many groups of four digits, the power of 10000 of the first one, sign, decimal places."""
_group = Struct("!h")
_days = Struct("!i")
_microseconds = Struct("!q")
_POSITIVE, _NEGATIVE = 0x0000, 0x4000
_SPECIAL: Final = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_MOST_DIGITS: Final = 131_072
"""Before the decimal point, as PostgreSQL's manual says of numeric; after it there may be 16383."""
_EPOCH: Final = datetime(2000, 1, 1)
_INFINITE: Final = {(1 << 63) - 1: "infinity", -(1 << 63): "-infinity"}


def encode_numeric(value: Any) -> bytes:
    """Raises ValueError for what is no number."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(value) from None
    for sign, name in _SPECIAL.items():
        if not number.is_finite() and Decimal(name).compare_total(number) == 0:
            return _head.pack(0, 0, sign, 0)
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError(value)
    whole, _, fraction = f"{number.copy_abs():f}".partition(".")
    digits = whole.zfill(-(-len(whole) // 4) * 4) + fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    weight = -(-len(whole) // 4) - 1
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    while groups and not groups[0]:
        groups.pop(0)
        weight -= 1
    while groups and not groups[-1]:
        groups.pop()
    sign = _NEGATIVE if number < 0 else _POSITIVE
    head = _head.pack(len(groups), weight if groups else 0, sign, len(fraction))
    return head + b"".join(map(_group.pack, groups))


def decode_numeric(data: bytes) -> str:
    """As PostgreSQL writes it: with all its decimal places. Raises ValueError, struct.error."""
    count, weight, sign, places = _head.unpack_from(data)
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    groups = {weight - at: _group.unpack_from(data, _head.size + 2 * at)[0] for at in range(count)}
    whole = "".join(_four(groups, range(max(weight, 0), -1, -1))).lstrip("0") or "0"
    fraction = "".join(_four(groups, range(-1, -(places + 3) // 4 - 1, -1)))[:places]
    return f"{'-' if sign == _NEGATIVE else ''}{whole}{'.' if places else ''}{fraction}"


def _four(groups: dict[int, int], powers: range) -> Iterator[str]:
    return (f"{groups.get(power, 0):04}" for power in powers)


def encode_time(value: Any, oid: int) -> bytes:
    """A date or a time, written as in ISO 8601; one without a zone is UTC's. Raises ValueError."""
    if oid == DATE:
        return _days.pack((date.fromisoformat(str(value)) - _EPOCH.date()).days)
    moment = datetime.fromisoformat(str(value))
    if oid == TIMESTAMPTZ and moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return _microseconds.pack((moment.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1))


def decode_time(data: bytes, oid: int) -> str:
    """As PostgreSQL writes it in the zone UTC. Raises ValueError, OverflowError, struct.error."""
    if oid == DATE:
        return (_EPOCH.date() + timedelta(days=_days.unpack(data)[0])).isoformat()
    (count,) = _microseconds.unpack(data)
    if count in _INFINITE:
        return _INFINITE[count]
    moment = _EPOCH + timedelta(microseconds=count)
    text = moment.isoformat(" ")
    text = text.rstrip("0") if moment.microsecond else text
    return f"{text}+00" if oid == TIMESTAMPTZ else text


def _encode_uuid(value: Any) -> bytes:
    return uuid.UUID(str(value)).bytes


def _decode_uuid(data: bytes) -> str:
    return str(uuid.UUID(bytes=data))


FORMS: Final[Mapping[int, tuple[Callable[[Any], bytes], Callable[[bytes], str]]]] = {
    NUMERIC: (encode_numeric, decode_numeric),
    UUID: (_encode_uuid, _decode_uuid),
    **{oid: (partial(encode_time, oid=oid), partial(decode_time, oid=oid)) for oid in (DATE, TIMESTAMP, TIMESTAMPTZ)},
}
"""How a type is written and read. They raise ValueError, OverflowError or struct.error."""
