"""What expressions in a function are, where that is settled once the spec has been loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from faultbox.model.topology import Service
from faultbox.spec.builtins.declare import REGISTRY, Definition
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.functions import FunctionInfo


class Unknown:
    """An expression whose value only the run will tell."""


UNKNOWN = Unknown()


class Values:
    """The values of one function's expressions."""

    def __init__(self, info: FunctionInfo) -> None:
        self._names = {**info.globals, **info.closure}
        self._local = _bound(info.node)

    def of(self, node: ast.expr) -> Any:
        """A constant, a global, something in a global's struct, list or dict, an interface, or UNKNOWN."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name() if node.id not in self._local:
                return self._names.get(node.id, REGISTRY.get(node.id, UNKNOWN))
            case ast.List() | ast.Tuple():
                return [self.of(each) for each in node.elts]
            case ast.Dict():
                return self._dict(node)
            case ast.Attribute() | ast.Subscript():
                key = node.attr if isinstance(node, ast.Attribute) else self.of(node.slice)
                return self._ours(node.value, key) or self._item(self.of(node.value), key)
            case _:
                return UNKNOWN

    def _ours(self, space: ast.expr, name: object) -> Definition | None:
        """The builtin `space.name`, where nothing in the spec hides our `space`."""
        if not isinstance(space, ast.Name) or space.id in self._local or space.id in self._names:
            return None
        return REGISTRY.get(f"{space.id}.{name}")

    def keys(self) -> Iterator[str]:
        """The keys of all dicts that the function can name: what `**unknown` may hold."""
        for value in self._names.values():
            if isinstance(value, Mapping):
                yield from (key for key in value if isinstance(key, str))

    def _dict(self, node: ast.Dict) -> Any:
        keys = [UNKNOWN if each is None else self.of(each) for each in node.keys]
        if not all(isinstance(each, str) for each in keys):
            return UNKNOWN
        return {key: self.of(value) for key, value in zip(keys, node.values, strict=True)}

    def _item(self, value: Any, key: Any) -> Any:
        if isinstance(value, Struct):
            return value.fields.get(key, UNKNOWN)
        if isinstance(value, Service) and isinstance(key, str):
            return value.endpoint(key) or UNKNOWN
        if isinstance(value, Mapping) and isinstance(key, str):
            return value.get(key, UNKNOWN)
        if isinstance(value, list | tuple) and isinstance(key, int) and -len(value) <= key < len(value):
            return value[key]
        return UNKNOWN


def _bound(node: ast.AST) -> frozenset[str]:
    """Every name that a function, or one inside it, binds: it may hide a global one."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.arg):
            found.add(each.arg)
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.FunctionDef) and each is not node:
            found.add(each.name)
    return frozenset(found)
