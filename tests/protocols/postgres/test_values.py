"""Values in their binary form: what PostgreSQL itself sends and takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.protocols.postgres.binary import DATE, NUMERIC, TIMESTAMP, TIMESTAMPTZ, UUID
from faultbox.protocols.postgres.values import NoForm, decode, encode


@pytest.mark.parametrize(
    ("text", "oid", "sent"),
    [
        ("0", NUMERIC, "0000000000000000"),
        ("9.99", NUMERIC, "00020000000000020009 26ac"),
        ("-12345.678", NUMERIC, "0003000140000003000109291a7c"),
        ("0.0001", NUMERIC, "0001ffff000000040001"),
        ("10000", NUMERIC, "00010001000000000001"),
        ("1.50", NUMERIC, "00020000000000020001 1388"),
        ("NaN", NUMERIC, "00000000c0000000"),
        ("-Infinity", NUMERIC, "00000000f0000000"),
        ("2000-01-02", DATE, "00000001"),
        ("1999-12-31", DATE, "ffffffff"),
        ("2000-01-01 00:00:01.5", TIMESTAMP, "000000000016e360"),
        ("2000-01-01 00:00:01+00", TIMESTAMPTZ, "00000000000f4240"),
    ],
)
def test_numbers_and_times(text: str, oid: int, sent: str) -> None:
    data = bytes.fromhex(sent)
    assert encode(text, oid, binary=True) == data
    assert decode(data, oid, binary=True) == text


@pytest.mark.parametrize(
    ("value", "oid", "read"),
    [
        (5, NUMERIC, "5"),
        (2.5, NUMERIC, "2.5"),
        ("1e3", NUMERIC, "1000"),
        ("2024-02-03T04:05:06Z", TIMESTAMPTZ, "2024-02-03 04:05:06+00"),
        ("2024-02-03 04:05:06+02:00", TIMESTAMPTZ, "2024-02-03 02:05:06+00"),
        ("2024-02-03", TIMESTAMP, "2024-02-03 00:00:00"),
    ],
)
def test_what_specs_write(value: Any, oid: int, read: str) -> None:
    assert decode(encode(value, oid, binary=True), oid, binary=True) == read


@pytest.mark.parametrize(
    ("value", "oid"), [("much", NUMERIC), ("today", DATE), ("25:00", TIMESTAMP), (None, NUMERIC), ({}, TIMESTAMPTZ)]
)
def test_what_is_no_such_value_is_refused(value: Any, oid: int) -> None:
    with pytest.raises(NoForm):
        encode(value, oid, binary=True)


@pytest.mark.parametrize(
    ("data", "oid"), [(b"\0" * 3, NUMERIC), (b"", DATE), (b"\x7f" + b"\xff" * 6 + b"\xfe", TIMESTAMP), (b"short", UUID)]
)
def test_what_makes_no_sense_is_not_read(data: bytes, oid: int) -> None:
    with pytest.raises(NoForm):
        decode(data, oid, binary=True)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**30), max_value=10**30))
def test_any_number_is_read_as_it_was_written(number: Decimal) -> None:
    data = encode(f"{number:f}", NUMERIC, binary=True)
    assert Decimal(decode(data, NUMERIC, binary=True)) == number
