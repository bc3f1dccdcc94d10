"""From a file's text to code objects: parse, transform, compile, and the names that the code needs."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.source import Position, Problem
from faultbox.spec.builtin import CallSite
from faultbox.spec.expressions import NotStarlark, unmangle
from faultbox.spec.functions import HIDDEN, Definition, maker
from faultbox.spec.normalise import LATE_ARGUMENT, normalise
from faultbox.spec.semantics import calls, dicts, indexing, iteration, operators, values
from faultbox.spec.source import Source
from faultbox.spec.statements import Loading, Statements, loading_of


@frozen
class Step:
    """A top-level statement: its code and the names that it assigns."""

    code: CodeType
    names: tuple[str, ...]


@frozen
class Compiled:
    """A file, ready to be evaluated step by step. The lists are what its code refers to by index."""

    source: Source
    steps: tuple[Step, ...]
    sites: list[CallSite]
    definitions: list[Definition]
    loadings: list[Loading]


def read(text: str, file: str) -> tuple[Source, ast.Module | Problem]:
    """A file as it is compiled, and its tree or why Python can't read it."""
    plain = Source(file, text, text)
    parsed = parse(plain)
    if isinstance(parsed, Problem) and LATE_ARGUMENT in parsed.message:
        source = normalise(text, file)
        return source, parse(source)
    return plain, parsed


def parse(source: Source) -> ast.Module | Problem:
    """The file's tree, or why Python can't read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.normalised)
    except SyntaxError as error:
        return syntax_problem(source, error)
    except (RecursionError, MemoryError):
        return too_deep(source)
    except ValueError as error:
        return Problem("SYNTAX", str(error), Position(source.file, 1, 1))


def syntax_problem(source: Source, error: SyntaxError) -> Problem:
    """Python's complaint, at the user's place."""
    line = min(max(error.lineno or 1, 1), source.normalised.count("\n") + 1)
    position = source.position_of_character(line, max(error.offset or 1, 1))
    if "too many nested parentheses" in error.msg:
        return too_deep(source, position)
    return Problem("SYNTAX", error.msg, position)


def too_deep(source: Source, position: Position | None = None) -> Problem:
    """The problem of a file whose expressions or statements are nested beyond what can be compiled."""
    return Problem("NESTED_TOO_DEEPLY", "the code is nested too deeply", position or Position(source.file, 1, 1))


def loadings(source: Source, tree: ast.Module) -> list[Loading]:
    """The load() statements of a file."""
    found = (loading_of(source, node) for node in tree.body)
    return [each for each in found if each is not None]


def compile_source(source: Source, tree: ast.Module) -> Compiled | Problem:
    """The file's code, or why it can't be compiled."""
    statements = Statements(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            steps = tuple(_step(source, statements, node) for node in tree.body)
    except NotStarlark as error:
        return error.problem
    except SyntaxError as error:
        return syntax_problem(source, error)
    return Compiled(source, steps, statements.sites, statements.definitions, statements.loadings)


def _step(source: Source, statements: Statements, node: ast.stmt) -> Step:
    """A top-level statement's code. Raises NotStarlark, and SyntaxError where only Python objects."""
    try:
        body = statements.statement(node)
        module = ast.Module(body, [])
        ast.fix_missing_locations(module)
        code = compile(module, source.file, "exec", dont_inherit=True)
    except (RecursionError, MemoryError):
        raise NotStarlark(too_deep(source, source.position(node.lineno, node.col_offset))) from None
    return Step(code, tuple(name for name in code.co_names if _assigned(body, name)))


def _assigned(body: list[ast.stmt], name: str) -> bool:
    """Whether one of the top-level statements assigns the name."""
    return name in {each for statement in body for each in _targets(statement)}


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    if not isinstance(statement, ast.Assign):
        return []
    nodes = [node for target in statement.targets for node in ast.walk(target)]
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


_HELPERS: dict[str, Callable[..., Any]] = {
    **operators.BINARY,
    **{f"unary {op}": function for op, function in operators.UNARY.items()},
    "attribute": indexing.attribute,
    "augment": operators.augment,
    "dict": dicts.from_display,
    "dict of": values.Dict,
    "index": indexing.index,
    "iterate": iteration.iterate,
    "iterate unpacking": iteration.iterate_unpacking,
    "list": values.List,
    "operand": operators.operand,
    "outcome": operators.outcome,
    "part": indexing.part,
    "spread": calls.spread,
    "spread named": calls.spread_named,
    "store": indexing.store,
    "truth": values.truth,
    "unpack": iteration.unpack,
}


def namespace(
    compiled: Compiled, predeclared: Mapping[str, object], load: Callable[[int, int], object]
) -> dict[str, Any]:
    """The globals to evaluate a file in. Where Python would look for its builtins it finds only ours.

    `load(statement, place)` gives the value of a name of a load() statement.
    """
    sites = compiled.sites

    def call(site: int, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return calls.call(sites[site], function, args, kwargs)

    def store_attribute(value: Any, name: str, _new: Any) -> None:
        indexing.store_attribute(value, name)

    own: dict[str, Callable[..., Any]] = {
        **_HELPERS,
        "call": call,
        "function": maker(compiled.definitions),
        "load": load,
    }
    own["store attribute"] = store_attribute
    names = {HIDDEN + name: function for name, function in own.items()}
    shadowed = {name for step in compiled.steps for name in step.names}
    visible = {name: value for name, value in predeclared.items() if name not in shadowed}
    return {"__builtins__": {**visible, **names}, f"{HIDDEN}source": compiled.source}


def exported(names: Mapping[str, Any], compiled: Compiled) -> dict[str, Any]:
    """The globals that a file gives to those who load it: not what it loaded itself."""
    loaded = {local for loading in compiled.loadings for local, _, _ in loading.names}
    found = {}
    for name, value in names.items():
        own = unmangle(name)
        if name != "__builtins__" and not own.startswith(HIDDEN) and own not in loaded:
            found[own] = value
    return found
