"""Specs as text, with what they give or what is wrong with them, and a world that only remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultbox import spec as specs
from faultbox.model.event import Event
from faultbox.model.fault import Assumption, Fault
from faultbox.model.host import ExitStatus, Response, Way, current
from faultbox.model.message import MessageFault
from faultbox.model.source import Position, SpecErrors
from faultbox.model.spec import Monitor, Spec
from faultbox.model.topology import Endpoint
from faultbox.spec import loader

PREAMBLE = """
db = service("db", "bin/db", interface("main", "tcp", 5432), ops = {"wal": op(syscalls=["write"], path="/data/*")})
api = service("api", "bin/api", interface("public", "http", 8080), depends_on = [db])
"""


MISTAKES = Path(__file__).with_name("mistakes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`test_mistakes_in_x` runs once for each block of mistakes/x.txt: lines after "> ", then what they give."""
    if "mistake" not in metafunc.fixturenames:
        return
    name = metafunc.function.__name__.removeprefix("test_mistakes_in_")
    blocks = (MISTAKES / f"{name}.txt").read_text().split("\n\n")[1:]
    found = []
    for block in blocks:
        lines = block.strip("\n").split("\n")
        text = "\n".join(line[2:] for line in lines if line.startswith("> "))
        found.append((text, [line for line in lines if not line.startswith("> ")]))
    metafunc.parametrize("mistake", found, ids=[text for text, _ in found])


class OpenGate:
    """Stands for starlark-go, which has tests of its own and takes its time to start."""

    def __init__(self, names: object) -> None: ...

    def ask(self, sources: object) -> None: ...

    def answer(self) -> list[object]:
        return []

    def close(self) -> None: ...


class FakeHost:
    """Does nothing and remembers it; answers are set by tests."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.trace: list[Event] = []
        self.response = Response(200, body="ok", ok=True, protocol="http")
        self.unobservable = ""
        self.lost = ""
        self.ended: ExitStatus | None = None
        self.assertions = 0

    def step(self, endpoint: Endpoint, method: str, arguments: Mapping[str, Any]) -> Response:
        self.done.append(("step", str(endpoint), method, dict(arguments)))
        return self.response

    def arm(
        self, service: str, faults: Sequence[tuple[str, Fault]], position: Position, *, started: bool = False
    ) -> int:
        kind = "start" if started else "arm"
        self.done.append((kind, service, [(keyword, fault.text) for keyword, fault in faults], position.line))
        return len(self.done)

    def arm_messages(
        self,
        endpoint: Endpoint,
        rules: Sequence[MessageFault],
        source: str,
        position: Position,
        *,
        started: bool = False,
    ) -> int:
        kind = "start" if started else "arm"
        self.done.append((kind, str(endpoint), [each.text for each in rules], source, position.line))
        return len(self.done)

    def partition(self, a: str, b: str, direction: Way, position: Position, *, started: bool = False) -> int:
        self.done.append(("part" if started else "arm", a, b, direction, position.line))
        return len(self.done)

    def heal(self, handle: int) -> None:
        self.done.append(("heal", handle))

    def heal_started(self, a: str, b: str) -> None:
        self.done.append(("heal", a, b))

    def arm_assumption(self, assumption: Assumption) -> int:
        self.done.append(("arm", assumption.name))
        return len(self.done)

    def disarm(self, handle: int) -> None:
        self.done.append(("disarm", handle))

    def disarm_started(self, service: str, interface: str = "") -> None:
        self.done.append(("stop", service, interface) if interface else ("stop", service))

    def events(self) -> Sequence[Event]:
        return self.trace

    def await_event(self, matches: Callable[[Event], bool], within_ms: float) -> Event | None:
        self.done.append(("await", within_ms))
        return next(filter(matches, self.trace), None)

    def observable(self, filters: Mapping[str, str], where: object = None) -> str:
        return self.unobservable

    def missing(self, filters: Mapping[str, str], where: object = None) -> str:
        return self.lost

    def watch(self, monitor: Monitor) -> None:
        self.done.append(("watch", monitor.name, monitor.service))

    def exit_of(self, service: str, within_ms: float) -> ExitStatus | None:
        self.done.append(("exit", service, within_ms))
        return self.ended

    def parallel(self, branches: Sequence[Callable[[], Any]]) -> list[Any]:
        return [each() for each in branches]

    def sleep(self, milliseconds: float) -> None:
        self.done.append(("sleep", milliseconds))

    def print(self, text: str, position: Position) -> None:
        self.done.append(("print", text, position.line))

    def asserted(self) -> None:
        self.assertions += 1


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with two programs that specs may name."""
    (tmp_path / "bin").mkdir()
    for name in ("db", "api"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


Load = Callable[..., Spec]


@pytest.fixture
def load(place: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a spec from its text; further files by name. `preamble=False` leaves db and api out."""
    monkeypatch.setattr(loader, "Gate", OpenGate)
    monkeypatch.chdir(place)

    def loaded(text: str, *, preamble: bool = True, printed: list[str] | None = None, **files: str) -> Spec:
        for name, content in files.items():
            (place / f"{name}.star").write_text(content)
        path = place / "spec.star"
        path.write_text((PREAMBLE if preamble else "") + text)
        heard = printed if printed is not None else []
        return specs.load(Path("spec.star"), seed=1, on_print=lambda line, _position: heard.append(line))

    return loaded


@pytest.fixture
def problems(load: Load, place: Path) -> Callable[..., list[str]]:
    """What is wrong with a spec, one line a problem: `7:12 [CODE] text | near: x | accepted: y`."""

    def found(text: str, **options: Any) -> list[str]:
        with pytest.raises(SpecErrors) as caught:
            load(text, **options)
        lines = []
        for each in caught.value.problems:
            line = f"{each.position.line}:{each.position.column} [{each.code}] {each.message}"
            line += f" | near: {each.nearest}" if each.nearest else ""
            line += f" | accepted: {each.accepted}" if each.accepted else ""
            lines.append(line.replace(str(place), "."))
        return lines

    return found


@pytest.fixture
def host() -> Iterator[FakeHost]:
    """The world of a scenario, for as long as the test runs."""
    fake = FakeHost()
    token = current.set(fake)
    yield fake
    current.reset(token)


@pytest.fixture
def run(load: Load, host: FakeHost) -> Callable[..., Any]:
    """Load a spec whose function test_it() has this body, then run it as a scenario; gives what it returned."""

    def ran(body: str, before: str = "", **options: Any) -> Any:
        token = current.set(None)  # type: ignore[arg-type]
        lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
        spec = load(f"{before}\ndef test_it():\n{lines}", **options)
        current.reset(token)
        return spec.tests[0].body()

    return ran
