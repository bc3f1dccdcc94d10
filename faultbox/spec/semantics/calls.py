"""Calling whatever can be called."""

from __future__ import annotations

from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.semantics.budget import CALL_STEPS, charge
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.iteration import snapshot
from faultbox.spec.semantics.values import BoundMethod, Dict, SpecFunction, adopt, type_name


def call(site: CallSite, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` as written at site. Raises EvalError, and what the function raises."""
    charge(CALL_STEPS)
    if isinstance(function, SpecFunction):
        return function.invoke(args, kwargs)
    kind = type(function)
    if kind is Builtin:
        return adopt(function.function(site, args, kwargs))
    if kind is BoundMethod:
        return _call_method(function, args, kwargs)
    if kind is Broken:
        return BROKEN
    host = attributes.of(function)
    if host is None or host.call is None:
        raise EvalError(f"invalid call of non-function ({type_name(function)})")
    return adopt(host.call(function, site, args, kwargs))


def _call_method(function: BoundMethod, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if any(type(each) is Broken for each in (*args, *kwargs.values())) and not _holds(function):
        return BROKEN
    try:
        return function.method(function.receiver, args, kwargs)
    except EvalError as error:
        if str(error).startswith(function.name):
            raise
        raise EvalError(f"{function.name}: {error}") from None


def _holds(function: BoundMethod) -> bool:
    """Whether the method only puts its arguments into a container, broken or not."""
    return function.name in ("append", "insert", "extend", "update", "setdefault", "get", "pop")


def spread(value: Any) -> list[Any]:
    """The arguments that `*value` stands for. Raises EvalError."""
    found = snapshot(value)
    if found is None:
        raise EvalError(f"argument after * must be iterable, not {type_name(value)}")
    return found


def spread_named(value: Any, callee: str, taken: frozenset[str]) -> dict[str, Any]:
    """The arguments that `**value` stands for; `taken` are the names written beside it. Raises EvalError."""
    if type(value) is Broken:
        return {}
    if not isinstance(value, Dict):
        raise EvalError(f"argument after ** must be a mapping, not {type_name(value)}")
    for key in value:
        if type(key) is not str:
            raise EvalError(f"keywords must be strings, not {type_name(key)}")
        if key in taken:
            raise EvalError(f'{callee} got multiple values for parameter "{key}"')
    return dict(value.items())
