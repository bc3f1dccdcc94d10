"""What starlark-go says of a spec's files before any of them is evaluated."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from faultbox.model.source import Position, Problem
from faultbox.spec.semantics.errors import nearest
from faultbox.spec.source import Source

TIMEOUT_S = 20.0
_DECLARED = r"(.* declared at )[^ ]*:(\d+):(\d+)$"
_RESERVED = frozenset(
    {
        "as", "assert", "async", "await", "class", "del", "except", "finally", "from", "global", "import", "is",
        "nonlocal", "raise", "try", "with", "yield",
    }
)  # fmt: skip
"""Words of Python that Starlark keeps for itself without a use for them, so that its parser has no name for them."""
_UNDEFINED = r"undefined: (\S+)(?: \(did you mean (\S+)\?\))?$"


class Gate:
    """A short-lived process that judges files. It starts at once, so that it is ready when they are read."""

    def __init__(self) -> None:
        helper = Path(__file__).with_name("gate_process.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(helper), _home_of_starlark()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GOMAXPROCS": "1", "GOTRACEBACK": "none"},
        )

    def ask(self, sources: Sequence[Source], names: Iterable[str]) -> None:
        """What to judge: files, in which `names` are predeclared beside those of the universe."""
        self._sources = sources
        self._names = sorted(names)
        texts = [source.normalised for source in sources]
        self._question = json.dumps({"names": self._names, "texts": texts}).encode()

    def answer(self) -> list[Problem]:
        """All problems of the files. A gate that dies or hangs is a problem itself."""
        try:
            output, _ = self._process.communicate(self._question, timeout=TIMEOUT_S)
            answers = json.loads(output)
        except subprocess.TimeoutExpired:
            return [self._failed(f"it did not answer within {TIMEOUT_S:g} s")]
        except (ValueError, OSError):
            return [self._failed(f"it ended with status {self._process.wait()}")]
        finally:
            self.close()
        return [
            problem
            for source, found in zip(self._sources, answers, strict=True)
            for problem in self._problems(source, found)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def _failed(self, how: str) -> Problem:
        file = self._sources[0].file if self._sources else "spec"
        return Problem("GATE_FAILED", f"the Starlark parser failed: {how}", Position(file, 1, 1))

    def _problems(self, source: Source, found: list[Any]) -> list[Problem]:
        return [self._problem(source, *each) for each in found]

    def _problem(self, source: Source, kind: str, message: str, line: int, column: int) -> Problem:
        position = _place(source, line, column)
        if kind == "gate":
            return Problem("GATE_FAILED", f"the Starlark parser failed: {message}", position)
        undefined = re.match(_UNDEFINED, message)
        if undefined:
            name = undefined.group(1)
            meant = undefined.group(2) or nearest(name, self._names)
            return Problem("UNDEFINED_NAME", f"undefined: {name}", position, nearest=meant)
        declared = re.match(_DECLARED, message, re.DOTALL)
        if declared:
            there = _place(source, int(declared.group(2)) - 1, int(declared.group(3)))
            message = f"{declared.group(1)}{there}"
        word = _reserved_before(source, line, column) if "illegal token" in message else ""
        if word:
            message = f"Starlark has no {word!r}"
            message += ', files are read with load("file.star", "name")' if word in ("import", "from") else ""
        return Problem("SYNTAX", message, position)


def _place(source: Source, line: int, column: int) -> Position:
    """The user's place; the end of a file is on its last line."""
    lines = source.normalised.count("\n") + 1
    return source.position_of_character(min(max(line, 1), lines), max(column, 1))


def _reserved_before(source: Source, line: int, column: int) -> str:
    """The reserved word that ends before a column, or ""."""
    lines = source.normalised.split("\n")
    word = re.search(r"(\w+)\W*$", lines[min(line, len(lines)) - 1][: column - 1])
    return word.group(1) if word is not None and word.group(1) in _RESERVED else ""


def _home_of_starlark() -> str:
    found = importlib.util.find_spec("starlark_go")
    if found is None or found.origin is None:
        raise RuntimeError("the package starlark-go is not installed: reinstall faultbox with its dependencies")
    return str(Path(found.origin).parent.parent)
