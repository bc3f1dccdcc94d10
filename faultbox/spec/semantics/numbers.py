"""Integers and floats: limits, conversions and how floats are written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from faultbox.spec.semantics.budget import MAX_INT_BITS, charge
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.values import type_name

_DIGITS = 4000
"""Python refuses to convert more than 4300 decimal digits at once."""
_MAX_DIGITS = 20_000


def bounded(value: int) -> int:
    """The integer, unless it is larger than specs may make. Raises EvalError."""
    if value.bit_length() > MAX_INT_BITS:
        raise EvalError(f"integer too large (more than {MAX_INT_BITS} bits)")
    return value


def as_int32(value: Any) -> int:
    """An int where starlark-go wants a small one. Raises EvalError with its text."""
    if type(value) is not int:
        raise EvalError(f"got {type_name(value)}, want int")
    if not -(1 << 31) <= value < 1 << 31:
        raise EvalError(f"{decimal(value)} out of range")
    return value


def finite(value: int) -> float:
    """The nearest float of an int. Raises EvalError beyond the range of floats."""
    try:
        return float(value)
    except OverflowError:
        raise EvalError("int too large to convert to float") from None


def decimal(value: int) -> str:
    """The digits of an integer of any size."""
    if value < 0:
        return "-" + decimal(-value)
    if value.bit_length() < _DIGITS:
        return str(value)
    charge(value.bit_length() >> 3)
    parts = []
    while value:
        value, rest = divmod(value, 10**_DIGITS)
        parts.append(str(rest).zfill(_DIGITS))
    return "".join(reversed(parts)).lstrip("0")


def number_to_int(value: Any) -> int:
    """What int() makes of a number. Raises EvalError."""
    if type(value) is int:
        return value
    if type(value) is float:
        if math.isinf(value):
            raise EvalError("cannot convert float infinity to integer")
        if math.isnan(value):
            raise EvalError("cannot convert float NaN to integer")
        return int(value)
    raise EvalError(f"cannot convert {type_name(value)} to int")


_PREFIXES = {"x": 16, "o": 8, "b": 2}


def parse_int(text: str, base: int) -> int:
    """What int(text, base) gives; base 0 goes by the prefix. Raises EvalError."""
    wrong = EvalError(f"int: invalid literal with base {base}: {text}")
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    digits, actual = unsigned, base
    if unsigned[:1] == "0" and len(unsigned) > 2 and base in (0, _PREFIXES.get(unsigned[1].lower())):
        digits, actual = unsigned[2:], _PREFIXES.get(unsigned[1].lower(), 0)
    if actual == 0:
        if len(unsigned) > 1 and unsigned[0] == "0" and unsigned.strip("0"):
            raise wrong
        digits, actual = unsigned, 10
    if not digits.isascii() or not digits.isalnum():
        raise wrong
    charge(len(digits))
    if len(digits) > _MAX_DIGITS:
        raise EvalError(f"int: literal of {len(digits)} digits is too long")
    try:
        value = _parse_digits(digits, actual)
    except ValueError:
        raise wrong from None
    return bounded(-value if text[0] == "-" else value)


def _parse_digits(digits: str, base: int) -> int:
    if len(digits) <= _DIGITS:
        return int(digits, base)
    head, tail = digits[:-_DIGITS], digits[-_DIGITS:]
    return _parse_digits(head, base) * int(base**_DIGITS) + int(tail, base)


_DECIMAL_FLOAT = r"[+-]?(?:(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:e[+-]?[0-9_]+)?|inf(?:inity)?|nan)"
_HEX_FLOAT = r"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+"


def parse_float(text: str) -> float:
    """What float(text) gives. Raises EvalError."""
    if not text:
        raise EvalError("float: empty string")
    folded = text.lower()
    if re.fullmatch(_HEX_FLOAT, folded, re.ASCII):
        read: Callable[[str], float] = float.fromhex
    elif re.fullmatch(_DECIMAL_FLOAT, folded, re.ASCII):
        read = float
    else:
        raise EvalError(f"invalid float literal: {text}")
    try:
        value = read(text)
    except OverflowError:
        value = math.inf
    except ValueError:
        raise EvalError(f"invalid float literal: {text}") from None
    if math.isinf(value) and "inf" not in folded:
        raise EvalError("floating-point number too large")
    return value


def float_text(value: float, conversion: str = "g") -> str:
    """A float as str() and `%g` (or `%e`, `%f`, in either case) write it."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "+inf" if value > 0 else "-inf"
    if conversion not in "gG":
        return f"%.6{conversion}" % value
    text = _shortest(value)
    return text.upper() if conversion == "G" else text


def _shortest(value: float) -> str:
    """The shortest digits that read back as the value; with an exponent below 1e-4 and from 1e6 on.

    These are the bounds of Go's `strconv.FormatFloat(f, 'g', -1, 64)`, which starlark-go uses.
    """
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) + len(whole) - 1 - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not -4 <= power < 6:
        rest = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    return f"{sign}{digits[: power + 1].ljust(power + 1, '0')}.{digits[power + 1 :] or '0'}"
