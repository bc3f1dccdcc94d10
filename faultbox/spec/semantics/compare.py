"""`==` and the ordering operators."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import Broken
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.values import Dict, Elements, List, Range, encode, type_name

DEPTH = 10
"""How deep starlark-go compares values that hold values."""
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def equal(x: Any, y: Any, depth: int = DEPTH) -> bool:
    """Whether x == y. Raises EvalError when the values are nested too deeply to tell."""
    if depth < 1:
        raise EvalError("comparison exceeded maximum recursion depth")
    kind, other = type(x), type(y)
    if kind is other:
        if kind is str or kind is int or kind is bool or kind is bytes or x is None:
            return bool(x == y)
        if kind is float:
            return bool(x == y) or (x != x and y != y)
        if kind is List or kind is tuple:
            return len(x) == len(y) and all(equal(a, b, depth - 1) for a, b in zip(x, y, strict=True))
        if kind is Dict:
            return len(x) == len(y) and all(key in y and equal(value, y[key], depth - 1) for key, value in x.items())
        if kind is Range:
            return bool(x.items == y.items)
        if kind is Elements:
            return bool((x.kind, x.method, x.of) == (y.kind, y.method, y.of))
    elif (kind is int and other is float) or (kind is float and other is int):
        return bool(x == y)
    answer = _ask_hosts("==", x, y)
    if answer is not NotImplemented:
        return bool(answer)
    return x is y or (attributes.of(x) is not None and kind is other and bool(x == y))


def _ask_hosts(op: str, x: Any, y: Any) -> object:
    host = attributes.of(x)
    if host is not None and host.compare is not None:
        answer = host.compare(x, op, y)
        if answer is not NotImplemented:
            return answer
    host = attributes.of(y)
    if host is not None and host.compare is not None:
        return host.compare(y, _MIRRORED[op], x)
    return NotImplemented


def ordered(op: str, x: Any, y: Any, depth: int = DEPTH) -> bool:
    """Whether x op y for an ordering operator. Raises EvalError where the types have no order."""
    if depth < 1:
        raise EvalError("comparison exceeded maximum recursion depth")
    compare = _ORDERINGS[op]
    kind, other = type(x), type(y)
    numbers = (kind is int or kind is float) and (other is int or other is float)
    if numbers:
        return _order_numbers(compare, x, y)
    if kind is other:
        if kind is str:
            if not (x.isascii() and y.isascii()):
                return compare(encode(x), encode(y))
            return compare(x, y)
        if kind is bytes or kind is bool:
            return compare(x, y)
        if kind is List or kind is tuple:
            return _order_sequences(op, x, y, depth)
    answer = _ask_hosts(op, x, y)
    if answer is not NotImplemented:
        return bool(answer)
    if kind is Broken or other is Broken:
        return False
    raise EvalError(f"{type_name(x)} {op} {type_name(y)} not implemented")


def _order_numbers(compare: Callable[[Any, Any], bool], x: Any, y: Any) -> bool:
    """Numbers by value; nan equals itself and is greater than all others."""
    if x != x or y != y:
        return compare(int(x != x), int(y != y))
    return compare(x, y)


def _order_sequences(op: str, x: Any, y: Any, depth: int) -> bool:
    for a, b in zip(x, y, strict=False):
        if not equal(a, b, depth - 1):
            return ordered(op, a, b, depth - 1)
    return _ORDERINGS[op](len(x), len(y))
