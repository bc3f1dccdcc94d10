"""What a probe puts out, as fields: by the struct's fields as bcc tells them, "comm#char[16]"."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from faultbox.model.frozen import frozen

_DECLARED = re.compile(r"(\w+)#(.*?)\s*(?:\[(\d+)\])?")
_INTEGERS = {
    "b": "char, signed char, s8, __s8, int8_t",
    "B": "unsigned char, u8, __u8, uint8_t, bool, _Bool",
    "h": "short, s16, __s16, int16_t",
    "H": "unsigned short, u16, __u16, uint16_t, umode_t, sa_family_t, __be16, __le16",
    "i": "int, s32, __s32, int32_t, pid_t, clockid_t, key_t",
    "I": "unsigned int, u32, __u32, uint32_t, uid_t, gid_t, dev_t, gfp_t, __be32, __le32",
    "q": "long, long long, s64, __s64, int64_t, ssize_t, loff_t, time64_t",
    "Q": "unsigned long, unsigned long long, u64, __u64, uint64_t, size_t, uintptr_t, sector_t, __be64, __le64",
}
_CODES = {name: code for code, names in _INTEGERS.items() for name in names.split(", ")}


class NotReadable(Exception):
    """A struct has a field of a type that events can't hold."""


@frozen
class Field:
    """`code` is that of struct; `count` is None for one that is no array. `text`: an array of characters."""

    name: str
    offset: int
    code: str
    count: int | None
    text: bool

    def of(self, data: bytes) -> Any:
        """Its value in a record."""
        if self.text and self.count is not None:
            return data[self.offset : self.offset + self.count].partition(b"\0")[0].decode(errors="replace")
        values = struct.unpack_from(f"={self.count or 1}{self.code}", data, self.offset)
        return values[0] if self.count is None else list(values)


@frozen
class Layout:
    """A C struct: its fields, and how many bytes there must be at least."""

    fields: tuple[Field, ...]
    size: int

    def values(self, data: bytes) -> Mapping[str, Any]:
        return {field.name: field.of(data) for field in self.fields}


def layout(declared: Sequence[str]) -> Layout:
    """Of a struct that is laid out as C does it, without packing. Raises NotReadable."""
    fields: list[Field] = []
    end = 0
    for each in declared:
        found = _DECLARED.fullmatch(each)
        code = _code(found[2]) if found is not None else ""
        if found is None or not code:
            raise NotReadable(f"the field {each.replace('#', ' of type ')} can't become an event's field")
        size = struct.calcsize(code)
        offset = -(-end // size) * size
        count = int(found[3]) if found[3] else None
        fields.append(Field(found[1], offset, code, count, text=found[2] == "char"))
        end = offset + size * (1 if count is None else count)
    return Layout(tuple(fields), end)


def _code(name: str) -> str:
    """How struct reads a type of C; "" for one that is no number."""
    if name.endswith("*"):
        return "Q"
    return "i" if name.startswith("enum ") else _CODES.get(name, "")
