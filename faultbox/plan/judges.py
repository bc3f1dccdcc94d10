"""Which events a function that judges them may mean, read from its text.

Followed are the ways through the function, each with what is known of the event on it: `e.type == "syscall"` narrows
where it leads, `if e.type != "file": return` narrows what comes after, and a helper narrows as it answers. An event
is meant where the function may do something about it: fail, change a state, say yes. What can't be followed narrows
nothing, so that too much may be meant and never too little.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from faultbox.model.event_types import TYPES, known, known_elsewhere
from faultbox.model.frozen import frozen
from faultbox.model.syscalls import FAMILIES
from faultbox.plan.meant import ANYTHING, Meant, answered
from faultbox.plan.texts import Role, Text, field_of, strings_of, text_of
from faultbox.spec.builtins import Function, name_of
from faultbox.spec.builtins.reading import UNKNOWN, Values
from faultbox.spec.semantics import strings

_MOST = 64
"""Ways through a function that are told apart."""
_DEEPEST = 12
"""Helpers within helpers."""
_GIVING_NONE = frozenset({"assert_true", "assert_eq", "assert_never", "assert_before", "fail", "print"})
_PURE = frozenset({"struct", "events", "match.event", "match.any", "match.all", "match.never"})


@frozen
class _Way:
    """Where a path through the text has come to: the names that the event has there, and what is known of it."""

    names: frozenset[str]
    meant: Meant

    def narrowed(self, meant: Meant) -> list[_Way]:
        return [] if meant.nothing else [replace(self, meant=meant)]


def meant_by(text: Text, among: Meant) -> frozenset[Meant]:
    """The events, among those given, about which a function that judges them may do something."""
    judge = _Judge(among)
    judge.begin(text)
    return frozenset(judge.found)


def meant_in(node: ast.For | ast.comprehension, values: Values) -> frozenset[Meant]:
    """The same of a loop over all events, or a comprehension's part that is one: those with which something is done."""
    judge = _Judge(ANYTHING)
    way = _Way(_names_in(node.target), ANYTHING)
    text = _Reading(judge, Text(node, values))
    if isinstance(node, ast.For):
        text.scans(node.body, way)
    else:
        every = ast.BoolOp(ast.And(), node.ifs)
        for each in text.narrow(every, way, holds=True):
            judge.effect(each)
    return frozenset(judge.found)


class _Judge:
    """`found`: what the effects that were met are about."""

    def __init__(self, among: Meant) -> None:
        self._among = among
        self.found: set[Meant] = set()
        self.depth = 0

    def begin(self, judge: Text) -> None:
        parameters = _parameters(judge.node)
        text = _Reading(self, judge, parameters[1] if len(parameters) > 1 else "")
        for answer, way in text.answers([_Way(frozenset(parameters[:1]), self._among)]):
            self._answered(text, judge.role, answer, way)

    def effect(self, way: _Way) -> None:
        self.found.add(way.meant)

    def _answered(self, text: _Reading, role: Role, answer: ast.expr, way: _Way) -> None:
        if text.gives_nothing(answer):
            return
        if isinstance(answer, ast.IfExp):
            for holds, part in ((True, answer.body), (False, answer.orelse)):
                for each in text.narrow(answer.test, way, holds=holds):
                    self._answered(text, role, part, each)
        elif role == "updates":
            if not (_is_none(answer) or (isinstance(answer, ast.Name) and answer.id == text.state)):
                self.effect(way)
        elif role == "chooses":
            for each in text.narrow(answer, way, holds=True):
                self.effect(each)
        elif not text.is_about_state(answer) and not (isinstance(answer, ast.Constant) and answer.value is not False):
            for each in text.narrow(answer, way, holds=False):
                self.effect(each)


