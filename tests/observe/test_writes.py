from __future__ import annotations

import struct

import pytest

from faultbox.observe.writes import Writes

_RECORD = struct.Struct("<HBBHHIIQQIIII")
WROTE, SENT = 5, 2


def record(pipe: int, length: int, position: int, time_ns: int, kind: int = WROTE) -> bytes:
    return _RECORD.pack(_RECORD.size, kind, 0, 0, 1, 7, 7, time_ns, time_ns - 5, pipe, length, position % 2**32, 0)


def test_a_byte_has_the_time_of_the_write_that_put_it_there() -> None:
    writes = Writes()
    writes.follow(9)
    writes.take([record(9, 10, 10, 100), record(8, 10, 10, 111), record(9, 5, 15, 200), record(9, 5, 20, 300, SENT)])
    assert [writes.time_of(9, byte) for byte in (1, 10, 11, 15, 16)] == [100, 100, 200, 200, 0]
    assert writes.time_of(8, 1) == 0


def test_whose_bytes_they_are_is_open_where_writes_overlapped() -> None:
    writes = Writes()
    writes.follow(9)
    writes.take([record(9, 10, 10, 100), record(9, 10, 0, 200), record(9, 10, 0, 210), record(9, 10, 40, 300)])
    assert [writes.time_of(9, byte) for byte in (10, 11, 30, 31)] == [100, 0, 0, 300]


def test_numbers_wrap_and_come_out_of_order() -> None:
    writes = Writes()
    writes.follow(9)
    at = 2**32 - 10
    writes.take([record(9, 1, byte, 50) for byte in (1_500_000_000, 3_000_000_000)])
    writes.take([record(9, 9, at, 100), record(9, 8, at + 28, 300), record(9, 20, at + 20, 200)])
    assert [writes.time_of(9, at + byte) for byte in (0, 20, 21)] == [100, 200, 300]


def test_no_more_is_kept_than_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.observe.writes._KEPT", 100)
    writes = Writes()
    writes.follow(9)
    writes.take([record(9, 1, byte, byte) for byte in range(10, 1000)])
    assert writes.time_of(9, 10) == 0
    assert writes.time_of(9, 999) == 999
