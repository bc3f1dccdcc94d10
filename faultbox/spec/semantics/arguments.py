"""How the functions of the language take their arguments, with starlark-go's texts."""

from __future__ import annotations

from typing import Any

from faultbox.spec import attributes
from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics.errors import EvalError, nearest
from faultbox.spec.semantics.iteration import elements, snapshot
from faultbox.spec.semantics.numbers import decimal
from faultbox.spec.semantics.values import BoundMethod, SpecFunction, type_name

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def positional(name: str, args: Args, kwargs: Kwargs, least: int, most: int) -> Args:
    """The arguments, after checking that there are least..most and none is named. Raises EvalError."""
    if kwargs:
        raise EvalError(f"{name}: unexpected keyword arguments")
    if len(args) < least:
        raise EvalError(f"{name}: got {len(args)} arguments, want {'at least ' if least < most else ''}{least}")
    if len(args) > most:
        raise EvalError(f"{name}: got {len(args)} arguments, want {'at most ' if least < most else ''}{most}")
    return args


def named(name: str, args: Args, kwargs: Kwargs, *parameters: str) -> dict[str, Any]:
    """The given arguments by parameter; those whose name ends in `?` may be missing. Raises EvalError."""
    plain = [parameter.rstrip("?") for parameter in parameters]
    if len(args) > len(plain):
        raise EvalError(f"{name}: got {len(args)} arguments, want at most {len(plain)}")
    given = dict(zip(plain, args, strict=False))
    for key, value in kwargs.items():
        if key not in plain:
            meant = nearest(key, plain)
            raise EvalError(
                f'{name}: unexpected keyword argument "{key}"' + (f" (did you mean {meant}?)" if meant else "")
            )
        if key in given:
            raise EvalError(f'{name}: got multiple values for keyword argument "{key}"')
        given[key] = value
    for parameter in parameters:
        if not parameter.endswith("?") and parameter not in given:
            raise EvalError(f"{name}: missing argument for {parameter}")
    return given


def want(name: str, which: object, value: Any, kind: type, wanted: str) -> Any:
    """The value, after checking its type. Raises EvalError."""
    if type(value) is not kind:
        raise EvalError(f"{name}: for parameter {which}: got {type_name(value)}, want {wanted}")
    return value


def want_str(name: str, which: object, value: Any) -> str:
    """A string argument. Raises EvalError."""
    return str(want(name, which, value, str, "string"))


def want_int(name: str, which: object, value: Any) -> int:
    """An integer argument of 64 bits. Raises EvalError."""
    number = int(want(name, which, value, int, "int"))
    if not -(1 << 63) <= number < 1 << 63:
        raise EvalError(
            f"{name}: for parameter {which}: {decimal(number)} out of range (want value in signed 64-bit range)"
        )
    return number


def want_elements(name: str, which: object, value: Any) -> list[Any]:
    """A copy of the elements of an iterable argument. Raises EvalError."""
    if elements(value) is None:
        raise EvalError(f"{name}: for parameter {which}: got {type_name(value)}, want iterable")
    return snapshot(value) or []


def want_callable(name: str, which: object, value: Any) -> Any:
    """A function argument. Raises EvalError."""
    if isinstance(value, Builtin | BoundMethod | SpecFunction):
        return value
    host = attributes.of(value)
    if host is None or host.call is None:
        raise EvalError(f"{name}: for parameter {which}: got {type_name(value)}, want callable")
    return value
