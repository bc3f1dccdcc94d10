"""What a running scenario reaches of its world."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.host import Inconclusive
from faultbox.model.observation import Watch
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.spec import Monitor, Spec
from faultbox.model.syscalls import every
from faultbox.run.host import WorldHost

AT = Position("x.star", 1)
SPEC = Spec(Path("x.star"), {}, (), (), (), {}, (), {})


class Log:
    """Remembers who watches."""

    def __init__(self) -> None:
        self.checks: list[Any] = []

    def watch(self, check: Any, *, name: str) -> None:
        self.checks.append((name, check))


def host(log: Log, **needs: Any) -> WorldHost:
    return WorldHost(SPEC, Needs((), **needs), SimpleNamespace(log=log), print)  # type: ignore[arg-type]


def monitor(*shapes: dict[str, str], service: str = "") -> tuple[Monitor, list[Event]]:
    seen: list[Event] = []
    about = tuple((shape, ()) for shape in shapes or ({},))
    return Monitor("m", lambda: seen.append, AT, service, shapes or None, about=about), seen


def test_a_monitor_is_shown_the_events_of_its_service() -> None:
    log = Log()
    made, seen = monitor(service="db")
    host(log).watch(made)
    ((name, check),) = log.checks
    events = [Event(0, "x", "db"), Event(0, "x", "api")]
    for each in events:
        check(each)
    assert (name, seen) == ("m", events[:1])


@pytest.mark.parametrize("shape", [{"type": "file"}, {"type": "socket", "service": "db"}, {"path": "/etc/*"}])
def test_a_monitor_of_what_this_host_can_not_show_is_inconclusive(shape: dict[str, str]) -> None:
    made, _ = monitor({"type": "stdout"}, shape)
    with pytest.raises(Inconclusive, match=r"monitor 'm' can't be judged: .*no BPF here"):
        host(Log(), blind="no BPF here").watch(made)
    log = Log()
    host(log, watched={"db": Watch(every(), files=True, sockets=True)}).watch(made)
    assert len(log.checks) == 1


@pytest.mark.parametrize("shape", [{"type": "stdout"}, {"type": "proxy"}, {"decision": "deny*"}, {"service": "db"}])
def test_what_needs_no_bpf_is_watched_without(shape: dict[str, str]) -> None:
    log = Log()
    made, _ = monitor(shape)
    host(log, blind="no BPF here").watch(made)
    assert len(log.checks) == 1
