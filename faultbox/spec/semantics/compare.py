"""`==` and the ordering operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import Broken
from faultbox.spec.semantics.budget import charge
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
        if kind in _PLAIN:
            return bool(x == y)
        same = _SAME_TYPE.get(kind)
        if same is not None:
            return same(x, y, depth - 1)
    elif {kind, other} == _NUMBERS:
        return bool(x == y)
    answer = _ask_hosts("==", x, y)
    if answer is not NotImplemented:
        return bool(answer)
    return x is y or (attributes.of(x) is not None and kind is other and bool(x == y))


def _equal_floats(x: float, y: float, _depth: int) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


def _equal_sequences(x: Any, y: Any, depth: int) -> bool:
    charge(len(x) * 4)
    return len(x) == len(y) and all(equal(a, b, depth) for a, b in zip(x, y, strict=True))


def _equal_dicts(x: Dict, y: Dict, depth: int) -> bool:
    charge(len(x) * 4)
    return len(x) == len(y) and all(key in y and equal(value, y[key], depth) for key, value in x.items())


def _equal_elements(x: Elements, y: Elements, _depth: int) -> bool:
    return (x.kind, x.method, x.of) == (y.kind, y.method, y.of)


_PLAIN = frozenset({str, int, bool, bytes, type(None)})
_NUMBERS = {int, float}
_SAME_TYPE: dict[type, Callable[[Any, Any, int], bool]] = {
    float: _equal_floats,
    List: _equal_sequences,
    tuple: _equal_sequences,
    Dict: _equal_dicts,
    Range: lambda x, y, _depth: bool(x.items == y.items),
    Elements: _equal_elements,
}


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
    kind, other = type(x), type(y)
    if kind in _NUMBERS and other in _NUMBERS:
        return _order_numbers(_ORDERINGS[op], x, y)
    if kind is other and kind in (str, bytes, bool):
        return _ORDERINGS[op](encode(x), encode(y)) if kind is str else _ORDERINGS[op](x, y)
    if kind is other and kind in (List, tuple):
        return _order_sequences(op, x, y, depth)
    answer = _ask_hosts(op, x, y)
    if answer is not NotImplemented:
        return bool(answer)
    if kind is Broken or other is Broken:
        return False
    raise EvalError(f"{type_name(x)} {op} {type_name(y)} not implemented")


def _order_numbers(compare: Callable[[Any, Any], bool], x: Any, y: Any) -> bool:
    """Numbers by value; nan equals itself and is greater than all others."""
    if type(x) is int and type(y) is int:
        return compare(x, y)
    if _is_nan(x) or _is_nan(y):
        return compare(_is_nan(x), _is_nan(y))
    return compare(x, y)


def _is_nan(x: Any) -> bool:
    return type(x) is float and math.isnan(x)


def _order_sequences(op: str, x: Any, y: Any, depth: int) -> bool:
    charge(len(x) * 4)
    for a, b in zip(x, y, strict=False):
        if not equal(a, b, depth - 1):
            return ordered(op, a, b, depth - 1)
    return _ORDERINGS[op](len(x), len(y))
