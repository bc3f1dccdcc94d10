"""Worlds for tests: each test body runs in a forked process of its own, as a case does."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultbox.linux import cgroup, namespaces, pidfd, seccomp
from faultbox.world import Command, Layout, Output, Process, Settings, World, prepare

PYTHON = os.path.realpath(sys.executable)
DEADLINE_MS = 30_000
Forked = Callable[[Callable[[], Any]], Any]


class Box:
    """What a test body needs: a place for layers, worlds, and services in them."""

    def __init__(self, base: Path, parent: Path | None) -> None:
        self.parent = parent
        self.layout = Layout(base / "run", base / "layers")
        self.layout.run_dir.mkdir()
        prepare(self.layout.layers_dir)
        self.worlds: list[World] = []

    def open(self, name: str = "w", **settings: Any) -> World:
        settings.setdefault("layout", self.layout)
        settings.setdefault("cgroup_parent", self.parent)
        world = World.open(Settings(name, **settings))
        self.worlds.append(world)
        return world

    def launch(self, world: World, *argv: str, service: str = "api", **how: Any) -> Process:
        launching = {key: how.pop(key) for key in ("filter", "attach") if key in how}
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **how.pop("env", {})}
        return world.launch(Command(service, argv, env=env, **how), **launching)

    def python(self, world: World, program: str, **how: Any) -> Process:
        return self.launch(world, PYTHON, "-I", "-S", "-c", program, **how)

    def sh(self, world: World, script: str, **how: Any) -> Process:
        return self.launch(world, "/bin/sh", "-c", script, **how)

    def read(self, process: Process) -> str:
        """All that a process prints on both streams until both are closed."""
        text = b"".join(iter(lambda: os.read(process.stdout, 65536), b""))
        return (text + b"".join(iter(lambda: os.read(process.stderr, 65536), b""))).decode()

    def read_some(self, process: Process) -> str:
        """The next thing that it prints to standard output."""
        return os.read(process.stdout, 65536).decode()

    def output(self, world: World, script: str, **how: Any) -> str:
        """What a shell script prints in a world."""
        return self.read(self.sh(world, script, **how))

    def exits(self, world: World, count: int) -> list[Any]:
        """The next notices, waiting for them."""
        found: list[Any] = []
        while len(found) < count:
            assert select.select([world.notices], [], [], DEADLINE_MS / 1000)[0], f"only {found} ended"
            found += world.notices.drain()
            if world.notices.lost:
                break
        return found

    def close(self) -> None:
        for world in self.worlds:
            world.close()
        if self.parent is not None:
            cgroup.remove(self.parent)


@pytest.fixture
def boxed(tmp_path: Path, forked: Forked) -> Callable[[Callable[[Box], Any]], Any]:
    """Run a body in a forked process, with a Box; everything it opened is closed."""

    def run(body: Callable[[Box], Any]) -> Any:
        def inner() -> Any:
            top = cgroup.writable_parent()
            box = Box(tmp_path, top / f"faultbox-test-{os.getpid()}" if top else None)
            try:
                return body(box)
            finally:
                box.close()

        return forked(inner)

    return run


@pytest.fixture
def make_box() -> type[Box]:
    return Box


@pytest.fixture
def as_nobody(forked: Forked) -> Iterator[Callable[[Callable[[Box], Any]], Any]]:
    """Run a body as uid 65534 in a user namespace of its own, with a Box and no cgroups."""
    "localhost".encode("idna")  # socket imports this codec when it is first needed: nobody may not be able to read it
    base = Path(tempfile.mkdtemp(prefix="faultbox-nobody-", dir="/var/tmp"))
    os.chown(base, 65534, 65534)

    def run(body: Callable[[Box], Any]) -> Any:
        def inner() -> Any:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as after an exec by that user
            namespaces.enter_user_namespace()
            box = Box(base, None)
            try:
                return body(box)
            finally:
                box.close()

        return forked(inner)

    yield run
    shutil.rmtree(base)


@pytest.fixture
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compile a C program outside /tmp, so that every world sees it."""
    made: list[Path] = []

    def compile_(source: str, *flags: str) -> Path:
        directory = Path(tempfile.mkdtemp(prefix="faultbox-c-", dir="/var/tmp"))
        made.append(directory)
        target = directory / "program"
        command: Sequence[str] = ("gcc", "-O1", "-x", "c", "-", "-o", str(target), *flags)
        subprocess.run(command, input=source.encode(), check=True, capture_output=True)
        return target

    yield compile_
    for directory in made:
        shutil.rmtree(directory)


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether the process of a pidfd ends within the deadline."""
    return lambda descriptor: pidfd.wait(descriptor, DEADLINE_MS)


@pytest.fixture
def drain_to_end() -> Callable[[Output], None]:
    def drain(output: Output) -> None:
        poll = select.poll()
        poll.register(output.fileno(), select.POLLIN)
        while output.drain():
            assert poll.poll(DEADLINE_MS), "the stream is neither readable nor closed"

    return drain


_MKDIR = {"x86_64": (83, 258), "aarch64": (34,)}[os.uname().machine]
"""mkdir, mkdirat."""


def _notifying(*numbers: int) -> bytes:
    """A filter, assembled by hand, that notifies the named calls of this machine and allows all others."""
    load, equals, answer = (0x20, 0x15, 0x06)
    tests = [struct.pack("=HBBI", equals, len(numbers) - place, 0, nr) for place, nr in enumerate(numbers)]
    ends = [struct.pack("=HBBI", answer, 0, 0, action) for action in (0x7FFF0000, 0x7FC00000)]
    return b"".join([struct.pack("=HBBI", load, 0, 0, 0), *tests, *ends])


@pytest.fixture
def notifying_mkdir() -> bytes:
    return _notifying(*_MKDIR)


@pytest.fixture
def notifying_all() -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, 0x7FC00000)


def _serve(listener: int, counts: list[int], code: int) -> None:
    """Answer every call that is notified, with an errno or by letting it go, until nobody is left to make one."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    counts.append(0)
    while True:
        ((_, events),) = poll.poll(DEADLINE_MS)
        if not events & select.POLLIN:
            os.close(listener)
            return
        with contextlib.suppress(FileNotFoundError):
            held = seccomp.Listener(listener)
            identity = held.receive()[:8]
            held.deny(identity, code) if code else held.let_go(identity)
            counts[-1] += 1


class Server:
    """attach= for a launch: answers in a thread. `counts`: calls answered, by launch."""

    def __init__(self, code: int = 0) -> None:
        self._code = code
        self.counts: list[int] = []
        self._threads: list[threading.Thread] = []

    def __call__(self, listener: int) -> None:
        self._threads.append(threading.Thread(target=_serve, args=(os.dup(listener), self.counts, self._code)))
        self._threads[-1].start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(DEADLINE_MS / 1000)


@pytest.fixture
def serve_errors() -> Server:
    return Server(errno.ENOSPC)


@pytest.fixture
def let_all_go() -> Server:
    return Server()
