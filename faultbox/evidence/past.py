"""A run that is over, as the host of expectations and monitors that are asked about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from faultbox.model.event import Event
from faultbox.model.host import ExitStatus, Inconclusive
from faultbox.model.source import Position
from faultbox.model.spec import Monitor


class Past:
    """The world of a recorded case. What would have to be done again, or waited for, is inconclusive.

    Implements model.host.Host. `why_unseen` says why events of a shape could not be in the record.
    """

    def __init__(self, events: Sequence[Event], why_unseen: Callable[[Mapping[str, str], object], str]) -> None:
        self._events = events
        self._why_unseen = why_unseen

    def events(self) -> Sequence[Event]:
        return self._events

    def await_event(self, matches: Callable[[Event], bool], within_ms: float) -> Event | None:
        found = next(filter(matches, self._events), None)
        if found is None:
            raise Inconclusive(
                f"no such event is in the record, and whether one would have come within {within_ms:g}ms can't be told"
            )
        return found

    def observable(self, filters: Mapping[str, str], where: object = None) -> str:
        return self._why_unseen(filters, where)

    def missing(self, filters: Mapping[str, str], where: object = None) -> str:
        return self._why_unseen(filters, where)

    def caused(self, first: Event, then: Event) -> bool | None:  # noqa: ARG002 - of no events
        raise Inconclusive("what came of what is not judged from a record")

    def exit_of(self, service: str, within_ms: float) -> ExitStatus | None:
        end = self.await_event(lambda each: each.type == "service_exited" and each.service == service, within_ms)
        assert end is not None
        code, signal = end.fields.get("code", ""), end.fields.get("signal", "")
        return ExitStatus(_number(code), _number(signal))

    def parallel(self, branches: Sequence[Callable[[], Any]]) -> list[Any]:
        return [branch() for branch in branches]

    def sleep(self, milliseconds: float) -> None:
        """Time has passed already."""

    def print(self, text: str, position: Position) -> None:
        """What is printed now is not part of the record."""

    def asserted(self) -> None:
        """Nobody counts."""

    def watch(self, monitor: Monitor) -> NoReturn:
        _over(f"monitor {monitor.name} can't begin")

    def step(self, *_: object, **__: object) -> NoReturn:
        _over("a step can't be done")

    def arm(self, *_: object, **__: object) -> NoReturn:
        _over("a fault can't begin")

    arm_messages = arm_assumption = disarm = disarm_started = arm

    def partition(self, *_: object, **__: object) -> NoReturn:
        _over("a partition can't begin or end")

    heal = heal_started = partition


def _over(what: str) -> NoReturn:
    raise Inconclusive(f"{what} any more: the run is over, and this judges its record")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
