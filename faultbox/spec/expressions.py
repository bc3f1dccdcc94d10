"""Starlark expressions as Python expressions that call `semantics` for everything they do."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from faultbox.model.source import Problem
from faultbox.spec.builtin import CallSite
from faultbox.spec.functions import HIDDEN, Definition
from faultbox.spec.source import Source

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_UNARY: dict[type[ast.AST], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_ESCAPE = r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.)"
Shape = tuple[Any, ...]


class NotStarlark(Exception):
    """Something that Python's grammar has and the compiler does not take."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def mangle(name: str) -> str:
    """The Python name of a Starlark identifier: dunder names mean things to Python."""
    return f"{HIDDEN}{name}" if name.startswith("__") else name


def unmangle(name: str) -> str:
    """The Starlark identifier of a Python name."""
    return name[len(HIDDEN) :] if name.startswith(f"{HIDDEN}__") else name


class Expressions:
    """Turns expressions of one file; `sites` and `definitions` are what its code refers to by index.

    The trees it is given are left as they are: planners read them.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sites: list[CallSite] = []
        self.definitions: list[Definition] = []
        self._handlers: dict[type[ast.AST], Callable[[Any], ast.expr]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.Compare: self._compare,
            ast.BoolOp: self._boolean,
            ast.IfExp: self._conditional,
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.List: self._list,
            ast.Tuple: self._tuple,
            ast.Dict: self._dict,
            ast.ListComp: self._list_comprehension,
            ast.DictComp: self._dict_comprehension,
            ast.Lambda: self._lambda,
        }

    def expr(self, node: ast.expr) -> ast.expr:
        handler = self._handlers.get(type(node))
        if handler is None:
            raise self.refuse(node, f"{type(node).__name__} is not Starlark")
        return handler(node)

    def refuse(self, node: ast.AST, message: str) -> NotStarlark:
        position = self.source.position(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        return NotStarlark(Problem("SYNTAX", message, position))

    def helper(self, name: str, args: Sequence[ast.expr], at: ast.AST) -> ast.Call:
        """A call of a function of the compiler's, at the place of a node."""
        function = ast.copy_location(ast.Name(HIDDEN + name, ast.Load()), at)
        return ast.copy_location(ast.Call(function, list(args), []), at)

    def constant(self, value: Any, at: ast.AST) -> ast.Constant:
        return ast.copy_location(ast.Constant(value), at)

    def condition(self, node: ast.expr) -> ast.expr:
        """An expression where only its truth matters."""
        if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            return self.expr(node)
        return self.helper("truth", [self.expr(node)], node)

    def target(self, name: str, at: ast.AST) -> ast.Name:
        return ast.copy_location(ast.Name(mangle(name), ast.Store()), at)

    def shape(self, target: ast.expr) -> Shape | None:
        """The shape of a target, for `semantics.iteration.unpack`; None where it is one name."""
        if isinstance(target, ast.Tuple | ast.List):
            return tuple(self.shape(each) for each in target.elts)
        return None

    def _constant(self, node: ast.Constant) -> ast.expr:
        if node.value is Ellipsis or isinstance(node.value, complex):
            raise self.refuse(node, f"{node.value!r} is not Starlark")
        if isinstance(node.value, bytes) and b"\\u" in node.value.lower():
            return self.constant(self._bytes(node), node)
        return node

    def _bytes(self, node: ast.Constant) -> bytes:
        """The value of a bytes literal in which code points are escaped: Python doesn't read those."""
        literal = ast.get_source_segment(self.source.normalised, node) or ""
        if literal[:1] in "rR":
            return bytes(ast.literal_eval(literal))

        def spell(match: re.Match[str]) -> str:
            digits = match.group(1) or match.group(2)
            return "".join(f"\\x{byte:02x}" for byte in chr(int(digits, 16)).encode()) if digits else match.group()

        return bytes(ast.literal_eval(re.sub(_ESCAPE, spell, literal, flags=re.DOTALL)))

    def _name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Name(mangle(node.id), ast.Load()), node)

    def _binary(self, node: ast.BinOp) -> ast.expr:
        op = _BINARY.get(type(node.op))
        if op is None:
            raise self.refuse(node, f"operator {type(node.op).__name__} is not Starlark")
        return self.helper(op, [self.expr(node.left), self.expr(node.right)], node)

    def operator(self, op: ast.AST) -> str:
        """How an operator is written."""
        return _BINARY[type(op)]

    def _unary(self, node: ast.UnaryOp) -> ast.expr:
        if isinstance(node.op, ast.Not):
            return ast.copy_location(ast.UnaryOp(ast.Not(), self.condition(node.operand)), node)
        number = isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float)
        if number and isinstance(node.op, ast.USub):
            return ast.copy_location(ast.UnaryOp(ast.USub(), node.operand), node)
        return self.helper("unary " + _UNARY[type(node.op)], [self.expr(node.operand)], node)

    def _compare(self, node: ast.Compare) -> ast.expr:
        if len(node.ops) != 1 or type(node.ops[0]) not in _BINARY:
            raise self.refuse(node, "comparisons do not chain (use `and`)")
        return self.helper(_BINARY[type(node.ops[0])], [self.expr(node.left), self.expr(node.comparators[0])], node)

    def _boolean(self, node: ast.BoolOp) -> ast.expr:
        values = [self.helper("operand", [self.expr(value)], value) for value in node.values[:-1]]
        values.append(self.expr(node.values[-1]))  # type: ignore[arg-type]
        return self.helper("outcome", [ast.copy_location(ast.BoolOp(node.op, values), node)], node)  # type: ignore[arg-type]

    def _conditional(self, node: ast.IfExp) -> ast.expr:
        parts = self.condition(node.test), self.expr(node.body), self.expr(node.orelse)
        return ast.copy_location(ast.IfExp(*parts), node)

    def _call(self, node: ast.Call) -> ast.expr:
        """Positional arguments that were written after named ones stand behind the others, as written."""
        ordered: list[ast.expr] = list(node.args)
        named = []
        for keyword in node.keywords:
            if keyword.arg is not None and self.source.inserted(keyword.lineno, keyword.col_offset):
                ordered.append(keyword.value)
            else:
                named.append(keyword)
        ordered.sort(key=lambda each: (each.lineno, each.col_offset))
        self.sites.append(CallSite(self.source, node, tuple(ordered)))
        site = self.constant(len(self.sites) - 1, node)
        made = self.helper("call", [site, self.expr(node.func), *map(self._argument, ordered)], node)
        taken = frozenset(keyword.arg for keyword in named if keyword.arg)
        made.keywords = [self._keyword(keyword, node.func, taken) for keyword in named]
        return made

    def _argument(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            return ast.copy_location(
                ast.Starred(self.helper("spread", [self.expr(node.value)], node), ast.Load()), node
            )
        return self.expr(node)

    def _keyword(self, keyword: ast.keyword, callee: ast.expr, taken: frozenset[str]) -> ast.keyword:
        if keyword.arg is not None:
            return ast.copy_location(ast.keyword(keyword.arg, self.expr(keyword.value)), keyword)
        name = callee.id if isinstance(callee, ast.Name) else "call"
        parts = [self.expr(keyword.value), self.constant(f"function {name}", keyword), self.constant(taken, keyword)]
        return ast.copy_location(ast.keyword(None, self.helper("spread named", parts, keyword.value)), keyword)

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        return self.helper("attribute", [self.expr(node.value), self.constant(node.attr, node)], node)

    def _subscript(self, node: ast.Subscript) -> ast.expr:
        if not isinstance(node.slice, ast.Slice):
            return self.helper("index", [self.expr(node.value), self.expr(node.slice)], node)
        bounds = (node.slice.lower, node.slice.upper, node.slice.step)
        parts = [self.constant(None, node) if bound is None else self.expr(bound) for bound in bounds]
        return self.helper("part", [self.expr(node.value), *parts], node)

    def _list(self, node: ast.List) -> ast.expr:
        items = ast.copy_location(ast.Tuple([self.expr(each) for each in node.elts], ast.Load()), node)
        return self.helper("list", [items], node)

    def _tuple(self, node: ast.Tuple) -> ast.expr:
        return ast.copy_location(ast.Tuple([self.expr(each) for each in node.elts], ast.Load()), node)

    def _dict(self, node: ast.Dict) -> ast.expr:
        parts: list[ast.expr] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise self.refuse(value, "** is not allowed in a dict (use the | operator)")
            parts += [self.expr(key), self.expr(value)]
        return self.helper("dict", parts, node)

    def _generators(self, generators: list[ast.comprehension]) -> list[ast.comprehension]:
        made = []
        for each in generators:
            target = self.comprehension_target(each.target)
            tests = [self.condition(test) for test in each.ifs]
            made.append(ast.comprehension(target, self.iteration(each.target, each.iter), tests, 0))
        return made

    def iteration(self, target: ast.expr, iterable: ast.expr) -> ast.expr:
        """What a `for` walks over to fill a target."""
        shape = self.shape(target)
        if shape is None:
            return self.helper("iterate", [self.expr(iterable)], iterable)
        return self.helper("iterate unpacking", [self.expr(iterable), self.constant(shape, target)], iterable)

    def comprehension_target(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            return self.target(node.id, node)
        if isinstance(node, ast.Tuple | ast.List):
            parts = [self.comprehension_target(each) for each in node.elts]
            return ast.copy_location(ast.Tuple(parts, ast.Store()), node)
        raise self.refuse(node, "the variables of a comprehension must be names")

    def _list_comprehension(self, node: ast.ListComp) -> ast.expr:
        made = ast.ListComp(self.expr(node.elt), self._generators(node.generators))
        return self.helper("list", [ast.copy_location(made, node)], node)

    def _dict_comprehension(self, node: ast.DictComp) -> ast.expr:
        pair = ast.copy_location(ast.Tuple([self.expr(node.key), self.expr(node.value)], ast.Load()), node.key)
        made = ast.ListComp(pair, self._generators(node.generators))
        return self.helper("dict of", [ast.copy_location(made, node)], node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        made = ast.copy_location(ast.Lambda(self.parameters(node.args), self.expr(node.body)), node)
        maker = self.definition("lambda", node)
        return ast.copy_location(ast.Call(maker, [made], []), node)

    def parameters(self, args: ast.arguments) -> ast.arguments:
        """The parameters of the Python function: all positional, bound by Function before the call."""
        names = [*args.args, *args.kwonlyargs]
        names += [each for each in (args.vararg, args.kwarg) if each is not None]
        plain = [ast.copy_location(ast.arg(mangle(each.arg)), each) for each in names]
        return ast.arguments(posonlyargs=[], args=plain, kwonlyargs=[], kw_defaults=[], defaults=[])

    def definition(self, name: str, node: ast.FunctionDef | ast.Lambda) -> ast.expr:
        """The expression that makes a Function of a Python function; it holds the defaults."""
        args = node.args
        if args.posonlyargs:
            raise self.refuse(node, "positional-only parameters are not Starlark")
        ordinary = tuple(each.arg for each in args.args)
        keyword_only = tuple(each.arg for each in args.kwonlyargs)
        defaults = list(zip(ordinary[len(ordinary) - len(args.defaults) :], args.defaults, strict=True))
        defaults += [
            (only, value) for only, value in zip(keyword_only, args.kw_defaults, strict=True) if value is not None
        ]
        self.definitions.append(
            Definition(
                name,
                node,
                self.source,
                ordinary,
                keyword_only,
                tuple(each for each, _ in defaults),
                args.vararg is not None,
                args.kwarg is not None,
            )
        )
        index = self.constant(len(self.definitions) - 1, node)
        return self.helper("function", [index, *(self.expr(value) for _, value in defaults)], node)
