"""What the tables of clients share: a proxy before a real server, and programs in other languages."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faultbox import proxy
from faultbox.model.fault import Counts
from faultbox.model.message import Edge, MessageRule, MessageRuleSet
from faultbox.model.topology import Tls

_SLOTS, _SWAPS = 8, 4096
"""How many rules may be in force at once, and how often they may change."""
_GO = (1, 21)
"""From that version on Go fetches the version that a module asks for."""


class Door:
    """A proxy before a server: its port, and the rules in force."""

    def __init__(self, edge: Edge, process: proxy.EdgeProcess, counters: mmap.mmap) -> None:
        self.port = process.listener(edge).port
        self.process = process
        self._counters = memoryview(counters).cast("Q")
        self._epoch = 0
        self._first_slot = 0

    def rules(self, *rules: MessageRule) -> None:
        """Put these in force. A slot is one rule's for ever, so each call takes fresh ones."""
        self.process.drain()  # there is no log here, and a proxy whose events nobody takes can't go on
        self._epoch += 1
        self._first_slot += _SLOTS
        fresh = (replace(each, id=f"r{slot}", slot=slot) for slot, each in enumerate(rules, self._first_slot))
        self.process.swap(MessageRuleSet(tuple(fresh), self._epoch))

    def counts(self, index: int = 0) -> Counts:
        """Of the rule at that index of the last call."""
        start = (self._first_slot + index) * 4
        return Counts(*self._counters[start : start + 4])

    def clear(self) -> None:
        """No rules, and nothing that waits under one."""
        self.process.release()
        self.rules()

    def close(self) -> None:
        self.process.close()
        self._counters.release()


@pytest.fixture(scope="session")
def door_to() -> Iterator[Callable[..., Door]]:
    """`door_to(protocol, port)`: a proxy before the interface `db.main` at that port, called by `app`.

    `tls=` and `authority=`: how TLS is spoken there, and who signs what callers are shown.
    """
    with contextlib.ExitStack() as made:

        def make(protocol: str, port: int, tls: Tls | None = None, authority: proxy.Authority | None = None) -> Door:
            edge = Edge("app", "db", "main", protocol, port)
            counters = made.enter_context(mmap.mmap(-1, _SLOTS * _SWAPS * 32))
            secured = {edge: tls} if tls is not None else {}
            process = proxy.serve([edge], seed=1, counters=counters, secured=secured, authority=authority)
            door = Door(edge, process, counters)
            made.callback(door.close)
            return door

        yield make


@pytest.fixture(scope="session")
def go_build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives the program that the Go module in a directory is; skips where Go is missing."""

    def build(module: Path) -> Path:
        go = shutil.which("go", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if go is None or _version(go) < _GO:
            pytest.skip(f"needs Go {_GO[0]}.{_GO[1]} or newer, for {module.name}: a client in a second language")
        program = tmp_path_factory.mktemp(module.name) / module.name
        done = subprocess.run(
            [go, "build", "-o", program, "."], cwd=module, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return program

    return build


def _version(go: str) -> tuple[int, int]:
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True)
    found = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


@pytest.fixture(scope="session")
def node_install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[str, Path]]:
    """Gives the command of a Node module's main.mjs, with what its lock file names; skips where Node is missing."""

    def install(module: Path) -> tuple[str, Path]:
        if shutil.which("npm") is None:
            pytest.skip(f"needs node and npm, for {module.name}: a client in a second language")
        place = tmp_path_factory.mktemp(module.name) / module.name
        shutil.copytree(module, place)
        words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return "node", place / "main.mjs"

    return install
