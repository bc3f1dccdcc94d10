"""Files beside the spec: load_file(), load_json(), here()."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from faultbox.spec.builtins import kinds, paths
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.values import frozen
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.values import decode

LIMIT = 50 * 1024 * 1024
"""Bytes that load_file() reads at most."""


@builtin("load_file", path=kinds.text)
def load_file(call: Call, path: str) -> str:
    """Reads a file as a string.

    path: relative to the directory of the spec that is run
    gives: its content
    """
    return read(call, path)


@builtin("load_json", path=kinds.text)
def load_json(call: Call, path: str) -> Any:
    """Reads a JSON file.

    path: relative to the directory of the spec that is run
    gives: its content as dicts, lists, strings, numbers, True, False and None
    """
    import json

    content = read(call, path)
    try:
        return frozen(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise Wrong("BAD_FILE", f"{path} is no JSON: {str(error) or 'nested too deeply'}", at=0) from None


@builtin("here", path=kinds.text)
def here(call: Call, path: str) -> str:
    """The absolute path of something beside the file that holds this call, for modules with files of their own.

    path: relative to the directory of that file
    gives: a path
    """
    session = call.session
    directory = Path(call.position.file).resolve().parent
    inside = os.path.relpath(directory, session.root.resolve().parent)  # a replayed spec lies elsewhere than its files
    return os.path.normpath(session.directory / inside / path)


def read(call: Call, path: str, *, at: int | str = 0) -> str:
    """The text of a file, which becomes one of the spec's. `at`: the argument that names it. Raises Wrong."""
    if "://" in path:
        raise Wrong("BAD_PATH", f"only files can be read, not {path}", at=at)
    found = paths.absolute(call.session, path)
    try:
        if not found.is_file():
            what = "is no file" if found.exists() else "does not exist"
            raise Wrong("FILE_NOT_FOUND", f"the file {what}: {found}", nearest=paths.near(found), at=at)
        with found.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise Wrong("FILE_NOT_FOUND", f"can't read {found}: {error.strerror}", at=at) from None
    if len(data) > LIMIT:
        raise Wrong("TOO_LARGE", f"{found} is larger than {LIMIT // 1024 // 1024} MB", at=at)
    content = decode(data)
    if call.session.loading:
        call.state(Declarations).files[str(found)] = content
    return content
