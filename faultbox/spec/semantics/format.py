"""`%` on strings and str.format()."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from faultbox.spec.semantics.budget import allocate
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.numbers import decimal, float_text, number_to_int
from faultbox.spec.semantics.printing import quote, represent, text
from faultbox.spec.semantics.values import Dict, decode, encode, type_name


def interpolate(template: str, value: Any) -> str:
    """`template % value`. Raises EvalError."""
    positional = value if type(value) is tuple else (value,)
    out: list[str] = []
    used = 0
    rest = template
    while True:
        literal, percent, rest = rest.partition("%")
        out.append(literal)
        if not percent:
            break
        if rest.startswith("%"):
            out.append("%")
            rest = rest[1:]
            continue
        if rest.startswith("("):
            argument, rest = _named(rest, value)
        elif used < len(positional):
            argument = positional[used]
        else:
            raise EvalError("not enough arguments for format string")
        used += 1
        if not rest:
            raise EvalError("incomplete format")
        out.append(_convert(rest[0], argument))
        rest = rest[1:]
    if used < len(positional):
        raise EvalError("too many arguments for format string")
    return _joined(out)


def _named(rest: str, value: Any) -> tuple[Any, str]:
    """The value of `(key)` at the beginning of rest, and what follows it."""
    key, closing, rest = rest[1:].partition(")")
    if not closing:
        raise EvalError("incomplete format key")
    if not isinstance(value, Dict):
        raise EvalError("format requires a mapping")
    if key not in value:
        raise EvalError(f"key not found: {key}")
    return value[key], rest


def _convert(conversion: str, argument: Any) -> str:
    if conversion == "s":
        return argument if type(argument) is str else represent(argument)
    if conversion == "r":
        return represent(argument)
    if conversion in "dioxX":
        return _integer(conversion, argument)
    if conversion in "eEfFgG":
        if type(argument) not in (int, float):
            raise EvalError(f"%{conversion} format requires float, not {type_name(argument)}")
        return float_text(float(argument), conversion)
    if conversion == "c":
        return _character(argument)
    raise EvalError(f"unknown conversion %{conversion}")


def _integer(conversion: str, argument: Any) -> str:
    try:
        number = number_to_int(argument)
    except EvalError as error:
        raise EvalError(f"%{conversion} format requires integer: {error}") from None
    if conversion in "di":
        return decimal(number)
    return f"{number:{conversion}}"


def _character(argument: Any) -> str:
    if type(argument) is int:
        if not 0 <= argument <= 0x10FFFF:
            raise EvalError(f"%c format requires a valid Unicode code point, got {decimal(argument)}")
        return character(argument)
    if type(argument) is str:
        if len(argument) != 1:
            raise EvalError("%c format requires a single-character string")
        return argument
    raise EvalError(f"%c format requires int or single-character string, not {type_name(argument)}")


def character(code: int) -> str:
    """The string of one code point; surrogates have none and become U+FFFD."""
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


_INDEX = r"\+?[0-9]+"


def format_string(template: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """`template.format(*args, **kwargs)`: fields are `{}`, `{0}`, `{name}`, with `!s` or `!r`. Raises EvalError."""
    pick = _Picker(args, kwargs)
    out: list[str] = []
    rest = template
    while True:
        literal, brace, after = rest.partition("{")
        out.append(_unescape(literal))
        if not brace:
            break
        if after.startswith("{"):
            out.append("{")
            rest = after[1:]
            continue
        field, closing, rest = after.partition("}")
        if not closing:
            raise EvalError("unmatched '{' in format")
        out.append(_field(field, pick))
    return _joined(out)


def _unescape(literal: str) -> str:
    if "}" in literal.replace("}}", ""):
        raise EvalError("single '}' in format")
    return literal.replace("}}", "}")


def _field(field: str, pick: Callable[[str], Any]) -> str:
    name, bang, after = field.partition("!")
    conversion, _, spec = (after if bang else field).partition(":")
    if not bang:
        name, conversion = conversion, "s"
    value = pick(name)
    if spec:
        raise EvalError(f"format spec features not supported in replacement fields: {spec}")
    if conversion == "s":
        return text(value) if type(value) is str else represent(value)
    if conversion == "r":
        return represent(value)
    raise EvalError(f"unknown conversion {quote(conversion)}")


class _Picker:
    """Finds the arguments of fields; automatic and manual numbering may not be mixed."""

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self._next = 0
        self._manual: bool | None = None

    def __call__(self, name: str) -> Any:
        if not name or re.fullmatch(_INDEX, name, re.ASCII):
            return self._numbered(name)
        if name in self._kwargs:
            return self._kwargs[name]
        if "." in name:
            raise EvalError(f"attribute syntax x.y is not supported in replacement fields: {name}")
        if "[" in name:
            raise EvalError(f"element syntax a[i] is not supported in replacement fields: {name}")
        if "{" in name:
            raise EvalError("nested replacement fields not supported")
        raise EvalError(f"keyword {name} not found")

    def _numbered(self, name: str) -> Any:
        manual, automatic = "manual field specification", "automatic field numbering"
        if self._manual is not None and self._manual is not bool(name):
            before, now = (manual, automatic) if self._manual else (automatic, manual)
            raise EvalError(f"cannot switch from {before} to {now}")
        self._manual = bool(name)
        index = int(name[:10]) if name else self._next
        self._next += 1
        if index >= len(self._args):
            raise EvalError("tuple index out of range")
        return self._args[index]


def _joined(parts: list[str]) -> str:
    joined = "".join(parts)
    allocate(len(joined))
    return joined if joined.isascii() else decode(encode(joined))
