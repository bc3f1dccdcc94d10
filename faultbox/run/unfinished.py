"""System calls that are not over when the scenario asks what has happened: a connect that hangs has been made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from faultbox.model.event import Event
from faultbox.run.stage import Stage


def so_far(stage: Stage) -> Sequence[Event]:
    """All that has happened up to now, and last the calls that are in progress. Raises Inconclusive."""
    stage.log.sync()
    running = calls(stage)
    if not running:
        return stage.log.query()
    stage.log.sync()
    events = stage.log.query()
    newest = {event.fields.get("tid"): event.time_ns for event in events if event.type == "syscall"}
    still = (each for each in running if newest.get(each.fields["tid"], 0) < each.time_ns)
    return [*events, *(replace(each, seq=number) for number, each in enumerate(still, len(events) + 1))]


def calls(stage: Stage) -> list[Event]:
    """The calls in progress that had begun when the log was asked last; one may have ended since."""
    return stage.observer.unfinished() if stage.observer is not None else []
