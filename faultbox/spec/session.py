"""One load of a spec: what has been found wrong so far, and what its builtins share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from faultbox.model.source import Position, Problem

State = TypeVar("State")
MAX_PROBLEMS = 200


def _ignore(text: str, position: Position) -> None:
    """Nobody listens to print()."""


@dataclass(eq=False)
class Session:
    """`shared_ports` are those that several services have, as an earlier load of the spec found in `clashes`.

    `root` is the file that is run. `directory` is what relative paths in specs belong to: its own, unless given.
    `runnable`: services are to be started here, so the programs, directories and users they name must be there."""

    root: Path
    seed: int = 0
    directory: Path = field(default_factory=Path)
    shared_ports: frozenset[int] = frozenset()
    clashes: set[int] = field(default_factory=set)
    on_print: Callable[[str, Position], None] = _ignore
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    loading: bool = True
    runnable: bool = True
    _states: dict[type, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.directory == Path():
            self.directory = self.root.resolve().parent

    def problem(self, problem: Problem) -> None:
        """Record something that makes the spec unusable; the load goes on to find more."""
        if len(self.problems) < MAX_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def warning(self, problem: Problem) -> None:
        """Record something doubtful."""
        if len(self.warnings) < MAX_PROBLEMS and problem not in self.warnings:
            self.warnings.append(problem)

    def state(self, kind: type[State]) -> State:
        """The one object of this class in this load, made without arguments when first asked for."""
        found = self._states.get(kind)
        if not isinstance(found, kind):
            found = kind()
            self._states[kind] = found
        return found
