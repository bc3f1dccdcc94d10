"""Flows and events of a driver and a service, told one after the other."""

from __future__ import annotations

from typing import Any

from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.trace.causes import Causes, causes

FOR_EVER = 2**32 - 1
MS = 1_000_000


class Story:
    """A driver's steps 1 and 2 (threads 11, 12), and a service `api` with a loop (thread 21), told in ms."""

    def __init__(self) -> None:
        self.flows: list[Flow] = []
        self.events: list[Event] = []
        for step in (1, 2):
            self.event(0.1 * step, "step_send", "driver", f"thread {10 + step}", step=str(step))

    def flow(self, ms: float, lane: str, tid: int, kind: Any, began: float | None = None, **more: Any) -> None:
        pid = {"driver": 1}.get(lane, more.pop("pid", 20))
        began_ns = int((ms if began is None else began) * MS)
        self.flows.append(Flow(int(ms * MS), began_ns, lane, pid, tid, kind, **more))

    def event(self, ms: float, kind: str, service: str, origin: str = "", **fields: str) -> Event:
        self.events.append(Event(int(ms * MS), kind, service, fields, {}, len(self.events) + 1, origin))
        return self.events[-1]

    def ask(self, ms: float, step: int, *, tid: int = 21, began: float | None = None) -> None:
        """A step's request, which the service accepts and reads a little later, in a call that `began` then."""
        here, there, end = f"127.0.0.1:{1000 + step}", "127.0.0.1:80", 100 * step
        self.flow(ms, "driver", 10 + step, "opened", end=end, local=here, remote=there)
        self.flow(ms + 0.01, "driver", 10 + step, "sent", end=end, length=9, position=9)
        self.flow(ms + 0.02, "api", 21, "opened", end=end + 1, local=there, remote=here, accepted=True)
        self.flow(ms + 0.2, "api", tid, "received", began, end=end + 1, length=9, position=9)

    def answer(self, ms: float, step: int, tid: int = 21) -> None:
        self.flow(ms, "api", tid, "sent", end=100 * step + 1, length=9, position=9)

    def waits(self, began: float, ms: float, ready: int = 1, tid: int = 21, **more: Any) -> None:
        given = {"local": "epoll", "position": FOR_EVER, **more}
        self.flow(ms, "api", tid, "waits", began=began, length=ready, **given)

    def write(self, ms: float, tid: int = 21) -> Event:
        """A file is written: what it was for is the question."""
        return self.event(ms, "file", "api", tid=str(tid), pid="20", op="write")

    def told(self) -> Causes:
        return causes(sorted(self.events, key=lambda event: event.time_ns), self.flows)

    def step_of(self, event: Event) -> str:
        """The step that an event was for: its number, or `?`."""
        found = self.told().step_of(event)
        return "?" if found is None or found.step is None else found.step.fields["step"]
