"""Starlark values as builtins meet them: looking into them, showing them, making them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faultbox.model.source import Position
from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics.errors import nearest as nearest_name
from faultbox.spec.semantics.printing import represent
from faultbox.spec.semantics.values import BoundMethod, Dict, List, Range, SpecFunction, type_name

__all__ = [
    "Invocation",
    "frozen",
    "function_name",
    "invoke",
    "is_function",
    "mapping",
    "nearest_name",
    "plain",
    "sequence",
    "show",
]
_SHOWN = 80
"""Characters of a value that a message shows."""


def sequence(value: object) -> list[Any] | None:
    """The items of a list, tuple or range; None for all else."""
    if isinstance(value, Range):
        return list(value.items)
    return list(value) if isinstance(value, List | tuple) else None


def mapping(value: object) -> dict[Any, Any] | None:
    """The pairs of a dict; None for all else."""
    return dict(value.items()) if isinstance(value, Dict) else None


def is_function(value: object) -> bool:
    return isinstance(value, SpecFunction | Builtin | BoundMethod)


def function_name(value: Any) -> str:
    """The name after `def`, a builtin's name, or "lambda"."""
    return str(getattr(value, "name", "lambda"))


def show(value: object, *, typed: bool = True) -> str:
    """A value in a message, as the spec would write it: `int 8080`, `string "x"`, `None`."""
    written = represent(value)
    if len(written) > _SHOWN:
        written = written[: _SHOWN - 1] + "…"
    if not typed or value is None or isinstance(value, bool):
        return written
    kind = type_name(value)
    return written if written.startswith((kind, "<")) else f"{kind} {written}"


def invoke(function: Any, *args: Any) -> Any:
    """Call what a spec calls a function, from Python. A builtin is blamed at no place in particular."""
    if isinstance(function, SpecFunction):
        return function.invoke(args, {})
    if isinstance(function, BoundMethod):
        return function.method(function.receiver, args, {})
    return function.function(Nowhere(), args, {})


@dataclass(frozen=True)
class Invocation:
    """A function of a spec as Python calls it: what cases, seeds and branches hold."""

    function: Any

    def __call__(self, *args: Any) -> Any:
        return invoke(self.function, *args)


class Nowhere:
    """The call site of a builtin that no line of a spec calls."""

    position = Position("<faultbox>", 1)

    def argument_position(self, _which: int | str) -> Position:
        return self.position

    def keyword_position(self, _name: str) -> Position:
        return self.position


def plain(value: Any) -> Any:
    """A Starlark value as Python's own lists and dicts, for what leaves the spec."""
    if isinstance(value, Dict):
        return {key: plain(item) for key, item in value.items()}
    items = sequence(value)
    if items is None:
        return value
    return [plain(item) for item in items]


def frozen(value: Any) -> Any:
    """Python's lists and dicts as Starlark's, unchangeable."""
    if isinstance(value, List | Dict):
        return value
    if isinstance(value, Mapping):
        made: List | Dict = Dict((key, frozen(item)) for key, item in value.items())
    elif isinstance(value, list):
        made = List(frozen(item) for item in value)
    else:
        return tuple(frozen(item) for item in value) if isinstance(value, tuple) else value
    made.frozen = True
    return made
