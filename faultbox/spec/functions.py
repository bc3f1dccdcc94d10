"""Functions defined in specs: Python functions that take their arguments as Starlark does."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.source import Position
from faultbox.spec.semantics.errors import EvalError, nearest
from faultbox.spec.semantics.values import Dict, SpecFunction
from faultbox.spec.source import Source

HIDDEN = "."
"""Names that begin with it are the compiler's own; no Starlark identifier can."""


@frozen(eq=False)
class Definition:
    """A `def` or `lambda` as written.

    `ordinary` and `keyword_only` are the parameters' names, `optional` those with a default, in
    order. `varargs` and `kwargs` say whether there is a `*args` and a `**kwargs`.
    """

    name: str
    node: ast.FunctionDef | ast.Lambda
    source: Source
    ordinary: tuple[str, ...]
    keyword_only: tuple[str, ...]
    optional: tuple[str, ...]
    varargs: bool
    kwargs: bool

    @property
    def plain(self) -> int:
        """How many positional arguments need no binding; -1 where they always do."""
        return -1 if self.keyword_only or self.varargs or self.kwargs else len(self.ordinary)

    @property
    def position(self) -> Position:
        return self.source.position(self.node.lineno, self.node.col_offset)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.running: set[Definition] = set()


_thread = _Thread()


class Function(SpecFunction):
    """A function value. Python may call it like any function; two are equal only if they are one."""

    __slots__ = ("_frozen", "defaults", "definition", "python")

    def __init__(self, definition: Definition, python: FunctionType, defaults: tuple[Any, ...]) -> None:
        self.definition = definition
        self.python = python
        self.defaults = dict(zip(definition.optional, defaults, strict=True))
        self._frozen = False

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.definition.name

    @property
    def __name__(self) -> str:
        return self.definition.name

    def __repr__(self) -> str:
        return f"<function {self.definition.name}>"

    def invoke(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        definition = self.definition
        if kwargs or len(args) != definition.plain:
            args = _bind(definition, self.defaults, args, kwargs)
        running = _thread.running
        if definition in running:
            raise EvalError(f"function {definition.name} called recursively")
        running.add(definition)
        try:
            return self.python(*args)
        finally:
            running.discard(definition)

    def freeze_parts(self) -> Iterable[Any]:
        if self._frozen:
            return
        self._frozen = True
        yield from self.defaults.values()
        yield from _captured(self.python).values()


def _bind(
    definition: Definition, defaults: Mapping[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """The values of all parameters, in the order that the compiled function takes them."""
    ordinary = definition.ordinary
    names = ordinary + definition.keyword_only
    if not names and not definition.varargs and not definition.kwargs:
        raise EvalError(f"function {definition.name} accepts no arguments ({len(args) + len(kwargs)} given)")
    if len(args) > len(ordinary) and not definition.varargs:
        raise _too_many(definition, len(args))
    values = dict(zip(ordinary, args, strict=False))
    surplus = Dict()
    for name, value in kwargs.items():
        if name in values:
            raise EvalError(f'function {definition.name} got multiple values for parameter "{name}"')
        if name in names:
            values[name] = value
        elif definition.kwargs:
            surplus.put(name, value)
        else:
            meant = nearest(name, names)
            hint = f" (did you mean {meant}?)" if meant else ""
            raise EvalError(f'function {definition.name} got an unexpected keyword argument "{name}"{hint}')
    missing = [name for name in names if name not in values and name not in defaults]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise EvalError(f"function {definition.name} missing {len(missing)} argument{plural} ({', '.join(missing)})")
    bound = [values[name] if name in values else defaults[name] for name in names]
    if definition.varargs:
        bound.append(tuple(args[len(ordinary) :]))
    if definition.kwargs:
        bound.append(surplus)
    return tuple(bound)


def _too_many(definition: Definition, given: int) -> EvalError:
    count = len(definition.ordinary)
    at_most = "at most " if any(name in definition.optional for name in definition.ordinary) else ""
    plural = "" if count == 1 else "s"
    return EvalError(f"function {definition.name} accepts {at_most}{count} positional argument{plural} ({given} given)")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _captured(python: FunctionType) -> dict[str, Any]:
    cells = python.__closure__ or ()
    return {
        name: _content(cell)
        for name, cell in zip(python.__code__.co_freevars, cells, strict=True)
        if not name.startswith(HIDDEN)
    }


@frozen
class FunctionInfo:
    """What can be known of a function without calling it.

    `node` is the def or lambda as parsed (with `normalised` positions, see Source), `globals` are
    the names of its file, loaded ones included, `closure` the variables it captured.
    """

    name: str
    position: Position
    node: ast.FunctionDef | ast.Lambda
    globals: Mapping[str, object]
    closure: Mapping[str, object]
    source: Source


def describe(function: object) -> FunctionInfo:
    """What a function of a spec is made of. Raises TypeError for anything else."""
    if not isinstance(function, Function):
        raise TypeError(f"not a function of a spec: {function!r}")
    definition = function.definition
    names = function.python.__globals__
    return FunctionInfo(
        definition.name,
        definition.position,
        definition.node,
        {name: value for name, value in names.items() if not name.startswith((HIDDEN, "__"))},
        _captured(function.python),
        definition.source,
    )


def maker(definitions: list[Definition]) -> Callable[..., Callable[[FunctionType], Function]]:
    """What compiled code decorates its functions with: `(index of the definition, *defaults)`."""

    def make(index: int, *defaults: Any) -> Callable[[FunctionType], Function]:
        return lambda python: Function(definitions[index], python, defaults)

    return make
