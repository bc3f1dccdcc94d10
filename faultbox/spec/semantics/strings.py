"""The methods of strings. Offsets and lengths are of UTF-8 bytes, letters are Unicode's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from faultbox.spec.semantics.arguments import Args, Kwargs, positional, want, want_elements, want_int, want_str
from faultbox.spec.semantics.budget import allocate, charge
from faultbox.spec.semantics.casing import CASING
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.format import format_string
from faultbox.spec.semantics.indexing import bounds
from faultbox.spec.semantics.values import Elements, List, Method, decode, encode, type_name

SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go's unicode.IsSpace holds true of."""
_FIELD = f"[^{SPACES}]+"


def _elements(name: str, kind: str, split: Callable[[str], list[Any]]) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> Elements:
        positional(name, args, kwargs, 0, 0)
        allocate(len(text) * 4)
        return Elements(kind, name, text, split(text))

    return method


def _elems(text: str) -> list[Any]:
    return list(text) if text.isascii() else [decode(bytes([each])) for each in encode(text)]


def _codepoints(text: str) -> list[Any]:
    """Invalid bytes become U+FFFD, as in Go."""
    return ["\ufffd" if 0xDC80 <= ord(each) <= 0xDCFF else each for each in text]


def _codepoint_ords(text: str) -> list[Any]:
    return [ord(each) for each in _codepoints(text)]


def _window(name: str, text: str, args: Args, kwargs: Kwargs) -> tuple[bytes, bytes, int]:
    """The bytes that a search looks for and in, and where these begin."""
    sub, start, end = (*positional(name, args, kwargs, 1, 3), None, None)[:3]
    wanted = encode(want_str(name, 1, sub))
    data = encode(text)
    try:
        first, last = bounds(start, end, len(data))
    except EvalError as error:
        raise EvalError(f"{name}: {error}") from None
    charge(len(data) >> 6)
    return wanted, data[first:last] if first < last else b"", first


def _searcher(name: str, *, last: bool, must: bool) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> int:
        wanted, data, first = _window(name, text, args, kwargs)
        found = data.rfind(wanted) if last else data.find(wanted)
        if found < 0 and must:
            raise EvalError(f"{name}: substring not found")
        return found + first if found >= 0 else -1

    return method


def _count(text: str, args: Args, kwargs: Kwargs) -> int:
    wanted, data, _ = _window("count", text, args, kwargs)
    return data.count(wanted) if wanted else len(decode(data)) + 1


def _edge(name: str) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> bool:
        affix, start, end = (*positional(name, args, kwargs, 1, 3), None, None)[:3]
        data = encode(text)
        first, last = bounds(start, end, len(data))
        part = data[first : max(first, last)]
        test = part.startswith if name == "startswith" else part.endswith
        if type(affix) is str:
            return test(encode(affix))
        if type(affix) is not tuple:
            raise EvalError(f"{name}: got {type_name(affix)}, want string or tuple of string")
        for place, each in enumerate(affix):
            if type(each) is not str:
                raise EvalError(f"{name}: want string, got {type_name(each)}, for element {place}")
            if test(encode(each)):
                return True
        return False

    return method


def _format(text: str, args: Args, kwargs: Kwargs) -> str:
    return format_string(text, args, kwargs)


def _join(text: str, args: Args, kwargs: Kwargs) -> str:
    (value,) = positional("join", args, kwargs, 1, 1)
    parts = want_elements("join", 1, value)
    for part in parts:
        if type(part) is not str:
            raise EvalError(f"join: in list, want string, got {type_name(part)}")
    allocate(sum(map(len, parts)) + len(text) * len(parts))
    joined = text.join(parts)
    return joined if joined.isascii() else decode(encode(joined))


def _stripper(name: str) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> str:
        (chars,) = positional(name, args, kwargs, 0, 1) or ("",)
        chars = want_str(name, 1, chars) or SPACES
        if name == "strip":
            return text.strip(chars)
        return text.lstrip(chars) if name == "lstrip" else text.rstrip(chars)

    return method


