"""How values are written: str() and repr()."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import Broken
from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics.budget import allocate, charge
from faultbox.spec.semantics.numbers import decimal, float_text
from faultbox.spec.semantics.values import (
    BoundMethod,
    Dict,
    Elements,
    List,
    Range,
    SpecFunction,
    type_name,
)

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES |= {'"': '\\"', "\\": "\\\\"}
_PLAIN = re.compile(r"[ !#-\[\]-~]*")


def text(value: Any) -> str:
    """What str() gives: strings as they are, bytes as the UTF-8 they hold, the rest as repr()."""
    if type(value) is str:
        return value
    if type(value) is bytes:
        return value.decode("utf-8", "replace")
    return represent(value)


def represent(value: Any) -> str:
    """What repr() gives."""
    parts: list[str] = []
    _write(value, parts, ())
    return "".join(parts)


def quote(value: str) -> str:
    """A string as a literal in double quotes."""
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    return '"' + "".join(_escape(character) for character in value) + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _write(value: Any, parts: list[str], path: tuple[int, ...]) -> None:
    kind = type(value)
    if kind is str:
        allocate(len(value))
        parts.append(quote(value))
    elif kind is List:
        _write_sequence("[", value, "]", parts, path)
    elif kind is tuple:
        _write_sequence("(", value, ",)" if len(value) == 1 else ")", parts, path)
    elif kind is Dict:
        _write_dict(value, parts, path)
    else:
        parts.append(_scalar(value))


def _write_sequence(begin: str, value: Any, end: str, parts: list[str], path: tuple[int, ...]) -> None:
    if id(value) in path:
        parts.append(f"{begin}...{end}")
        return
    charge(len(value) * 4 + 1)
    parts.append(begin)
    for index, each in enumerate(value):
        if index:
            parts.append(", ")
        _write(each, parts, (*path, id(value)))
    parts.append(end)


def _write_dict(value: Dict, parts: list[str], path: tuple[int, ...]) -> None:
    if id(value) in path:
        parts.append("{...}")
        return
    charge(len(value) * 4 + 1)
    parts.append("{")
    for index, (key, each) in enumerate(value.items()):
        if index:
            parts.append(", ")
        _write(key, parts, (*path, id(value)))
        parts.append(": ")
        _write(each, parts, (*path, id(value)))
    parts.append("}")


def _scalar(value: Any) -> str:
    write = _SCALARS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, SpecFunction):
        return f"<function {value.name}>"
    host = attributes.of(value)
    if host is not None and host.text is not None:
        return host.text(value)
    return f"<{type_name(value)}>"


def _range(items: range) -> str:
    if items.step != 1:
        return f"range({items.start}, {items.stop}, {items.step})"
    return f"range({items.start}, {items.stop})" if items.start else f"range({items.stop})"


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): str,
    bool: str,
    int: decimal,
    float: float_text,
    bytes: lambda value: "b" + quote(value.decode("utf-8", "surrogateescape")),
    Range: lambda value: _range(value.items),
    Elements: lambda value: f"{represent(value.of)}.{value.method}()",
    Broken: repr,
    Builtin: lambda value: f"<built-in function {value.name}>",
    BoundMethod: lambda value: f"<built-in method {value.name} of {type_name(value.receiver)} value>",
}
