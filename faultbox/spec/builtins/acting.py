"""What a function that only judges must not do: act on the world, wait for it, or declare something.

What can be read from its text is refused when the spec is loaded, the rest (getattr, a function from a list that is
made while it runs) when it is called: see `judging` in declare.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from faultbox.model.protocols import PROTOCOLS
from faultbox.model.source import Position
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtins.declare import LOOKING, REGISTRY, name_of
from faultbox.spec.builtins.reading import UNKNOWN, Values
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.functions import Function, describe

_DEPTH = 4
"""How deep structs, lists and dicts are looked into for functions."""


def acts(functions: object) -> Iterator[tuple[str, Position]]:
    """The builtins and steps that functions of a spec name which do more than look, in all that they can reach."""
    waiting = list(_held(functions))
    met: set[Function] = set()
    while waiting:
        function = waiting.pop()
        if function not in met:
            met.add(function)
            info = describe(function)
            values = Values(info)
            for node in _read(info.node, values):
                name = _acting(node, values)
                if name:
                    yield name, info.source.position(node.lineno, node.col_offset)
                waiting.extend(_held(values.of(node)))
            waiting.extend(_held(tuple(function.defaults.values())))


def _read(function: ast.AST, values: Values) -> Iterator[ast.Name | ast.Attribute | ast.Subscript]:
    """Every name that is read, and of `tools.limits["x"]`, where that is known, only the whole."""
    parts: set[int] = set()
    for node in ast.walk(function):  # a whole comes before its parts
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
            if id(node) not in parts:
                yield node
            known = values.of(node) is not UNKNOWN or id(node) in parts
            if known and isinstance(node, ast.Attribute | ast.Subscript):
                parts.add(id(node.value))


def _acting(node: ast.expr, values: Values) -> str:
    """What is named, if it acts; "" if it doesn't."""
    value = values.of(node)
    owner = values.of(node.value) if isinstance(node, ast.Attribute) else None
    if isinstance(node, ast.Attribute) and isinstance(owner, Endpoint | Service) and value is UNKNOWN:
        interfaces = [owner.interface] if isinstance(owner, Endpoint) else owner.interfaces
        step = any(node.attr in PROTOCOLS[each.protocol].methods for each in interfaces)
        return f"the step .{node.attr}()" if step else ""
    name = name_of(value)
    return f"{name}()" if name in REGISTRY and name not in LOOKING else ""


def _held(value: object, depth: int = _DEPTH) -> Iterator[Function]:
    """The functions of a spec that a value is or holds."""
    if isinstance(value, Function):
        yield value
    elif depth and isinstance(value, Struct | dict | list | tuple):
        parts = value.fields.values() if isinstance(value, Struct) else value
        for each in value.values() if isinstance(value, dict) else parts:
            yield from _held(each, depth - 1)
