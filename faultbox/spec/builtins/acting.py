"""What a function that only judges must not do: act on the world, wait for it, or declare something."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from faultbox.model.protocols import PROTOCOLS
from faultbox.model.source import Position
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtins.declare import REGISTRY, name_of
from faultbox.spec.builtins.reading import Values
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.functions import Function, FunctionInfo, describe

LOOKING = frozenset(
    {"assert_true", "assert_eq", "assert_never", "assert_before", "events", "fail", "print", "struct"}
    | {"match.event", "match.any", "match.all", "match.never"}
)
"""Builtins that may be called while an event is judged: they compute, or read what has happened."""
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
            for node, value in _named(info):
                name = _acting(node, value)
                if name:
                    yield name, info.source.position(node.lineno, node.col_offset)
                waiting.extend(_held(value))
            waiting.extend(_held(tuple(function.defaults.values())))


def _named(info: FunctionInfo) -> Iterator[tuple[ast.Name | ast.Attribute, object]]:
    """Every name that is read, with what it stands for; for an attribute that is a step, its endpoint or service."""
    values = Values(info)
    for node in ast.walk(info.node):
        if isinstance(node, ast.Attribute) and isinstance(values.of(node.value), Endpoint | Service):
            yield node, values.of(node) if isinstance(values.of(node), Endpoint) else values.of(node.value)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node, values.of(node)


def _acting(node: ast.Name | ast.Attribute, value: object) -> str:
    """What is named, if it acts; "" if it doesn't."""
    if isinstance(node, ast.Attribute) and isinstance(value, Endpoint | Service):
        interfaces = [value.interface] if isinstance(value, Endpoint) else value.interfaces
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
