"""What all clients make of what they got."""

from __future__ import annotations

import json
from typing import Any

from faultbox.model.host import SpecError
from faultbox.model.printed import flat

BODY_LIMIT = 64 * 1024 * 1024
"""A body larger than this is an error: it would be held in memory several times."""
DEFAULT_TIMEOUT_S = 30.0


def octets(text: str) -> bytes:
    """The bytes of a text, those that were no UTF-8 when it was read included. Raises SpecError."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SpecError("WRONG_VALUE", f"{text[:40]!r} has no form as UTF-8 and can't be sent") from None


def structured(text: str, *, is_json: bool = False) -> tuple[Any, dict[str, str]]:
    """A response's `data` and `fields`: the JSON value where the text is JSON, else the text itself.

    It is tried where the answer calls itself JSON and where it looks like an object or a list.
    """
    if not (is_json or text.startswith(("{", "["))):
        return text, {}
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text, {}
    return value, flat(value) if isinstance(value, dict) else {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
