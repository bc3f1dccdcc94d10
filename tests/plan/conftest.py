"""Specs from text, for plans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox import spec as specs
from faultbox.model.spec import Spec
from faultbox.spec import loader

PREAMBLE = """
db = service("db", "bin/db", interface("main", "tcp", 5432), ops = {"wal": op(syscalls=["fsync"], path="/data/*")})
cache = service("cache", "bin/db", interface("main", "tcp", 6379))
api = service("api", "bin/db", interface("public", "http", 8080), depends_on = [db, cache])
def get():
    return api.get()
def put():
    return api.put()
down = fault_assumption("down", target = db, connect = deny("ECONNREFUSED"))
full = fault_assumption("full", target = db, write = deny("ENOSPC"))
both = fault_assumption("both", faults = [down, full])
"""


class OpenGate:
    """Stands for starlark-go, which has tests of its own and takes its time to start."""

    def __init__(self, names: object) -> None: ...

    def ask(self, sources: object) -> None: ...

    def answer(self) -> list[object]:
        return []

    def close(self) -> None: ...


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spec]:
    monkeypatch.setattr(loader, "Gate", OpenGate)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "db").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "db").chmod(0o755)

    def loaded(text: str, **files: str) -> Spec:
        for name, content in files.items():
            (tmp_path / f"{name}.star").write_text(content)
        (tmp_path / "spec.star").write_text(PREAMBLE + text)
        return specs.load(Path("spec.star"), seed=1)

    return loaded
