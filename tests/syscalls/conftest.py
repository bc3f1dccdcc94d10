"""Real programs under a real filter, without worlds."""

from __future__ import annotations

import errno as names
import hashlib
import mmap
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultbox import rules as engine
from faultbox.linux import seccomp
from faultbox.model.event import Event
from faultbox.model.fault import Action, ActionKind, Counts, Fault, Port, Rule, RuleSet, Trigger
from faultbox.model.source import Position
from faultbox.model.syscalls import expand
from faultbox.model.topology import Interface, Service
from faultbox.syscalls import Supervisor, compile, supervise  # noqa: A004

HERE = Position("spec.star", 1)
PATIENCE_S = 10.0


def a_fault(
    kind: str = "deny",
    *,
    errno: int = names.EIO,
    delay_ms: float = 0,
    trigger: dict[str, Any] | None = None,
    **more: Any,
) -> Fault:
    action = Action(ActionKind(kind), errno if kind == "deny" else 0, delay_ms)
    return Fault(action, HERE, Trigger(**(trigger or {})), **more)


class Stand:
    """A service named `svc` with its supervisor. What it launches ends with the test."""

    def __init__(self, *, seed: int = 1, ports: Sequence[Port] = (), notify: Sequence[str] = (), **more: Any) -> None:
        self.page = mmap.mmap(-1, 2048 * 32)
        self.supervisor: Supervisor = supervise("svc", seed=seed, counters=self.page, ports=ports, **more)
        self.notify = set().union(*(expand(name) for name in notify))
        self.block_io_uring = bool(more.get("block_io_uring"))
        self.rules: tuple[Rule, ...] = ()
        self.processes: list[subprocess.Popen[bytes]] = []
        self._ports = ports
        self._epoch = 0
        self._token = 0

    def arm(self, *pairs: tuple[str, Fault], observed: Sequence[str] = ()) -> tuple[Rule, ...]:
        """Put rules in force, written order; gives them with their slots."""
        from dataclasses import replace

        services = {"svc": Service("svc", "/bin/true", HERE)}
        for port in self._ports:
            services[port.service] = Service(
                port.service, "/bin/true", HERE, (Interface(port.interface, "tcp", port.port, HERE),)
            )
        bound = [rule for rule in engine.bind(pairs, services, scope_id="t", target="svc") if rule.service == "svc"]
        first = len(self.rules)
        fresh = tuple(replace(rule, slot=first + n) for n, rule in enumerate(bound))
        self.rules += fresh
        self.put(fresh, observed)
        return fresh

    def put(self, rules: Sequence[Rule], observed: Sequence[str] = ()) -> None:
        self._epoch += 1
        calls = frozenset().union(*(expand(name) for name in observed))
        self.notify |= set().union(calls, *(rule.syscalls for rule in rules))
        self.supervisor.swap(RuleSet(tuple(rules), calls, self._epoch))

    def counts(self, rule: Rule) -> Counts:
        words = memoryview(self.page).cast("Q")
        return Counts(*words[rule.slot * 4 : rule.slot * 4 + 4])

    def launch(self, *argv: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program with the filter on it from its first instruction."""
        program = compile(frozenset(self.notify), block_io_uring=self.block_io_uring)
        listeners: list[int] = []
        installed, go = threading.Event(), threading.Event()

        def filtered() -> None:
            listeners.append(seccomp.install(program))
            installed.set()
            go.wait()
            options.setdefault("stdout", subprocess.PIPE)
            options.setdefault("stderr", subprocess.PIPE)
            self.processes.append(subprocess.Popen([os.fspath(each) for each in argv], **options))

        thread = threading.Thread(target=filtered)
        thread.start()
        assert installed.wait(PATIENCE_S)
        self.supervisor.attach(listeners[0])
        os.close(listeners[0])
        go.set()
        thread.join()
        return self.processes[-1]

    def run(self, *argv: str | Path, **options: Any) -> tuple[int, str, str]:
        """Launch a program and wait for its end: code, stdout, stderr."""
        process = self.launch(*argv, **options)
        out, err = process.communicate(timeout=30)
        return process.returncode, (out or b"").decode(), (err or b"").decode()

    def python(self, code: str, **options: Any) -> tuple[int, str, str]:
        return self.run(sys.executable, "-I", "-S", "-c", code, **options)

    def events(self) -> list[Event]:
        """All that has happened until now and was not given before."""
        self._token += 1
        self.supervisor.ask(self._token)
        found: list[Event] = []
        deadline = time.monotonic() + PATIENCE_S
        while self.supervisor.promised < self._token:
            assert time.monotonic() < deadline, "no promise came"
            select.select([self.supervisor], [], [], 1)
            found += self.supervisor.drain()
        return found

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        self.supervisor.close()


@pytest.fixture
def fault() -> Callable[..., Fault]:
    return a_fault


@pytest.fixture
def stand() -> Iterator[Callable[..., Stand]]:
    """Makes stands: stand(seed=, ports=, notify=)."""
    made: list[Stand] = []

    def make(**options: Any) -> Stand:
        made.append(Stand(**options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles C: c_program(source, "-static")."""
    directory = tmp_path_factory.mktemp("c")

    def build(source: str, *flags: str) -> Path:
        name = hashlib.blake2b("\0".join((source, *flags)).encode(), digest_size=8).hexdigest()
        binary = directory / name
        if not binary.exists():
            command = ["gcc", "-O1", "-x", "c", "-", "-o", binary, *flags]
            subprocess.run(command, input=source.encode(), check=True, capture_output=True)
        return binary

    return build