class _Reading:
    """One text on the ways through it. `state`: the name of a second parameter."""

    def __init__(self, judge: _Judge, text: Text, state: str = "") -> None:
        self.state = state
        self._judge = judge
        self._node = text.node
        self._values = text.values
        self._answers: list[tuple[ast.expr, _Way]] = []
        self._scans = False

    def is_about_state(self, answer: ast.expr) -> bool:
        """Whether an answer comes from the state alone: what changes that is an effect of its own."""
        return _names_in(answer) == {self.state}

    def gives_nothing(self, answer: ast.expr) -> bool:
        """Whether an answer is a builtin's that only looks, and gives None."""
        return isinstance(answer, ast.Call) and name_of(self._values.of(answer.func)) in _GIVING_NONE

    def answers(self, ways: list[_Way]) -> list[tuple[ast.expr, _Way]]:
        """What the function may give, on which ways; what it does on them is noted."""
        if isinstance(self._node, ast.Lambda):
            for way in ways:
                self._give(self._node.body, way)
        elif isinstance(self._node, ast.FunctionDef):
            for way in self._through(self._node.body, ways):
                self._give(ast.Constant(None), way)
        return self._answers

    def scans(self, body: list[ast.stmt], way: _Way) -> None:
        """The body of a loop over events: whatever it gives or keeps is an effect."""
        self._scans = True
        self._through(body, [way])

    def _give(self, expression: ast.expr, way: _Way) -> None:
        self._does(expression, way)
        self._answers.append((expression, way))
        if self._scans:
            self._judge.effect(way)

    # --- statements ---

    def _through(self, body: list[ast.stmt], ways: list[_Way]) -> list[_Way]:
        for statement in body:
            ways = _few([after for way in ways for after in self._past(statement, way)])
        return ways

    def _past(self, statement: ast.stmt, way: _Way) -> list[_Way]:
        match statement:
            case ast.Return() | ast.Break() | ast.Continue():  # what comes after a loop is looked at anyway
                if isinstance(statement, ast.Return):
                    self._give(statement.value or ast.Constant(None), way)
                return []
            case ast.If():
                self._does(statement.test, way)
                yes = self._through(statement.body, self.narrow(statement.test, way, holds=True))
                return yes + self._through(statement.orelse, self.narrow(statement.test, way, holds=False))
            case ast.For():
                return self._loop(statement, way)
            case ast.Assign(targets=[ast.Name() as name]):
                return self._named(name.id, statement.value, way)
            case ast.Expr():
                self._does(statement.value, way)
                return [] if self._calls(statement.value, "fail") else [way]
        if not isinstance(statement, ast.Pass | ast.FunctionDef):
            self._judge.effect(way)  # something is changed in place
        return [replace(way, names=way.names - _stored(statement))]

    def _loop(self, loop: ast.For, way: _Way) -> list[_Way]:
        self._does(loop.iter, way)
        within = replace(way, names=way.names - _stored(loop))
        self._through(loop.body, [within])
        return [within]

    def _named(self, name: str, value: ast.expr, way: _Way) -> list[_Way]:
        self._does(value, way)
        if self._scans or name == self.state:
            self._judge.effect(way)
        event = isinstance(value, ast.Name) and value.id in way.names
        return [replace(way, names=way.names | {name} if event else way.names - {name})]

    # --- what is done ---

    def _does(self, expression: ast.expr, way: _Way) -> None:
        """Note what calls within an expression do, each with what is known where it is made."""
        match expression:
            case ast.IfExp():
                self._does(expression.test, way)
                for holds, part in ((True, expression.body), (False, expression.orelse)):
                    for each in self.narrow(expression.test, way, holds=holds):
                        self._does(part, each)
            case ast.BoolOp():
                ways = [way]
                for part in expression.values:
                    for each in ways:
                        self._does(part, each)
                    go_on = isinstance(expression.op, ast.And)
                    ways = _few([after for each in ways for after in self.narrow(part, each, holds=go_on)])
            case ast.Lambda():
                pass  # what calls it is unknown, and that is noted
            case _:
                if isinstance(expression, ast.ListComp | ast.DictComp):
                    way = replace(way, names=way.names - _stored(expression))
                if isinstance(expression, ast.Call):
                    self._call(expression, way)
                self._read(expression, way)
                for child in ast.iter_child_nodes(expression):
                    for inner in _expressions(child):
                        self._does(inner, way)

    def _read(self, expression: ast.expr, way: _Way) -> None:
        """A field that no event has here is a mistake, that must not look like silence."""
        field = field_of(expression, way.names)
        if field and not way.meant.has(field):
            self._judge.effect(replace(way, meant=replace(way.meant, misread=field)))

    def _call(self, node: ast.Call, way: _Way) -> None:
        called = self._values.of(node.func)
        name = name_of(called)
        if name == "assert_true" and node.args:
            for each in self.narrow(node.args[0], way, holds=False):
                self._judge.effect(each)
        elif isinstance(called, Function):
            self._helped(called, node, way)
        elif name not in _PURE and not (not name and self._is_harmless(node.func, way)):
            self._judge.effect(way)

    def _is_harmless(self, function: ast.expr, way: _Way) -> bool:
        """Whether a call does nothing: one of the universe's functions, or a method of text or of the event."""
        if isinstance(function, ast.Name):
            return self._values.of(function) is UNKNOWN and function.id in _UNIVERSE
        return isinstance(function, ast.Attribute) and (
            function.attr in _READING or (isinstance(function.value, ast.Name) and function.value.id in way.names)
        )

    def _calls(self, expression: ast.expr, name: str) -> bool:
        return isinstance(expression, ast.Call) and name_of(self._values.of(expression.func)) == name

    def _helped(self, helper: Function, node: ast.Call, way: _Way) -> list[tuple[_Reading, ast.expr, _Way]]:
        """What a helper may answer, and on which ways; what it does is noted."""
        if self._judge.depth >= _DEEPEST or any(isinstance(each, ast.Starred) for each in node.args):
            self._judge.effect(way)
            return []
        helped = text_of(helper)
        text = _Reading(self._judge, helped)
        given = [
            *zip(_parameters(helped.node), node.args, strict=False),
            *((each.arg, each.value) for each in node.keywords),
        ]
        names = frozenset(
            name for name, value in given if name and isinstance(value, ast.Name) and value.id in way.names
        )
        self._judge.depth += 1
        try:
            answers = text.answers([_Way(names, way.meant)])
        finally:
            self._judge.depth -= 1
        return [(text, answer, each) for answer, each in answers]

    # --- what is known ---

    def narrow(self, condition: ast.expr, way: _Way, *, holds: bool) -> list[_Way]:
        """The way where a condition holds, or where it doesn't: none where it can't be so, several where it may be so
        for several reasons."""
        match condition:
            case ast.Constant():
                return [way] if bool(condition.value) == holds else []
            case ast.UnaryOp(op=ast.Not()):
                return self.narrow(condition.operand, way, holds=not holds)
            case ast.BoolOp():
                return self._all_or_any(condition, way, holds=holds)
            case ast.IfExp():
                parts = ((True, condition.body), (False, condition.orelse))
                ways = ((each, part) for so, part in parts for each in self.narrow(condition.test, way, holds=so))
                return _few([found for each, part in ways for found in self.narrow(part, each, holds=holds)])
            case ast.Compare(ops=[op], left=left, comparators=[right]):
                return self._compared(left, op, right, way, holds=holds)
        return self._said(condition, way, holds=holds)

    def _all_or_any(self, condition: ast.BoolOp, way: _Way, *, holds: bool) -> list[_Way]:
        every = isinstance(condition.op, ast.And) == holds
        found: list[_Way] = []
        ways = [way]
        for part in condition.values:
            if not every:
                found += [after for each in ways for after in self.narrow(part, each, holds=holds)]
            ways = _few([after for each in ways for after in self.narrow(part, each, holds=holds == every)])
        return ways if every else _few(found)

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr, way: _Way, *, holds: bool) -> list[_Way]:
        if isinstance(op, ast.Eq | ast.NotEq) and not field_of(left, way.names):
            left, right = right, left
        field, values = field_of(left, way.names), strings_of(self._values.of(right))
        if not field or values is None or not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return [way]
        if isinstance(op, ast.In | ast.NotIn) and isinstance(self._values.of(right), str):
            return [way]  # a part of a text
        return self._is(field, values, way, holds=isinstance(op, ast.Eq | ast.In) == holds)

    def _is(self, field: str, values: frozenset[str], way: _Way, *, holds: bool) -> list[_Way]:
        """The way where a field has one of these values, or none of them."""
        meant = way.meant
        if field == "type" and holds and not any(known(each) or known_elsewhere(each) for each in values):
            return way.narrowed(replace(meant, types=values))  # a mistake, that must not look like silence
        if not holds:
            return way.narrowed(meant.but_types(values)) if field == "type" else [way]
        narrowing: dict[str, Callable[[], Meant]] = {
            "type": partial(meant.of_types, values),
            "service": partial(meant.of_service, values),
            "syscall": partial(meant.of_calls, values - {""}),
            "family": partial(
                meant.of_calls, {each for value in values for each in FAMILIES.get(value, ())} or values - {""}
            ),
            "decision": meant.met_by_rules if all(map(answered, values)) else lambda: meant,
        }
        if field in ("syscall", "family") and "" in values:  # events without such a field are meant too
            return [way]
        return way.narrowed(narrowing[field]()) if field in narrowing else [way]

    def _said(self, condition: ast.expr, way: _Way, *, holds: bool) -> list[_Way]:
        """What a helper answers, `e.type.startswith("...")`, or a field that is there."""
        call = condition if isinstance(condition, ast.Call) else ast.Call(condition, [], [])
        called = self._values.of(call.func)
        if isinstance(called, Function) and call is condition:
            answers = self._helped(called, call, way)
            ways = [after for text, answer, each in answers for after in text.narrow(answer, each, holds=holds)]
            return _few([replace(each, names=way.names) for each in ways])
        if isinstance(call.func, ast.Attribute) and call.func.attr == "startswith" and len(call.args) == 1:
            return self._begins(field_of(call.func.value, way.names), self._values.of(call.args[0]), way, holds=holds)
        if holds and field_of(condition, way.names) in ("syscall", "family"):
            return way.narrowed(way.meant.of_types(("syscall",)))
        return [way]

    def _begins(self, field: str, prefix: object, way: _Way, *, holds: bool) -> list[_Way]:
        if not isinstance(prefix, str):
            return [way]
        if field == "type":
            types = {each for each in TYPES if each.startswith(prefix)}
            return way.narrowed(way.meant.of_types(types) if holds else way.meant.but_types(types))
        if field == "decision" and holds and answered(prefix):
            return way.narrowed(way.meant.met_by_rules())
        return [way]


