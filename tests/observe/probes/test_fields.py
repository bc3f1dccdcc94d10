"""A struct of C as fields of an event, by what bcc tells of it."""

from __future__ import annotations

import struct

import pytest

from faultbox.observe.probes.fields import NotReadable, layout


def test_fields_lie_as_c_lays_them() -> None:
    known = layout(["n#u32", "comm#char[16]", "when#u64", "flag#bool", "port#unsigned short", "code#int"])
    data = struct.pack("@I16sQBHi", 7, b"redis\0rest", 1 << 40, 1, 6379, -2)
    assert known.size == len(data)
    assert known.values(data) == {"n": 7, "comm": "redis", "when": 1 << 40, "flag": 1, "port": 6379, "code": -2}


def test_arrays_pointers_and_enums() -> None:
    known = layout(["address#u8[4]", "task#struct task_struct *", "state#enum state", "ids#int [2]", "one#char"])
    data = struct.pack("@4BQi2ib", 127, 0, 0, 1, 0xFFFF, 2, 3, 4, 65)
    assert known.values(data) == {"address": [127, 0, 0, 1], "task": 0xFFFF, "state": 2, "ids": [3, 4], "one": 65}


def test_text_ends_at_its_zero_or_at_the_end() -> None:
    known = layout(["full#char[4]"])
    assert known.values(b"abcd") == {"full": "abcd"}
    assert known.values(b"a\xff\0d") == {"full": "a\ufffd"}


@pytest.mark.parametrize("declared", ["inner#struct inner", "table#int[2][3]", "x#__int128"])
def test_other_types_are_refused(declared: str) -> None:
    with pytest.raises(NotReadable, match="can't become an event's field"):
        layout([declared])