def _partitioner(name: str) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> tuple[str, str, str]:
        (separator,) = positional(name, args, kwargs, 1, 1)
        if not want_str(name, 1, separator):
            raise EvalError(f"{name}: empty separator")
        data, mark = encode(text), encode(separator)
        parts = data.partition(mark) if name == "partition" else data.rpartition(mark)
        return decode(parts[0]), decode(parts[1]), decode(parts[2])

    return method


def _removeprefix(text: str, args: Args, kwargs: Kwargs) -> str:
    (affix,) = positional("removeprefix", args, kwargs, 1, 1)
    return decode(encode(text).removeprefix(encode(want_str("removeprefix", 1, affix))))


def _removesuffix(text: str, args: Args, kwargs: Kwargs) -> str:
    (affix,) = positional("removesuffix", args, kwargs, 1, 1)
    return decode(encode(text).removesuffix(encode(want_str("removesuffix", 1, affix))))


def _replace(text: str, args: Args, kwargs: Kwargs) -> str:
    old, new, *more = positional("replace", args, kwargs, 2, 3)
    before, after = want_str("replace", 1, old), want_str("replace", 2, new)
    count = want_int("replace", 3, more[0]) if more else -1
    found = text.count(before) if before else len(text) + 1
    allocate(len(text) + (found if count < 0 else min(found, count)) * len(after))
    if not before or text.isascii():
        return text.replace(before, after, count)
    return decode(encode(text).replace(encode(before), encode(after), count))


def _splitter(name: str) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> List:
        given = positional(name, args, kwargs, 0, 2)
        separator = given[0] if given else None
        most = want_int(name, 2, given[1]) if len(given) == 2 else -1
        allocate(len(text) * 4)
        if separator is None:
            return List(_fields(text, most, backwards=name == "rsplit"))
        if type(separator) is not str:
            raise EvalError(f"{name}: got {type_name(separator)} for separator, want string")
        if not separator:
            raise EvalError(f"{name}: empty separator")
        data, mark = encode(text), encode(separator)
        parts = data.rsplit(mark, most) if name == "rsplit" else data.split(mark, most)
        return List(decode(part) for part in parts)

    return method


def _fields(text: str, most: int, *, backwards: bool) -> list[str]:
    """What whitespace separates; after `most` cuts the rest stays whole, with its space."""
    fields = list(re.finditer(_FIELD, text))
    if most < 0 or len(fields) <= most:
        return [field.group() for field in fields]
    if backwards:
        cut = len(fields) - most
        return [text[: fields[cut - 1].end()], *(field.group() for field in fields[cut:])]
    return [*(field.group() for field in fields[:most]), text[fields[most].start() :]]


def _splitlines(text: str, args: Args, kwargs: Kwargs) -> List:
    given = positional("splitlines", args, kwargs, 0, 1)
    keep = bool(given) and want("splitlines", 1, given[0], bool, "bool")
    allocate(len(text) * 4)
    lines = text.split("\n")
    if keep:
        lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    return List(lines[:-1] if text.endswith("\n") or not text else lines)


METHODS: dict[str, Method] = {
    **CASING,
    "elems": _elements("elems", "string.elems", _elems),
    "elem_ords": _elements("elem_ords", "string.elems", lambda text: list(encode(text))),
    "codepoints": _elements("codepoints", "string.codepoints", _codepoints),
    "codepoint_ords": _elements("codepoint_ords", "string.codepoints", _codepoint_ords),
    "count": _count,
    "endswith": _edge("endswith"),
    "find": _searcher("find", last=False, must=False),
    "format": _format,
    "index": _searcher("index", last=False, must=True),
    "join": _join,
    "lstrip": _stripper("lstrip"),
    "partition": _partitioner("partition"),
    "removeprefix": _removeprefix,
    "removesuffix": _removesuffix,
    "replace": _replace,
    "rfind": _searcher("rfind", last=True, must=False),
    "rindex": _searcher("rindex", last=True, must=True),
    "rpartition": _partitioner("rpartition"),
    "rsplit": _splitter("rsplit"),
    "rstrip": _stripper("rstrip"),
    "split": _splitter("split"),
    "splitlines": _splitlines,
    "startswith": _edge("startswith"),
    "strip": _stripper("strip"),
}
