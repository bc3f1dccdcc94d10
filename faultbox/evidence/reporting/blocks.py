"""Data inside a page: gzip (RFC 1952) in base64, unpacked by the browser when it is looked at.

Base64 has no character that means anything to HTML, so nothing that a bundle holds can end the element it is in.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any


class Unshowable(ValueError):
    """Something that JSON has no form for: a number that is none, text that nests without end."""


def as_json(shape: Any) -> str:
    """Compact JSON that every browser parses. Raises Unshowable."""
    try:
        return json.dumps(shape, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Unshowable(str(error)) from None


def packed(content: str | bytes) -> str:
    """Equal content gives equal text: no time is in it."""
    data = content.encode("ascii") if isinstance(content, str) else content
    return base64.b64encode(gzip.compress(data, compresslevel=6, mtime=0)).decode("ascii")


def element(name: str, block: str) -> str:
    """What `packed` gave, as a script element that browsers do not run. `name` is never the bundle's."""
    return f'<script type="application/gzip+base64" id="{name}">{block}</script>\n'
