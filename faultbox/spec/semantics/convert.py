"""The functions of the universe that make one type of another: int, float, str, bytes, chr, ord ..."""

from __future__ import annotations

from typing import Any

from faultbox.spec.builtin import BuiltinFunction, CallSite
from faultbox.spec.semantics.arguments import Args, Kwargs, named, positional
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.format import character
from faultbox.spec.semantics.iteration import snapshot
from faultbox.spec.semantics.numbers import as_int32, decimal, finite, number_to_int, parse_float, parse_int
from faultbox.spec.semantics.printing import text
from faultbox.spec.semantics.values import encode, truth, type_name


def _only(name: str, args: Args, kwargs: Kwargs, *, exactly: str = "") -> Any:
    if kwargs:
        raise EvalError(f"{name} does not accept keyword arguments")
    if len(args) != 1:
        raise EvalError(f"{name}: got {len(args)} arguments, want {exactly}1")
    return args[0]


def _abs(_site: CallSite, args: Args, kwargs: Kwargs) -> Any:
    (value,) = positional("abs", args, kwargs, 1, 1)
    if type(value) not in (int, float):
        raise EvalError(f"got {type_name(value)}, want int or float")
    return abs(value)


def _bool(_site: CallSite, args: Args, kwargs: Kwargs) -> bool:
    given = positional("bool", args, kwargs, 0, 1)
    return truth(given[0]) if given else False


def _bytes(_site: CallSite, args: Args, kwargs: Kwargs) -> bytes:
    value = _only("bytes", args, kwargs, exactly="exactly ")
    if type(value) is bytes:
        return value
    if type(value) is str:
        return encode(encode(value).decode("utf-8", "replace"))
    found = snapshot(value)
    if found is None:
        raise EvalError(f"bytes: got {type_name(value)}, want string, bytes, or iterable of ints")
    for place, each in enumerate(found):
        if type(each) is not int:
            raise EvalError(f"bytes: at index {place}, got {type_name(each)}, want int")
        if not 0 <= each <= 255:
            raise EvalError(
                f"bytes: at index {place}, {decimal(each)} out of range (want value in unsigned 8-bit range)"
            )
    return bytes(found)


def _chr(_site: CallSite, args: Args, kwargs: Kwargs) -> str:
    value = _only("chr", args, kwargs)
    if type(value) is not int:
        raise EvalError(f"chr: got {type_name(value)}, want int")
    code = as_int32(value)
    if code < 0:
        raise EvalError(f"chr: Unicode code point {code} out of range (<0)")
    if code > 0x10FFFF:
        raise EvalError(f"chr: Unicode code point U+{code:X} out of range (>0x10FFFF)")
    return character(code)


def _ord(_site: CallSite, args: Args, kwargs: Kwargs) -> int:
    value = _only("ord", args, kwargs)
    if type(value) is bytes:
        if len(value) != 1:
            raise EvalError(f"ord: bytes has length {len(value)}, want 1")
        return value[0]
    if type(value) is not str:
        raise EvalError(f"ord: got {type_name(value)}, want string or bytes")
    if len(value) != 1:
        raise EvalError(f"ord: string encodes {len(value)} Unicode code points, want 1")
    code = ord(value)
    return 0xFFFD if 0xDC80 <= code <= 0xDCFF else code


def _float(_site: CallSite, args: Args, kwargs: Kwargs) -> float:
    if kwargs:
        raise EvalError("float does not accept keyword arguments")
    if len(args) > 1:
        raise EvalError(f"float got {len(args)} arguments, wants 1")
    value = args[0] if args else 0.0
    if type(value) is str:
        return parse_float(value)
    if type(value) is int:
        return finite(value)
    if type(value) in (bool, float):
        return float(value)
    raise EvalError(f"float got {type_name(value)}, want number or string")


def _hash(_site: CallSite, args: Args, kwargs: Kwargs) -> int:
    """Of a string as Java does it (over code points), of bytes FNV-1a: the same in every run."""
    (value,) = positional("hash", args, kwargs, 1, 1)
    if type(value) is bytes:
        digest = 2166136261
        for each in value:
            digest = ((digest ^ each) * 16777619) & 0xFFFFFFFF
        return digest
    if type(value) is not str:
        raise EvalError(f"hash: got {type_name(value)}, want string or bytes")
    digest = 0
    for letter in encode(value).decode("utf-8", "replace"):
        digest = (31 * digest + ord(letter)) & 0xFFFFFFFF
    return digest - (1 << 32) if digest >= 1 << 31 else digest


def _int(_site: CallSite, args: Args, kwargs: Kwargs) -> int:
    given = named("int", args, kwargs, "x", "base?")
    value = given["x"]
    if type(value) is str:
        base = given.get("base", 10)
        if type(base) is not int:
            raise EvalError(f"int: for base, got {type_name(base)}, want int")
        if base != 0 and not 2 <= base <= 36:
            raise EvalError("int: base must be an integer >= 2 && <= 36")
        return parse_int(value, base)
    if "base" in given:
        raise EvalError("int: can't convert non-string with explicit base")
    if type(value) is bool:
        return int(value)
    try:
        return number_to_int(value)
    except EvalError as error:
        raise EvalError(f"int: {error}") from None


def _str(_site: CallSite, args: Args, kwargs: Kwargs) -> str:
    return text(_only("str", args, kwargs, exactly="exactly "))


CONVERSIONS: dict[str, BuiltinFunction] = {
    "abs": _abs,
    "bool": _bool,
    "bytes": _bytes,
    "chr": _chr,
    "float": _float,
    "hash": _hash,
    "int": _int,
    "ord": _ord,
    "str": _str,
}
