"""What the text of functions says, where it is said outright."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from faultbox.model.event_types import TYPES
from faultbox.model.frozen import frozen
from faultbox.model.spec import Monitor
from faultbox.spec import describe
from faultbox.spec.builtins import Function, Invocation, Struct, name_of
from faultbox.spec.builtins.reading import Values

_DEPTH = 4
"""How deep values that hold functions are looked into."""
_SAYING = frozenset({"fail", "print"})
"""Builtins whose arguments are only shown."""


Role = Literal["", "chooses", "checks", "updates"]
"""What a function's answer says: yes to an event, no to it (False), the next state."""


@frozen(eq=False)
class Text:
    """A function, or what of one is looked at, with what its expressions are. A `role`: it judges events."""

    node: ast.AST
    values: Values
    role: Role = ""


def text_of(function: Function, role: Role = "") -> Text:
    info = describe(function)
    return Text(info.node, Values(info), role)


def functions_in(value: object, depth: int = _DEPTH) -> Iterator[Function]:
    """The functions that a value is or holds."""
    if isinstance(value, Function):
        yield value
    elif isinstance(value, Invocation):
        yield from functions_in(value.function, depth)
    elif isinstance(value, Monitor):
        yield from functions_in(value.functions, depth)
    elif depth:
        for each in parts_of(value):
            yield from functions_in(each, depth - 1)


def parts_of(value: object) -> Iterable[object]:
    if isinstance(value, Struct):
        return value.fields.values()
    if isinstance(value, Mapping):
        return (part for pair in value.items() for part in pair)
    return value if isinstance(value, list | tuple) else ()


def strings_in(node: ast.AST) -> Iterator[str]:
    """The strings that a text spells."""
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def strings_of(value: object) -> frozenset[str] | None:
    """The strings that something known is, or holds as a list or dict; None where it is anything else."""
    if isinstance(value, str):
        return frozenset((value,))
    if isinstance(value, Mapping | list | tuple) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    return None


def field_of(node: ast.expr, names: frozenset[str]) -> str:
    """The field that an expression reads of what has one of these names, however it is written; "" for none."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=field) if name in names:
            return field
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(field))) if name in names:
            return field
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[ast.Constant(value=str(field)), *more]
        ):
            return field if name in names and all(map(_is_empty, more)) else ""
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=name), ast.Constant(value=str(field)), *more]):
            return field if name in names and all(map(_is_empty, more)) else ""
    return ""


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


@frozen
class Tells:
    """What texts tell of the events that they judge, wherever in them it stands.

    `fields`: names that may be those of fields. `types`: the types of events that they spell; `unspelt` says that they
    ask for a type which they don't spell, or put together.
    """

    fields: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    unspelt: bool = False


def tells(texts: Iterable[Text]) -> Tells:
    """What these texts tell, and the functions that they can reach."""
    fields: set[str] = set()
    words: set[str] = set()
    made = False
    waiting, met = list(texts), set[int]()
    while waiting:
        text = waiting.pop()
        if id(text.node) in met:
            continue
        met.add(id(text.node))
        values = text.values
        for node in _judging(text.node, values):
            if isinstance(node, ast.Attribute):
                fields.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.Compare):
                made = made or _makes_a_type(node)
            if isinstance(node, ast.Name | ast.Attribute):
                known = values.of(node)
                words.update(part for part in (known, *parts_of(known)) if isinstance(part, str))
                waiting.extend(text_of(each) for each in functions_in(known))
    types = TYPES & words
    return Tells(frozenset(fields | words), types, made or ("type" in fields | words and not types))


def _judging(node: ast.AST, values: Values) -> Iterator[ast.AST]:
    """A text without what is only shown."""
    yield node
    if isinstance(node, ast.Call) and name_of(values.of(node.func)) in _SAYING:
        return
    for each in ast.iter_child_nodes(node):
        yield from _judging(each, values)


def _makes_a_type(node: ast.Compare) -> bool:
    """Whether an event's type is compared with what is put together while the spec runs."""
    sides = [node.left, *node.comparators]
    asked = [each for each in sides if _reads_type(each)]
    return bool(asked) and any(isinstance(each, ast.BinOp | ast.Call) and each not in asked for each in sides)


def _reads_type(node: ast.expr) -> bool:
    names = frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
    return field_of(node, names) == "type"
