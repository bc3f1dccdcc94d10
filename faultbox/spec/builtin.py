"""Functions that Python gives to specs, and where they are called from."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from faultbox.model.source import Position
from faultbox.spec.source import Source

BuiltinFunction = Callable[["CallSite", tuple[Any, ...], dict[str, Any]], object]


class CallSite:
    """One call as it is written in a spec. There is one object for each call, whoever runs it."""

    __slots__ = ("_node", "_order", "_source")

    def __init__(self, source: Source, node: ast.Call, order: tuple[ast.expr, ...]) -> None:
        self._source = source
        self._node = node
        self._order = order

    @property
    def position(self) -> Position:
        """Where the called expression begins."""
        return self._source.position(self._node.lineno, self._node.col_offset)

    @property
    def source(self) -> Source:
        """The file that holds the call."""
        return self._source

    def argument_position(self, which: int | str) -> Position:
        """Where an argument's value is written, by its index among the positional ones or by its name.

        What came out of `*args` or `**kwargs` is where that is; what isn't there is where the call is.
        """
        node = self._argument(which)
        if node is None:
            return self.position
        return self._source.position(node.lineno, node.col_offset)

    def keyword_position(self, name: str) -> Position:
        """Where the name of a keyword argument is written (of `**kwargs`, where that is)."""
        for keyword in self._node.keywords:
            if keyword.arg == name:
                return self._source.position(keyword.lineno, keyword.col_offset)
        return self.argument_position(name)

    def _argument(self, which: int | str) -> ast.expr | None:
        if isinstance(which, str):
            named = {keyword.arg: keyword.value for keyword in self._node.keywords}
            return named.get(which, named.get(None))
        for index, node in enumerate(self._order):
            if isinstance(node, ast.Starred):
                return node.value
            if index == which:
                return node
        return None


class Builtin:
    """A function for specs, called as `function(site, positional, named)`.

    `name` is what it is called in a spec, `doc` what the reference says about it.
    """

    __slots__ = ("doc", "function", "name")

    def __init__(self, name: str, function: BuiltinFunction, doc: str = "") -> None:
        self.name = name
        self.function = function
        self.doc = doc

    def __repr__(self) -> str:
        return f"<built-in function {self.name}>"
