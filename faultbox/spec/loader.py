"""Evaluates a spec and all that it loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.host import AssertionFailed, SpecError
from faultbox.model.source import Position, Problem
from faultbox.spec.broken import BROKEN
from faultbox.spec.builtin import CallSite
from faultbox.spec.compile import Compiled, Step, exported, namespace
from faultbox.spec.files import Files, Tree
from faultbox.spec.gate import Gate
from faultbox.spec.semantics import budget, universe, values
from faultbox.spec.semantics.errors import EvalError, nearest
from faultbox.spec.session import Session
from faultbox.spec.tracebacks import explain, frames, innermost


@frozen
class Module:
    """A file after its evaluation: `globals` in the order of their first assignment."""

    file: str
    path: Path
    text: str
    globals: Mapping[str, object]


@frozen
class Modules:
    """The files of a spec, the root last. There are none where something could not be parsed."""

    root: Module | None
    all: tuple[Module, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    path: Path,
    predeclared: Mapping[str, object],
    *,
    on_print: Callable[[str, Position], None],
    session: Session,
    gate: Gate | None = None,
) -> Modules:
    """Run a file and what it loads; everything wrong goes to `session.problem`, nothing is raised.

    Files are evaluated only if all of them could be parsed and resolved. A `gate` that was
    started early saves the time of its start; it is used up.
    """

    def write(text: str, site: CallSite) -> None:
        on_print(text, site.position)

    names = {**universe.universe(write), **predeclared}
    with gate or Gate() as judge:
        files = Files(path, session)
        sources = [tree.source for tree in files.trees]
        judge.ask(sources, names)
        for tree in files.trees:
            tree.compile()
        refused = judge.answer()
    _report(session, files, refused)
    texts = {source.file: source.text for source in sources}
    if session.problems:
        return Modules(None, (), texts)
    evaluation = _Evaluation(files, names, session)
    with budget.limited():
        root = evaluation.module(files.trees[0])
    return Modules(root, tuple(evaluation.modules.values()), texts)


def _report(session: Session, files: Files, refused: list[Problem]) -> None:
    """What starlark-go says of a file comes before what Python says of it."""
    judged = {problem.position.file for problem in refused}
    for problem in refused:
        session.problem(problem)
    for tree in files.trees:
        if tree.problem is not None and tree.source.file not in judged:
            session.problem(tree.problem)


class _Evaluation:
    """Evaluates each module once, when it is first loaded."""

    def __init__(self, files: Files, names: Mapping[str, object], session: Session) -> None:
        self._files = files
        self._names = names
        self._session = session
        self._failed: set[Path] = set()
        self.modules: dict[Path, Module] = {}

    def module(self, tree: Tree) -> Module:
        done = self.modules.get(tree.path)
        if done is not None:
            return done
        compiled = tree.compiled
        assert compiled is not None, "modules are evaluated only when all have been compiled"
        names = namespace(compiled, self._names, self._loader(tree, compiled))
        complete = self._run(compiled, names)
        found = exported(names, compiled)
        for value in found.values():
            values.freeze(value)
        module = Module(tree.source.file, tree.path, tree.source.text, found)
        self.modules[tree.path] = module
        if not complete:
            self._failed.add(tree.path)
        return module

    def _run(self, compiled: Compiled, names: dict[str, Any]) -> bool:
        """Run the statements. One that fails leaves broken values, and the next is tried."""
        complete = True
        for step in compiled.steps:
            try:
                exec(step.code, names)
            except Exception as error:  # noqa: BLE001 - whatever a spec does becomes a problem of the spec
                complete = False
                if not (isinstance(error, EvalError) and repr(BROKEN) in str(error)):
                    self._session.problem(_problem(compiled, step, error))
                if not isinstance(error, EvalError | SpecError | AssertionFailed | NameError) or budget.spent():
                    return False
                for name in step.names:
                    names.setdefault(name, BROKEN)
        return complete

    def _loader(self, tree: Tree, compiled: Compiled) -> Callable[[int, int], object]:
        def load(statement: int, place: int) -> object:
            loading = compiled.loadings[statement]
            _, name, position = loading.names[place]
            path = self._files.resolve(tree, loading).path
            module = self.module(self._files.tree(path))
            if name in module.globals:
                return module.globals[name]
            if path not in self._failed:
                self._session.problem(_missing(module, name, position))
            return BROKEN

        return load


def _missing(module: Module, name: str, position: Position) -> Problem:
    public = [each for each in module.globals if not each.startswith("_")]
    return Problem(
        "UNKNOWN_NAME",
        f"{module.file} has no {name}",
        position,
        accepted=", ".join(public),
        nearest=nearest(name, public),
    )


def _problem(compiled: Compiled, step: Step, error: Exception) -> Problem:
    """The problem that an exception of a statement is, at the innermost line of a spec."""
    line = step.code.co_firstlineno
    position = innermost(error) or Position(compiled.source.file, line, 1)
    passed = frames(error)
    stack = ""
    if len(passed) > 1:
        stack = "".join(f"\n    {frame.position} in {frame.function}" for frame in passed)
    if isinstance(error, SpecError):
        return Problem(error.code, error.message + stack, position, error.accepted, error.nearest)
    code = error.code if isinstance(error, AssertionFailed) else "EVALUATION"
    return Problem(code, explain(error) + stack, position)
