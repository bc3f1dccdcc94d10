"""Every operator of Starlark, as functions that compiled specs call.

BINARY and UNARY hold them by the names that the compiler uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.semantics.budget import MAX_ALLOCATION, allocate, charge
from faultbox.spec.semantics.compare import equal, ordered
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.format import interpolate
from faultbox.spec.semantics.iteration import elements
from faultbox.spec.semantics.numbers import as_int32, bounded, decimal, finite, number_to_int
from faultbox.spec.semantics.values import Dict, List, Range, decode, encode, truth, type_name

_SEQUENCES = (str, bytes, List, tuple)
MAX_SHIFT = 512


def _refuse(op: str, x: Any, y: Any) -> Any:
    """The answer to operands that the operator has no meaning for."""
    if type(x) is Broken or type(y) is Broken:
        return BROKEN
    raise EvalError(f"unknown binary op: {type_name(x)} {op} {type_name(y)}")


def _floats(x: Any, y: Any) -> tuple[float, float] | None:
    """Both as floats, if both are numbers."""
    if type(x) not in (int, float) or type(y) not in (int, float):
        return None
    return (finite(x) if type(x) is int else x), (finite(y) if type(y) is int else y)


def add(x: Any, y: Any) -> Any:
    kind = type(x)
    if kind is type(y):
        if kind is int:
            return bounded(x + y)
        if kind is str:
            allocate(len(x) + len(y))
            joined = x + y
            return joined if joined.isascii() else decode(encode(joined))
        if kind is List or kind is tuple:
            charge(len(x) + len(y))
            return List([*x, *y]) if kind is List else x + y
        if kind is float:
            return x + y
        if kind is bytes:
            allocate(len(x) + len(y))
            return x + y
    pair = _floats(x, y)
    return pair[0] + pair[1] if pair else _refuse("+", x, y)


def subtract(x: Any, y: Any) -> Any:
    if type(x) is int and type(y) is int:
        return bounded(x - y)
    pair = _floats(x, y)
    return pair[0] - pair[1] if pair else _refuse("-", x, y)


def multiply(x: Any, y: Any) -> Any:
    if type(x) is int and type(y) is int:
        charge((x.bit_length() + y.bit_length()) >> 5)
        return bounded(x * y)
    pair = _floats(x, y)
    if pair:
        return pair[0] * pair[1]
    if type(x) in _SEQUENCES and type(y) is int:
        return _repeat(x, y)
    if type(x) is int and type(y) in _SEQUENCES:
        return _repeat(y, x)
    return _refuse("*", x, y)


def _repeat(value: Any, count: int) -> Any:
    size = len(encode(value)) if type(value) is str else len(value)
    if not -(1 << 63) <= count < 1 << 63 or (size and not -(1 << 31) <= count < 1 << 31):
        if size:
            raise EvalError(f"repeat count {decimal(count)} too large")
        count = 0
    if size and count > 0 and size * count >= MAX_ALLOCATION:
        raise EvalError(f"excessive repeat ({size} * {count} elements)")
    size *= max(count, 0)
    if type(value) in (str, bytes):
        allocate(size)
        return value * count
    charge(size)
    return List(list(value) * count) if type(value) is List else value * count


def divide(x: Any, y: Any) -> Any:
    pair = _floats(x, y)
    if not pair:
        return _refuse("/", x, y)
    if pair[1] == 0:
        raise EvalError("floating-point division by zero")
    return pair[0] / pair[1]


def floor_divide(x: Any, y: Any) -> Any:
    if type(x) is int and type(y) is int:
        if y == 0:
            raise EvalError("floored division by zero")
        return x // y
    pair = _floats(x, y)
    if not pair:
        return _refuse("//", x, y)
    if pair[1] == 0:
        raise EvalError("floored division by zero")
    quotient = pair[0] / pair[1]
    return float(math.floor(quotient)) if math.isfinite(quotient) and quotient else quotient


def modulo(x: Any, y: Any) -> Any:
    if type(x) is str:
        return BROKEN if type(y) is Broken else interpolate(x, y)
    if type(x) is int and type(y) is int:
        if y == 0:
            raise EvalError("integer modulo by zero")
        return x % y
    pair = _floats(x, y)
    if not pair:
        return _refuse("%", x, y)
    a, b = pair
    if b == 0:
        raise EvalError("floating-point modulo by zero")
    if math.isinf(a) or math.isnan(a) or math.isnan(b):
        return math.nan
    rest = math.fmod(a, b)
    return rest + b if rest and (rest < 0) is not (b < 0) else rest


def bit_or(x: Any, y: Any) -> Any:
    if type(x) is int and type(y) is int:
        return x | y
    if type(x) is Dict and type(y) is Dict:
        charge(len(x) + len(y))
        return Dict([*x.items(), *y.items()])
    return _refuse("|", x, y)


def bit_and(x: Any, y: Any) -> Any:
    return x & y if type(x) is int and type(y) is int else _refuse("&", x, y)


def bit_xor(x: Any, y: Any) -> Any:
    return x ^ y if type(x) is int and type(y) is int else _refuse("^", x, y)


def _shift_count(op: str, x: Any, y: Any) -> int | None:
    if type(x) is not int:
        return None
    if type(y) is Broken:
        return None
    count = as_int32(y)
    if count < 0:
        raise EvalError(f"negative shift count: {count}")
    if op == "<<" and count >= MAX_SHIFT:
        raise EvalError(f"shift count too large: {count}")
    return count


def shift_left(x: Any, y: Any) -> Any:
    count = _shift_count("<<", x, y)
    return _refuse("<<", x, y) if count is None else bounded(x << count)


def shift_right(x: Any, y: Any) -> Any:
    count = _shift_count(">>", x, y)
    return _refuse(">>", x, y) if count is None else x >> count


def contains(x: Any, y: Any) -> Any:
    """`x in y`."""
    search = _SEARCHES.get(type(y))
    if search is not None:
        return search(x, y)
    host = attributes.of(y)
    if host is None or host.iterate is None or type(x) is Broken:
        return _refuse("in", x, y)
    return any(equal(each, x) for each in host.iterate(y))


def _in_sequence(x: Any, y: Any) -> Any:
    charge(len(y))
    return any(equal(each, x) for each in y)


def _in_str(x: Any, y: str) -> Any:
    if type(x) is not str:
        return _refuse_operand("'in <string>' requires string as left operand", x)
    charge(len(y) >> 6)
    return x in y if y.isascii() else encode(x) in encode(y)


def _refuse_operand(message: str, x: Any) -> Any:
    if type(x) is Broken:
        return BROKEN
    raise EvalError(f"{message}, not {type_name(x)}")


def _in_dict(key: Any, mapping: Dict) -> bool:
    try:
        return key in mapping
    except EvalError:
        return False


def _in_bytes(x: Any, y: bytes) -> Any:
    if type(x) is bytes:
        return x in y
    if type(x) is not int:
        return _refuse_operand("'in bytes' requires bytes or int as left operand", x)
    if not 0 <= x <= 255:
        raise EvalError(f"int in bytes: {decimal(x)} out of range (want value in unsigned 8-bit range)")
    return x in y


def _in_range(x: Any, y: Range) -> Any:
    try:
        return number_to_int(x) in y.items
    except EvalError:
        return _refuse_operand("'in <range>' requires integer as left operand", x)


_SEARCHES: dict[type, Callable[[Any, Any], Any]] = {
    Dict: _in_dict,
    List: _in_sequence,
    tuple: _in_sequence,
    str: _in_str,
    bytes: _in_bytes,
    Range: _in_range,
}


def contains_not(x: Any, y: Any) -> Any:
    """`x not in y`."""
    answer = contains(x, y)
    return answer if type(answer) is Broken else not answer


def equals(x: Any, y: Any) -> Any:
    return equal(x, y)


def equals_not(x: Any, y: Any) -> Any:
    return not equal(x, y)


def _ordering(op: str) -> Callable[[Any, Any], Any]:
    def compare(x: Any, y: Any) -> Any:
        return ordered(op, x, y)

    return compare


def negate(x: Any) -> Any:
    if type(x) is int or type(x) is float:
        return -x
    return _refuse_unary("-", x)


def plus(x: Any) -> Any:
    return x if type(x) is int or type(x) is float else _refuse_unary("+", x)


def invert(x: Any) -> Any:
    return ~x if type(x) is int else _refuse_unary("~", x)


def _refuse_unary(op: str, x: Any) -> Any:
    if type(x) is Broken:
        return BROKEN
    raise EvalError(f"unknown unary op: {op} {type_name(x)}")


def augment(op: str, x: Any, y: Any) -> Any:
    """The new value of x in `x op= y`: lists and dicts are changed in place."""
    if op == "+" and type(x) is List:
        found = elements(y)
        if found is not None:
            x.check_mutable("extend")
            charge(len(found))
            x.extend(list(found))
            return x
    if op == "|" and type(x) is Dict and type(y) is Dict:
        x.check_mutable("insert into")
        charge(len(y))
        for key, value in y.items():
            x.put(key, value)
        return x
    return BINARY[op](x, y)


class Falsy:
    """Carries a host object through Python's `and` and `or` as false."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return False


def operand(x: Any) -> Any:
    """An operand of `and` or `or`, such that Python finds it as true as Starlark does."""
    return x if truth(x) is bool(x) else Falsy(x)


def outcome(x: Any) -> Any:
    """The value of an `and` or `or` of operands."""
    return x.value if type(x) is Falsy else x


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": modulo,
    "|": bit_or,
    "&": bit_and,
    "^": bit_xor,
    "<<": shift_left,
    ">>": shift_right,
    "in": contains,
    "not in": contains_not,
    "==": equals,
    "!=": equals_not,
    "<": _ordering("<"),
    "<=": _ordering("<="),
    ">": _ordering(">"),
    ">=": _ordering(">="),
}
UNARY: dict[str, Callable[[Any], Any]] = {"-": negate, "+": plus, "~": invert}
