"""JSON values as the flat strings that specs compare."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def flat(value: Mapping[str, Any]) -> dict[str, str]:
    """The top level of a JSON object: strings as they are, all else as Starlark's str() prints it."""
    return {key: item if isinstance(item, str) else printed(item) for key, item in value.items()}


def printed(value: Any) -> str:
    """A JSON value as Starlark's repr() writes it (strings quoted as JSON): True, None, 1.0, ["a", 1], {"k": 2}."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(printed, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{printed(key)}: {printed(item)}" for key, item in value.items()) + "}"
    return str(value)


def _float(value: float) -> str:
    """Starlark writes the shortest digits, with an exponent below 1e-4 and from 1e6 on, and always as a float."""
    if math.isinf(value):
        return "+inf" if value > 0 else "-inf"
    text = repr(value)
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return text
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).strip("0")
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    power = int(exponent or 0) + len(whole) - 1 - leading
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{power:+03d}"
