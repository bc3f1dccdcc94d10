"""Which SQLSTATE a rule means, and what the server says with it."""

from __future__ import annotations

import re
from typing import Final

from faultbox.model.sqlstates import CODES

FATAL: Final = frozenset(("25P03", "28000", "28P01", "3D000", "53300", "57P01", "57P02", "57P03", "57P05"))
"""With these PostgreSQL ends the connection."""

_TEXTS = dict(CODES.values())
_BY_TEXT = {text: code for code, text in CODES.values()}
_WRITTEN = re.compile(r"\bSQLSTATE[ =:(]*([0-9A-Z]{5})\b")
_OTHER = "XX000"


def code_of(code: str, message: str) -> str:
    """The SQLSTATE of a rule: given as such or by its name, else by the message, which names one or is PostgreSQL's."""
    if code:
        return CODES[code.lower()][0] if code.lower() in CODES else code.upper()
    written = _WRITTEN.search(message)
    return written[1] if written else _BY_TEXT.get(message, CODES.get(message, (_OTHER,))[0])


def words_of(code: str) -> str:
    """What PostgreSQL says with a SQLSTATE."""
    return _TEXTS.get(code, "injected fault")
