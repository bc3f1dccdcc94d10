"""How much of one event a page keeps: enough for people, and never so much that a browser can't hold its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.evidence.reporting.blocks import as_json

LONGEST = 20_000
"""Characters of an event's fields, names and values together; of its typed data as JSON the same again."""


def fitted(fields: Mapping[str, str]) -> tuple[Mapping[str, str], bool]:
    """As many fields as there is room for, the last of them cut, and whether that is all of them."""
    room = LONGEST
    if sum(map(len, fields)) + sum(map(len, fields.values())) <= room:
        return fields, True
    kept: dict[str, str] = {}
    for name, value in fields.items():
        room -= len(name)
        if room <= 0:
            break
        whole = len(value) <= room
        kept[name] = value if whole else f"{value[:room]}… ({len(value)} characters, the bundle has them all)"
        room -= len(value)
    return kept, False


def fits(data: Mapping[str, Any]) -> bool:
    """Whether typed data are kept. Raises Unshowable."""
    return len(as_json(data)) <= LONGEST
