"""Files that a spec names."""

from __future__ import annotations

import os
from pathlib import Path

from faultbox.spec.builtins.values import nearest_name
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.session import Session


def absolute(session: Session, path: str) -> Path:
    """A path of a spec: relative ones belong to the directory of the spec that is run."""
    if "\0" in path:
        raise Wrong("BAD_PATH", "a path can't hold a NUL character")
    return Path(os.path.normpath(session.directory / path))


def directory(session: Session, path: str, label: str) -> Path:
    """An existing directory. Raises Wrong that names the path tried."""
    found = absolute(session, path)
    if session.runnable and not found.is_dir():
        what = "is no directory" if found.exists() else "does not exist"
        raise Wrong("FILE_NOT_FOUND", f"{label} {what}: {found}", nearest=near(found))
    return found


def program(session: Session, binary: str) -> str:
    """The absolute path of a program; a name without a slash is looked up in PATH. Raises Wrong."""
    if not binary:
        raise Wrong("BAD_PATH", "binary is empty")
    if not session.runnable:
        return str(absolute(session, binary)) if "/" in binary else binary
    if "/" not in binary:
        return _in_path(session, binary)
    found = absolute(session, binary)
    if found.is_dir():
        raise Wrong("FILE_NOT_FOUND", f"binary is a directory: {found}")
    if not found.exists():
        raise Wrong("FILE_NOT_FOUND", f"binary does not exist: {found}", nearest=near(found))
    if not os.access(found, os.X_OK):
        raise Wrong("NOT_EXECUTABLE", f"binary is not executable: {found}; chmod +x it")
    return str(found)


def _in_path(session: Session, name: str) -> str:
    import shutil

    found = shutil.which(name)
    if found is not None:
        return found
    beside = absolute(session, name)
    hint = f'; {beside} exists: write "./{name}"' if beside.is_file() else ""
    message = f"binary {name!r} was not found in PATH ({os.environ.get('PATH', '')}){hint}"
    raise Wrong("FILE_NOT_FOUND", message)


def near(path: Path) -> str:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    near = nearest_name(path.name, names)
    return str(path.parent / near) if near else ""