_UNIVERSE = frozenset(
    {"abs", "all", "any", "bool", "bytes", "dict", "dir", "enumerate", "float", "getattr", "hasattr", "hash", "int"}
    | {"len", "list", "max", "min", "range", "repr", "reversed", "set", "sorted", "str", "tuple", "type", "zip"}
)
"""Functions that only compute."""
_READING = frozenset(strings.METHODS) | {"get", "items", "keys", "values", "happens_before"}
"""Methods that change nothing of what they belong to."""


def _few(ways: list[_Way]) -> list[_Way]:
    """Each way once; where there are too many, one that knows nothing."""
    several = list(dict.fromkeys(ways))
    if len(several) <= _MOST:
        return several
    names = frozenset.intersection(*(each.names for each in several))
    return [_Way(names, Meant(service=several[0].meant.service))]


def _parameters(node: ast.AST) -> list[str]:
    return [each.arg for each in node.args.args] if isinstance(node, ast.FunctionDef | ast.Lambda) else []


def _is_none(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is None


def _names_in(node: ast.AST) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _stored(node: ast.AST) -> frozenset[str]:
    """The names that a text gives another value."""
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return frozenset(each.id for each in names if isinstance(each.ctx, ast.Store))


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """A child that is an expression, or those in one that is not (a comprehension's part, a keyword)."""
    if isinstance(node, ast.expr):
        yield node
    else:
        for each in ast.iter_child_nodes(node):
            yield from _expressions(each)
