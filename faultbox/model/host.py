"""What builtins may ask of the world they run in, while a scenario runs.

`run/host.py` implements it, tests use a fake. It is held in a ContextVar, so `spec/` never
imports `run/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import field
from typing import Any, Literal, Protocol

from faultbox.model.event import Event
from faultbox.model.fault import Assumption, Fault
from faultbox.model.frozen import frozen
from faultbox.model.message import MessageFault
from faultbox.model.source import Position
from faultbox.model.spec import Monitor
from faultbox.model.topology import Endpoint

Way = Literal["both", "a_to_b", "b_to_a"]
"""Which packets a partition between a and b loses: all, those that a sends, those that b sends."""


@frozen
class Response:
    """What a step gives back. A step that could not connect, or got no answer in time, has `error` set.

    `ok`: an answer came and its protocol calls it a success (for http: status < 400).
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    data: Any = None
    fields: Mapping[str, str] = field(default_factory=dict)
    ok: bool = False
    error: str = ""
    duration_ms: float = 0.0
    protocol: str = ""


@frozen
class ExitStatus:
    """How a service's main process ended: exactly one of code and signal is set."""

    code: int | None
    signal: int | None


class CaseHalted(BaseException):
    """The case is over (its limit passed, or a service died): unwind every branch of the scenario."""


class AssertionFailed(Exception):
    """An assert_* or expect_* did not hold, or the spec called fail(). `deciding` shows the events that decided it."""

    def __init__(self, message: str, *, code: str = "ASSERTION", deciding: Sequence[Event] = ()) -> None:
        self.code = code
        self.deciding = tuple(deciding)
        super().__init__(message)


class Inconclusive(Exception):
    """What was asked can't be decided: an event was lost, a source is gone, this host can't observe it."""


class SpecError(Exception):
    """A builtin was called wrongly while a scenario ran (at load it becomes a Problem)."""

    def __init__(self, code: str, message: str, *, accepted: str = "", nearest: str = "") -> None:
        self.code = code
        self.message = message
        self.accepted = accepted
        self.nearest = nearest
        text = message
        if nearest:
            text += f"; did you mean {nearest!r}?"
        if accepted:
            text += f" (accepted: {accepted})"
        super().__init__(text)


class Host(Protocol):
    """The world, as builtins see it. Every method may raise CaseHalted."""

    def step(self, endpoint: Endpoint, method: str, arguments: Mapping[str, Any]) -> Response:
        """Do one protocol operation as the driver. Transport errors are in the response, never raised."""
        ...

    def arm(
        self, service: str, faults: Sequence[tuple[str, Fault]], position: Position, *, started: bool = False
    ) -> int:
        """Begin an inner scope of faults on a service; returns its handle once every supervisor has it.

        `started`: fault_start() began it, so that disarm_started() ends it.
        """
        ...

    def arm_messages(
        self,
        endpoint: Endpoint,
        rules: Sequence[MessageFault],
        source: str,
        position: Position,
        *,
        started: bool = False,
    ) -> int:
        """Begin an inner scope of faults on the messages to an interface; returns its handle once the edges have it.

        `source` is the one caller whose messages are meant: a service's name, `driver`, "" for all. `started`: as of
        `arm`. Raises SpecError where the plan has not prepared the edges.
        """
        ...

    def arm_assumption(self, assumption: Assumption) -> int:
        """Begin an inner scope of all rules of an assumption; returns its handle once they are in force."""
        ...

    def disarm(self, handle: int) -> None: ...

    def disarm_started(self, service: str, interface: str = "") -> None:
        """End every scope that fault_start() began on this service, or only those on one interface of it."""
        ...

    def partition(self, a: str, b: str, direction: Way, position: Position, *, started: bool = False) -> int:
        """Lose all packets between two services, of connections old and new, until `heal` or the end of the case.

        Returns its handle once none gets through. `started`: nothing but `heal_started` ends it.
        """
        ...

    def heal(self, handle: int) -> None:
        """End a partition; ending one twice is harmless."""
        ...

    def heal_started(self, a: str, b: str) -> None:
        """End every partition between the two, named in either order, that was begun with `started`."""
        ...

    def events(self) -> Sequence[Event]:
        """All that has happened until this call, in order: sources are asked first. Raises Inconclusive."""
        ...

    def await_event(self, matches: Callable[[Event], bool], within_ms: float) -> Event | None:
        """The first event, past or to come, that matches; None when the time is over."""
        ...

    def observable(self, filters: Mapping[str, str], where: object = None) -> str:
        """Why events of this shape, which `where` judges besides, could not be seen in this case, or may have been
        lost ("": all were seen)."""
        ...

    def missing(self, filters: Mapping[str, str], where: object = None) -> str:
        """Why events of this shape, which `where` judges besides, may have been lost in this case ("": none was)."""
        ...

    def caused(self, first: Event, then: Event) -> bool | None:
        """Whether a chain of messages leads from one event to the other; None where that isn't known.

        Raises Inconclusive where nothing is known of what threads exchange.
        """
        ...

    def watch(self, monitor: Monitor) -> None:
        """Run a monitor on all events of the case, from its first, until the case ends."""
        ...

    def exit_of(self, service: str, within_ms: float) -> ExitStatus | None:
        """How the service ended, waiting at most that long; None while it runs. Accepts the end as expected."""
        ...

    def parallel(self, branches: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run branches in threads, results in their order. Raises the first branch's error, by position."""
        ...

    def sleep(self, milliseconds: float) -> None: ...

    def print(self, text: str, position: Position) -> None: ...

    def asserted(self) -> None:
        """Count one evaluated assertion."""
        ...


current: ContextVar[Host] = ContextVar("faultbox.host")
"""The host of the running case; unset while a spec loads."""
