"""The files of a spec: read, parsed and found through their load() statements."""

from __future__ import annotations

import ast
import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from faultbox.model.frozen import frozen
from faultbox.model.source import Position, Problem
from faultbox.spec import compile as compiler
from faultbox.spec.compile import Compiled
from faultbox.spec.semantics.errors import nearest
from faultbox.spec.session import Session
from faultbox.spec.source import Source
from faultbox.spec.statements import Loading

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64
"""Each level takes some of Python's 1,000 frames while it is evaluated."""
LIBRARY = "@faultbox/"
_LIBRARY_HOME = Path(os.path.realpath(__file__)).with_name("library")


@dataclass
class Tree:
    """A file, parsed; `problem` says why it could not be parsed or compiled by Python."""

    path: Path
    source: Source
    parsed: ast.Module | None = None
    problem: Problem | None = None
    compiled: Compiled | None = None
    loadings: list[Loading] = field(default_factory=list)

    def compile(self) -> None:
        """Make its code, or note why it can't be made."""
        if self.parsed is None:
            return
        made = compiler.compile_source(self.source, self.parsed)
        if isinstance(made, Problem):
            self.problem = made
        else:
            self.compiled = made


@frozen
class Found:
    """Where a load() leads: the real path, and how it is called in messages."""

    path: Path
    name: str


class Files:
    """All files that a spec reaches, the root first. Problems in finding and reading them go to the session."""

    def __init__(self, root: Path, session: Session) -> None:
        self._session = session
        self._trees: dict[Path, Tree] = {}
        start = Found(Path(os.path.realpath(root)), str(root))
        text = self._read(start, Position(str(root), 1, 1))
        if text is not None:
            self._walk(start, text, ())

    @property
    def trees(self) -> list[Tree]:
        return list(self._trees.values())

    def tree(self, path: Path) -> Tree:
        """The file of a real path."""
        return self._trees[path]

    def resolve(self, tree: Tree, loading: Loading) -> Found:
        """Where a load() statement of a file leads."""
        module = loading.module
        if module.startswith(LIBRARY):
            path = _LIBRARY_HOME / module[len(LIBRARY) :]
            return Found(Path(os.path.realpath(path)), LIBRARY + os.path.normpath(module[len(LIBRARY) :]))
        path = tree.path.parent / module
        if tree.source.file.startswith(LIBRARY):
            return Found(Path(os.path.realpath(path)), LIBRARY + os.path.relpath(path, _LIBRARY_HOME))
        name = os.path.normpath(Path(tree.source.file).parent / module)
        return Found(Path(os.path.realpath(path)), name)

    def _walk(self, found: Found, text: str, above: tuple[Found, ...]) -> None:
        """Parse a file and follow its load() statements, depth first."""
        source, parsed = compiler.read(text, found.name)
        tree = Tree(found.path, source)
        self._trees[found.path] = tree
        if isinstance(parsed, Problem):
            tree.problem = parsed
            return
        tree.parsed = parsed
        tree.loadings = compiler.loadings(source, parsed)
        path = (*above, found)
        for loading in tree.loadings:
            self._follow(tree, loading, path)

    def _follow(self, tree: Tree, loading: Loading, path: tuple[Found, ...]) -> None:
        try:
            target = self.resolve(tree, loading)
        except (ValueError, OSError) as error:
            self._problem("FILE_NOT_FOUND", f"load: {error}", loading.position)
            return
        names = [each.path for each in path]
        if target.path in names:
            cycle = [each.name for each in path[names.index(target.path) :]] + [target.name]
            self._problem("LOAD_CYCLE", "load: these files load each other: " + " -> ".join(cycle), loading.position)
            return
        if loading.module.startswith("@") and not target.path.is_relative_to(_LIBRARY_HOME):
            self._problem("FILE_NOT_FOUND", f"load: unknown library {loading.module!r}", loading.position, LIBRARY)
            return
        if target.path in self._trees:
            return
        if len(path) >= MAX_DEPTH:
            message = f"load: files are loaded by each other more than {MAX_DEPTH} deep"
            self._problem("NESTED_TOO_DEEPLY", message, loading.position)
            return
        text = self._read(target, loading.position)
        if text is not None:
            self._walk(target, text, path)

    def _read(self, found: Found, position: Position) -> str | None:
        """The file's text, or None when a problem was reported."""
        try:
            data = _content(found.path)
        except (OSError, ValueError) as error:
            self._missing(found, position, error)
            return None
        if len(data) > MAX_BYTES:
            self._problem("TOO_LARGE", f"{found.name} is larger than {MAX_BYTES >> 20} MiB", position)
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            self._problem("NOT_UTF8", f"byte {data[error.start]:#04x} is not UTF-8", _place(found, data, error.start))
            return None
        if "\0" in text:
            self._problem("SYNTAX", "the file holds a NUL byte", _place(found, data, data.index(b"\0")))
            return None
        return text

    def _missing(self, found: Found, position: Position, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        what = f"can't read {found.name} ({found.path}): {reason}"
        try:
            siblings = sorted(each.name for each in found.path.parent.iterdir() if each.suffix == ".star")
        except (OSError, ValueError):
            siblings = []
        meant = nearest(found.path.name, siblings)
        self._session.problem(Problem("FILE_NOT_FOUND", what, position, nearest=meant))

    def _problem(self, code: str, message: str, position: Position, accepted: str = "") -> None:
        self._session.problem(Problem(code, message, position, accepted))


def _content(path: Path) -> bytes:
    """The file, or as much of it as shows that it is too large. Raises OSError; devices and pipes are no files."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _place(found: Found, data: bytes, offset: int) -> Position:
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return Position(found.name, before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1)
