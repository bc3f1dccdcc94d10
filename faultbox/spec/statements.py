"""Starlark statements as Python statements."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.source import Position
from faultbox.spec.expressions import Expressions, mangle
from faultbox.spec.functions import HIDDEN
from faultbox.spec.source import Source


@frozen
class Loading:
    """A load() statement: `names` are (local name, name in the module, where the latter is written)."""

    module: str
    names: tuple[tuple[str, str, Position], ...]
    position: Position


class Statements(Expressions):
    """Turns the statements of one file; `loadings` are its load() statements, in order."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.loadings: list[Loading] = []
        self._temporaries = 0
        self._statements: dict[type[ast.AST], Callable[[Any], list[ast.stmt]]] = {
            ast.Expr: self._expression,
            ast.Assign: self._assign,
            ast.AugAssign: self._augmented,
            ast.FunctionDef: self._def,
            ast.Return: self._return,
            ast.If: self._if,
            ast.For: self._for,
            ast.Pass: self._same,
            ast.Break: self._same,
            ast.Continue: self._same,
        }

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        handler = self._statements.get(type(node))
        if handler is None:
            raise self.refuse(node, f"{type(node).__name__} is not Starlark")
        return handler(node)

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [made for node in body for made in self.statement(node)]

    def _same(self, node: ast.stmt) -> list[ast.stmt]:
        return [node]

    def _expression(self, node: ast.Expr) -> list[ast.stmt]:
        loading = loading_of(self.source, node)
        if loading is None:
            return [ast.copy_location(ast.Expr(self.expr(node.value)), node)]
        self.loadings.append(loading)
        index = len(self.loadings) - 1
        made: list[ast.stmt] = []
        for place, (local, _, _) in enumerate(loading.names):
            value = self.helper("load", [self.constant(index, node), self.constant(place, node)], node)
            made.append(ast.copy_location(ast.Assign([self.target(local, node)], value), node))
        return made or [ast.copy_location(ast.Pass(), node)]

    def _assign(self, node: ast.Assign) -> list[ast.stmt]:
        if len(node.targets) != 1:
            raise self.refuse(node, "assignments do not chain")
        target = node.targets[0]
        value = self.expr(node.value)
        shape = self.shape(target)
        if shape is not None:
            value = self.helper("unpack", [value, self.constant(shape, target)], node)
        plain, after = self._targets(target)
        if not isinstance(target, ast.Subscript | ast.Attribute):
            return [ast.copy_location(ast.Assign([plain], value), node), *after]
        return [self._store(target, value)]

    def _targets(self, target: ast.expr) -> tuple[ast.expr, list[ast.stmt]]:
        """A target of names only, and the statements that then fill what is no name."""
        if isinstance(target, ast.Name):
            return self.target(target.id, target), []
        if isinstance(target, ast.Tuple | ast.List):
            parts = [self._targets(each) for each in target.elts]
            plain = ast.copy_location(ast.Tuple([part for part, _ in parts], ast.Store()), target)
            return plain, [statement for _, after in parts for statement in after]
        if isinstance(target, ast.Subscript | ast.Attribute):
            name = self._temporary()
            stored = ast.copy_location(ast.Name(name, ast.Load()), target)
            return self._temporary_target(name, target), [self._store(target, stored)]
        raise self.refuse(target, "can't assign to this expression")

    def _temporary_target(self, name: str, at: ast.AST) -> ast.Name:
        return ast.copy_location(ast.Name(name, ast.Store()), at)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"{HIDDEN}temporary {self._temporaries}"

    def _store(self, target: ast.Subscript | ast.Attribute, value: ast.expr) -> ast.stmt:
        if isinstance(target, ast.Attribute):
            parts = [self.expr(target.value), self.constant(target.attr, target), value]
            return ast.copy_location(ast.Expr(self.helper("store attribute", parts, target)), target)
        if isinstance(target.slice, ast.Slice):
            raise self.refuse(target, "can't assign to a slice")
        parts = [self.expr(target.value), self.expr(target.slice), value]
        return ast.copy_location(ast.Expr(self.helper("store", parts, target)), target)

    def _augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        op = self.constant(self.operator(node.op), node)
        target = node.target
        if isinstance(target, ast.Name):
            read = ast.copy_location(ast.Name(mangle(target.id), ast.Load()), target)
            value = self.helper("augment", [op, read, self.expr(node.value)], node)
            return [ast.copy_location(ast.Assign([self.target(target.id, target)], value), node)]
        if isinstance(target, ast.Attribute):
            return [self._store(target, self.expr(node.value))]
        if isinstance(target.slice, ast.Slice):
            raise self.refuse(target, "can't assign to a slice")
        return self._augmented_item(node, target, op)

    def _augmented_item(self, node: ast.AugAssign, target: ast.Subscript, op: ast.expr) -> list[ast.stmt]:
        """`x[i] op= v`, where x and i are evaluated once."""
        names = [self._temporary(), self._temporary()]
        parts = [target.value, target.slice]
        made: list[ast.stmt] = [
            ast.copy_location(ast.Assign([self._temporary_target(name, target)], self.expr(part)), node)
            for name, part in zip(names, parts, strict=True)
        ]

        def read() -> list[ast.expr]:
            return [ast.copy_location(ast.Name(name, ast.Load()), target) for name in names]

        before = self.helper("index", read(), target)
        value = self.helper("augment", [op, before, self.expr(node.value)], node)
        made.append(ast.copy_location(ast.Expr(self.helper("store", [*read(), value], target)), node))
        return made

    def _def(self, node: ast.FunctionDef) -> list[ast.stmt]:
        maker = self.definition(node.name, node)
        made = ast.FunctionDef(
            name=mangle(node.name),
            args=self.parameters(node.args),
            body=self.block(node.body),
            decorator_list=[maker],
            returns=None,
        )
        return [ast.copy_location(made, node)]

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        return [ast.copy_location(ast.Return(None if node.value is None else self.expr(node.value)), node)]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        made = ast.If(self.condition(node.test), self.block(node.body), self.block(node.orelse))
        return [ast.copy_location(made, node)]

    def _for(self, node: ast.For) -> list[ast.stmt]:
        if node.orelse:
            raise self.refuse(node, "for has no else in Starlark")
        target, after = self._targets(node.target)
        body = [*after, *self.block(node.body)]
        return [ast.copy_location(ast.For(target, self.iteration(node.target, node.iter), body, []), node)]


def loading_of(source: Source, node: ast.stmt) -> Loading | None:
    """The load() statement that a top-level statement is, if it is one."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "load":
        return None
    texts = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not texts or not all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in texts):
        return None
    locals_ = [None] * len(call.args) + [keyword.arg for keyword in call.keywords]
    names = []
    for local, each in list(zip(locals_, texts, strict=True))[1:]:
        name = str(ast.literal_eval(each))
        names.append((local or name, name, source.position(each.lineno, each.col_offset)))
    position = source.position(texts[0].lineno, texts[0].col_offset)
    return Loading(str(ast.literal_eval(texts[0])), tuple(names), position)
