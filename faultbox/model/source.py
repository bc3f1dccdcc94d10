"""Where something stands in a user's file."""

from __future__ import annotations

from dataclasses import dataclass

from faultbox.model.frozen import frozen


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a source file; line and column count from 1 (column counts characters)."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@frozen
class Problem:
    """One thing that is wrong (or, as a warning, doubtful) in a spec.

    `code` is stable and upper case (`UNKNOWN_KEYWORD`), `message` says what is wrong,
    `accepted` what would be right, `nearest` the most likely intended name.
    """

    code: str
    message: str
    position: Position
    accepted: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        text = f"{self.position}: [{self.code}] {self.message}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        if self.accepted:
            text += f"\n    accepted: {self.accepted}"
        return text


class SpecErrors(Exception):
    """Everything that is wrong with a spec, found in one load, in order of position."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.position, p.code, p.message)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
