"""RESP2 and RESP3 values: what frames say, in Python, and how it is written.

bytes for bulk and verbatim strings, Simple for status lines, Failure for errors, int, float, bool
and None, a list for arrays and sets, a Map for maps, a Push for what comes unasked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class Simple:
    """A status line: `+OK`."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """An error: its first word is its code."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Map:
    """A map: its keys may be anything, so they are pairs."""

    pairs: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Push:
    """What a service says unasked; the first item names its kind."""

    items: tuple[Any, ...]


def decode(frame: bytes) -> Any:
    """The value of one whole frame. Raises ValueError for what can't be a value (`:x`)."""
    value, _ = _value(frame, 0)
    return value


def _value(frame: bytes, at: int) -> tuple[Any, int]:
    kind = frame[at : at + 1]
    end = frame.index(_END, at)
    line = frame[at + 1 : end]
    after = end + 2
    if kind in b"$!=":
        return _string(kind, frame, after, int(line))
    if kind in b"*~>%":
        return _aggregate(kind, frame, after, int(line))
    if kind == b"|":
        _, after = _aggregate(b"%", frame, after, int(line))
        return _value(frame, after)
    return _scalar(kind, line), after


def _scalar(kind: bytes, line: bytes) -> Any:
    if kind == b"+":
        return Simple(line)
    if kind == b"-":
        return Failure(line)
    if kind in b":(":
        return int(line)
    if kind == b",":
        return float(line)
    if kind == b"#":
        return line == b"t"
    return None


def _string(kind: bytes, frame: bytes, start: int, length: int) -> tuple[Any, int]:
    if length < 0:
        return None, start
    text = frame[start : start + length]
    if kind == b"!":
        return Failure(text), start + length + 2
    return text[4:] if kind == b"=" else text, start + length + 2


def _aggregate(kind: bytes, frame: bytes, at: int, count: int) -> tuple[Any, int]:
    if count < 0:
        return None, at
    items = []
    for _ in range(count * 2 if kind == b"%" else count):
        item, at = _value(frame, at)
        items.append(item)
    if kind == b"%":
        return Map(tuple(zip(items[::2], items[1::2], strict=True))), at
    return (Push(tuple(items)) if kind == b">" else items), at


def command(*arguments: bytes) -> bytes:
    """A command as callers send it."""
    return b"*%d\r\n" % len(arguments) + b"".join(map(bulk, arguments))


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


def encode(value: Any, protocol: int) -> bytes:
    """A reply in RESP `protocol` (2 or 3), which says nil, maps and what RESP2 doesn't know in different ways.

    Besides values as `decode` gives them it takes str, tuple and dict. Raises TypeError for anything else.
    """
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"a Redis reply can't hold {value!r}")
    return writer(value, protocol)


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _boolean(value: bool, protocol: int) -> bytes:
    return (b"#t\r\n" if value else b"#f\r\n") if protocol == 3 else b":%d\r\n" % value


def _double(value: float, protocol: int) -> bytes:
    text = repr(value) if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return b",%b\r\n" % text.encode() if protocol == 3 else bulk(text.encode())


def _map(pairs: Sequence[tuple[Any, Any]], protocol: int) -> bytes:
    flat = b"".join(encode(each, protocol) for pair in pairs for each in pair)
    return (b"%%%d\r\n" % len(pairs) if protocol == 3 else b"*%d\r\n" % (2 * len(pairs))) + flat


def _items(kind: bytes, items: Sequence[Any], protocol: int) -> bytes:
    return b"%b%d\r\n" % (kind, len(items)) + b"".join(encode(each, protocol) for each in items)


def _one_line(text: bytes) -> bytes:
    """Line breaks would end the reply; Redis writes spaces for them too."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


_WRITERS: dict[type, Callable[[Any, int], bytes]] = {
    Simple: lambda value, _protocol: b"+%b\r\n" % _one_line(value.text),
    Failure: lambda value, _protocol: b"-%b\r\n" % _one_line(value.text),
    str: lambda value, _protocol: bulk(octets(value)),
    bytes: lambda value, _protocol: bulk(value),
    type(None): lambda _value, protocol: b"_\r\n" if protocol == 3 else b"$-1\r\n",
    bool: _boolean,
    int: lambda value, _protocol: b":%d\r\n" % value,
    float: _double,
    list: lambda value, protocol: _items(b"*", value, protocol),
    tuple: lambda value, protocol: _items(b"*", value, protocol),
    dict: lambda value, protocol: _map(tuple(value.items()), protocol),
    Map: lambda value, protocol: _map(value.pairs, protocol),
    Push: lambda value, protocol: _items(b">" if protocol == 3 else b"*", value.items, protocol),
}
