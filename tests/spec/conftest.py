"""How tests of the language evaluate expressions, programs and specs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.source import Problem
from faultbox.spec.compile import Compiled, compile_source, namespace, parse
from faultbox.spec.loader import Modules, evaluate
from faultbox.spec.normalise import normalise
from faultbox.spec.semantics import budget
from faultbox.spec.semantics.printing import represent
from faultbox.spec.semantics.universe import universe
from faultbox.spec.session import Session
from faultbox.spec.tracebacks import explain

ASK = Path(__file__).with_name("ask_starlark.py")
Answer = dict[str, Any]


def _steps(text: str) -> Compiled:
    source = normalise(text, "spec.star")
    tree = parse(source)
    if not isinstance(tree, ast.Module):
        raise SyntaxError(tree.message)
    compiled = compile_source(source, tree)
    if isinstance(compiled, Problem):
        raise SyntaxError(compiled.message)
    return compiled


def _run(text: str, printed: list[str], predeclared: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The globals of a program. Statements that fail raise: this goes neither through the gate nor the loader."""
    compiled = _steps(text)
    names = {**universe(lambda line, _site: printed.append(line)), **(predeclared or {})}
    globals_ = namespace(compiled, names, lambda _statement, _place: None)
    with budget.limited():
        for step in compiled.steps:
            exec(step.code, globals_)
    return globals_


def _expression(source: str) -> Answer:
    try:
        return {"value": represent(_run(f"_value = ({source}\n)", [])["_value"])}
    except Exception as error:  # noqa: BLE001 - every exception of an expression is its answer
        return {"error": explain(error)}


def _program(source: str) -> Answer:
    printed: list[str] = []
    try:
        _run(source, printed)
    except Exception as error:  # noqa: BLE001 - every exception of a program is its answer
        return {"printed": printed, "error": explain(error)}
    return {"printed": printed, "error": None}


def _ask(cases: list[Answer]) -> list[Answer]:
    done = subprocess.run(
        [sys.executable, str(ASK)], input=json.dumps(cases), capture_output=True, text=True, timeout=60, check=True
    )
    answers: list[Answer] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="session")
def expression() -> Callable[[str], Answer]:
    """The value or the error of an expression, as we see it."""
    return _expression


@pytest.fixture(scope="session")
def program() -> Callable[[str], Answer]:
    """What a program prints, and its error, as we see it."""
    return _program


@pytest.fixture(scope="session")
def run() -> Callable[..., dict[str, Any]]:
    """The globals of a program; its exceptions are raised."""
    return lambda source, **predeclared: _run(source, [], predeclared)


@pytest.fixture(scope="session")
def ask() -> Callable[[list[Answer]], list[Answer]]:
    """starlark-go's answers, from a process of its own."""
    return _ask


@dataclass(frozen=True)
class Loaded:
    """What evaluate() made of a spec."""

    modules: Modules
    session: Session
    printed: list[str]

    @property
    def problems(self) -> list[str]:
        return [str(problem) for problem in self.session.problems]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.session.problems]

    @property
    def globals(self) -> Mapping[str, object]:
        assert self.modules.root is not None, self.problems
        return self.modules.root.globals


class Specs:
    """A directory of specs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(
        self, text: str | bytes, predeclared: Mapping[str, object] | None = None, name: str = "main.star"
    ) -> Loaded:
        path = self.write(name, text)
        session = Session(path)
        printed: list[str] = []

        def on_print(line: str, _position: object) -> None:
            printed.append(line)

        modules = evaluate(Path(name), predeclared or {}, on_print=on_print, session=session)
        return Loaded(modules, session, printed)


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Specs:
    """A directory of specs, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return Specs(tmp_path)
