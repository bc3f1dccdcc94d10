"""Commands as people type them, on a line without RESP."""

from __future__ import annotations

import re

_INLINE = re.compile(rb'"((?:\\.|[^"\\])*)"|\'((?:\\\'|[^\'])*)\'|([^\s"\']\S*)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split(line: bytes) -> list[bytes]:
    """The arguments of an inline command, with Redis' quoting (sdssplitargs). None of them where quotes don't match."""
    arguments: list[bytes] = []
    at = 0
    line = line.strip(b" \t\r\n\0\v\f")
    while at < len(line):
        found = _INLINE.match(line, at)
        if found is None:
            return []
        double, single, plain = found.groups()
        if double is not None:
            arguments.append(_ESCAPE.sub(_unescape, double))
        else:
            arguments.append(single.replace(b"\\'", b"'") if single is not None else plain)
        at = found.end()
        while at < len(line) and line[at : at + 1].isspace():
            at += 1
    return arguments


def _unescape(found: re.Match[bytes]) -> bytes:
    text = found[1]
    return bytes.fromhex(text[1:].decode()) if len(text) == 3 else _ESCAPED.get(text, text)
