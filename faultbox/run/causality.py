"""Order and cause in a case, from its trace and the flows that the kernel wrote down meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from faultbox import observe
from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.model.host import Inconclusive
from faultbox.run.stage import Stage
from faultbox.trace import tree
from faultbox.trace.causes import causes
from faultbox.trace.order import HappensBefore, order
from faultbox.trace.streams import OVERLAPPING

_MOST = 100_000
"""Flows that are gone through at a case's end: they take two seconds."""


def deciding_tree(stage: Stage, events: Sequence[Event], named: Sequence[Event]) -> dict[str, Any] | None:
    """What the step that a verdict is about has caused, to be called once the log is complete; None where it isn't
    known, or too much has happened to find out at once (`faultbox inspect` takes its time)."""
    with contextlib.suppress(Inconclusive):  # then what is there must do: flows have no gap but their end
        stage.log.sync()
    found = _flows(stage, most=_MOST)
    if found is None or not events:
        return None
    flows, lost = found
    known = causes(events, flows, lost=lost, overlapping=_overlapping(stage))
    step = tree.deciding_step(known, named)
    return tree.shape(step, events[0].time_ns) if step is not None else None


def order_so_far(stage: Stage, events: Sequence[Event]) -> HappensBefore:
    """The order by cause of what has happened up to the log's last sync. Raises Inconclusive."""
    found = _flows(stage, most=None)
    if found is None:
        raise Inconclusive("nobody saw what threads exchanged: `faultbox doctor` tells why")
    return order(events, found[0], lost=found[1])


def _overlapping(stage: Stage) -> frozenset[int]:
    endpoints = (each for service in stage.spec.services.values() for each in service.endpoints)
    return frozenset(each.port for each in endpoints if each.interface.protocol in OVERLAPPING)


def _flows(stage: Stage, *, most: int | None) -> tuple[list[Flow], int] | None:
    """What has flowed, and how much of it was lost."""
    if stage.observer is None:
        return None
    flows: list[Flow] = []
    for flow in observe.flows(stage.place / "flows.bin"):
        flows.append(flow)
        if most is not None and len(flows) > most:
            return None
    return flows, stage.observer.totals().lost.get("flows", 0)
