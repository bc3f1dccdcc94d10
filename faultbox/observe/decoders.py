"""From a line of output to an event's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from faultbox.model.printed import flat

Decoded = tuple[Mapping[str, str], Mapping[str, Any]]
"""An event's `fields` and `data`."""
Decode = Callable[[str], Decoded]


def decoder(name: str = "", pattern: str = "") -> Decode:
    """The decoder that a spec names: "json", "logfmt", "regex" (with a pattern), or "" for none.

    A line that does not decode becomes the one field `raw`. Raises ValueError for an unknown name and
    for a pattern that does not compile or has no named groups.
    """
    if name == "":
        return raw
    if name == "json":
        return decode_json
    if name == "logfmt":
        return decode_logfmt
    if name == "regex":
        return _regex(pattern)
    raise ValueError(f"there is no decoder {name!r}; there are json, logfmt and regex")


def raw(line: str) -> Decoded:
    return {"raw": line}, {}


def decode_json(line: str) -> Decoded:
    """A JSON object: `data` is the object, `fields` its top level as Starlark's str() prints the values."""
    try:
        value = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return raw(line)
    if not isinstance(value, dict):
        return raw(line)
    return flat(value), value


_PAIR = re.compile(r'\s*([^\s="]+)(?:=("(?:[^"\\]|\\.)*"|[^\s"]\S*|))?(?=\s|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def decode_logfmt(line: str) -> Decoded:
    r"""`level=info msg="quoted \"text\"" ready`: a key without a value is "true". Without any pair a line is raw."""
    fields: dict[str, str] = {}
    pairs = at = 0
    text = line.rstrip()
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return raw(line)
        key, value = found.groups()
        pairs += value is not None
        fields[key] = "true" if value is None else _unquoted(value)
        at = found.end()
    return (fields, {}) if pairs else raw(line)


def _regex(pattern: str) -> Decode:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} does not compile: {error}") from None
    if not compiled.groupindex:
        raise ValueError(f"the pattern {pattern!r} has no named groups; write (?P<name>...) for each field")

    def decode(line: str) -> Decoded:
        """The named groups of the pattern's first match; groups that took no part are absent."""
        found = compiled.search(line)
        if found is None:
            return raw(line)
        return {key: value for key, value in found.groupdict().items() if value is not None}, {}

    return decode


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return _ESCAPE.sub(lambda found: _unescaped(found[1]), value[1:-1])


def _unescaped(code: str) -> str:
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
